// lluda-run: continues a text, or transcribes sounds, with a bundle that `lluda compile` wrote. It links
// no compiler.
#include <limits.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bundle/layout.h"
#include "cli/flags/arguments.h"
#include "cli/flags/generation.h"
#include "cli/flags/generation_flags.h"
#include "cli/flags/transcription.h"
#include "cli/terminal/exit_code.h"
#include "cli/terminal/output.h"
#include "engine/model.h"
#include "media/sound_program.h"
#include "runtime/machine/process.h"

namespace lluda::cli {
namespace {

constexpr char kProgram[] = "lluda-run";

absl::StatusOr<std::unique_ptr<engine::Model>> OpenBundle(const ModelFlags& flags) {
  engine::LoadOptions options;
  options.folder = flags.model;
  options.module.context = flags.context.value_or(0);
  options.threads = flags.threads;
  options.check_weights = flags.check;
  options.force = flags.force;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, engine::Model::OpenBundle(options));
  PrintNotes(kProgram, model->notes());
  return model;
}

// Sound files are read by lluda-sound, which lies beside this program.
absl::StatusOr<std::vector<float>> ReadSound(const std::string& file) {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length < 0) return absl::UnavailableError("/proc/self/exe: cannot be read");
  path.resize(static_cast<size_t>(length));
  path.resize(path.rfind('/') + 1);
  return media::ReadSoundWith(path + "lluda-sound", file, {});
}

absl::StatusOr<int> Generate(const GenerateFlags& flags) {
  if (SpeculateOf(flags) == engine::Speculate::kDrafter) {
    return absl::InvalidArgumentError("--speculate: off or prompt; `lluda` takes a model, too");
  }
  ASSIGN_OR_RETURN(std::string prompt, ReadPrompt(flags.prompt));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, OpenBundle(flags.model));
  return GenerateText(kProgram, model.get(), flags, prompt, /*grammar=*/nullptr);
}

absl::StatusOr<int> Transcribe(const TranscribeFlags& flags) {
  ASSIGN_OR_RETURN(const Hearing hearing, PrepareHearing(flags, ReadSound));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, OpenBundle(flags.model));
  return TranscribeSounds(kProgram, model.get(), flags, hearing);
}

absl::StatusOr<int> Run(const RunParseResult& parsed) {
  return parsed.transcribe.files.empty() ? Generate(parsed.flags) : Transcribe(parsed.transcribe);
}

std::string RunVersionText() {
  return absl::StrCat("lluda-run ", bundle::kLludaVersion, ", for bundles of format ",
                      bundle::kFormat);
}

}  // namespace
}  // namespace lluda::cli

int main(int argc, char** argv) {
  return lluda::runtime::RunProcess([&] {
    const lluda::cli::RunParseResult parsed =
        lluda::cli::ParseRunArguments(argc, argv, lluda::cli::RunVersionText);
    if (parsed.exit_code) return *parsed.exit_code;
    return lluda::cli::ExitCodeOf("lluda-run", lluda::cli::Run(parsed));
  });
}
