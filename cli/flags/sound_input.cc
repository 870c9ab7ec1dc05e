#include "cli/flags/sound_input.h"

#include <cstddef>

#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "media/sound_file.h"

namespace lluda::cli {

absl::StatusOr<std::vector<float>> ReadSoundInput(const std::string& file) {
  if (file != "-") return media::ReadSoundFile(file, {});
  ASSIGN_OR_RETURN(const std::string text, base::ReadInput(file));
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return media::ReadSound("stdin", {bytes, text.size()}, {});
}

}  // namespace lluda::cli
