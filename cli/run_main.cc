// lluda-run: continues a text, or transcribes sounds, with a bundle that `lluda compile` wrote. It links
// no compiler. It is static: for what needs shared libraries there are programs beside it, lluda-sound
// and lluda-serve.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "cli/flags/arguments.h"
#include "cli/flags/bundle.h"
#include "cli/flags/generation.h"
#include "cli/flags/generation_flags.h"
#include "cli/flags/transcription.h"
#include "cli/terminal/exit_code.h"
#include "engine/model.h"
#include "media/sound_program.h"
#include "runtime/machine/process.h"

namespace lluda::cli {
namespace {

constexpr char kProgram[] = "lluda-run";

absl::StatusOr<std::vector<float>> ReadSound(const std::string& file) {
  return media::ReadSoundWith(runtime::PathBeside("lluda-sound"), file, {});
}

// Becomes the server, with the arguments but for --serve, the one at `serve`. Returns if it cannot.
absl::Status BecomeServer(char** argv, char** serve) {
  const std::string program = runtime::PathBeside("lluda-serve");
  for (; *serve != nullptr; ++serve) serve[0] = serve[1];
  execv(program.c_str(), argv);
  const int error = errno;
  const std::string reason = absl::StrCat(program, ": cannot be run: ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(reason) : absl::UnavailableError(reason);
}

absl::StatusOr<int> Generate(const GenerateFlags& flags) {
  if (SpeculateOf(flags) == engine::Speculate::kDrafter) {
    return absl::InvalidArgumentError("--speculate: off or prompt; `lluda` takes a model, too");
  }
  ASSIGN_OR_RETURN(std::string prompt, ReadPrompt(flags.prompt));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, OpenBundle(kProgram, flags.model));
  return GenerateText(kProgram, model.get(), flags, prompt, /*grammar=*/nullptr);
}

absl::StatusOr<int> Transcribe(const TranscribeFlags& flags) {
  ASSIGN_OR_RETURN(const Hearing hearing, PrepareHearing(flags, ReadSound));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, OpenBundle(kProgram, flags.model));
  return TranscribeSounds(kProgram, model.get(), flags, hearing);
}

absl::StatusOr<int> Run(const RunParseResult& parsed) {
  return parsed.transcribe.files.empty() ? Generate(parsed.flags) : Transcribe(parsed.transcribe);
}

}  // namespace
}  // namespace lluda::cli

int main(int argc, char** argv) {
  return lluda::runtime::RunProcess([&] {
    char** const end = argv + argc;
    if (char** const serve = std::find(argv + 1, end, absl::string_view("--serve")); serve != end) {
      return lluda::cli::ExitCodeOf("lluda-run", lluda::cli::BecomeServer(argv, serve));
    }
    const lluda::cli::RunParseResult parsed = lluda::cli::ParseRunArguments(
        argc, argv, [] { return lluda::cli::BundleVersionText("lluda-run"); });
    if (parsed.exit_code) return *parsed.exit_code;
    return lluda::cli::ExitCodeOf("lluda-run", lluda::cli::Run(parsed));
  });
}
