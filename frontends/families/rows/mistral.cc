// Mistral: each token sees a window of positions, in all layers.
#include <cstdint>
#include <optional>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"sliding_window", FieldUse::kUsed},
};

constexpr int64_t kDefaultWindow = 4096;

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, kDefaultWindow));
  return SetWindows(fields, window, [](int64_t) { return true; }, decoder);
}

}  // namespace

const Family kMistral = {
    "mistral", "MistralForCausalLM", "MistralModel", kFields, {0, 8}, kAllRopeTypes, Read};

}  // namespace lluda::frontends::families
