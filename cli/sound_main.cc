// lluda-sound: reads a sound file for lluda-run, which is static and has no library that could.
//
//   lluda-sound talk.mp3 >samples   # 16 kHz, one channel, f32, as they lie in memory
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "cli/flags/sound_input.h"
#include "cli/terminal/exit_code.h"
#include "cli/terminal/output.h"
#include "runtime/machine/process.h"

namespace lluda::cli {
namespace {

absl::StatusOr<int> Run(int argc, char** argv) {
  if (argc != 2) {
    return absl::InvalidArgumentError("takes one sound file, - is stdin, and writes its samples");
  }
  ASSIGN_OR_RETURN(const std::vector<float> samples, ReadSoundInput(argv[1]));
  return Print(absl::string_view(reinterpret_cast<const char*>(samples.data()),
                                 samples.size() * sizeof(float)));
}

}  // namespace
}  // namespace lluda::cli

int main(int argc, char** argv) {
  return lluda::runtime::RunProcess(
      [&] { return lluda::cli::ExitCodeOf("lluda-sound", lluda::cli::Run(argc, argv)); });
}
