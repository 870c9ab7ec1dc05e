// SmolLM3: layers without rotary embedding among the others, which alone may have windows.
#include <cstdint>
#include <optional>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/layers_without_rope.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kOwnFields[] = {
    {"attention_bias", FieldUse::kUsed},
    {"mlp_bias", FieldUse::kUsed},
    {"use_sliding_window", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
};
constexpr auto kFields = Joined(kOwnFields, kLayersWithoutRopeFields);

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  RETURN_IF_ERROR(ReadLinearBiases(fields, decoder));
  RETURN_IF_ERROR(SetLayersWithoutRope(fields, 4, decoder));
  bool on = false;
  RETURN_IF_ERROR(ReadBool(fields, "use_sliding_window", &on));
  const auto slides = [decoder](int64_t layer) { return !Rotates(*decoder, layer); };
  if (!on) return SetWindows(fields, std::nullopt, slides, decoder);
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, std::nullopt));
  return SetWindows(fields, window, slides, decoder);
}

}  // namespace

const Family kSmolLm3 = {"smollm3", "SmolLM3ForCausalLM",    "SmolLM3Model",
                         kFields,   {0, 4, 1e-6, 2e6, true}, kAllRopeTypes,
                         Read,      /*windows=*/true};

}  // namespace lluda::frontends::families
