// SmolLM3: layers without rotary embedding among the others, which alone may have windows.
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

using decoder::Decoder;

constexpr FieldRow kFields[] = {
    {"attention_bias", FieldUse::kUsed},     {"mlp_bias", FieldUse::kUsed},
    {"no_rope_layers", FieldUse::kUsed},     {"no_rope_layer_interval", FieldUse::kUsed},
    {"use_sliding_window", FieldUse::kUsed}, {"sliding_window", FieldUse::kUsed},
};

// For each layer, whether it rotates: no_rope_layers has 1 for those that do, despite its name.
absl::StatusOr<std::vector<int64_t>> ReadRotates(const base::JsonObject& fields, int64_t layers) {
  std::vector<int64_t> rotates;
  if (!fields.HasValue("no_rope_layers")) {
    int64_t interval = 4;
    if (fields.HasValue("no_rope_layer_interval")) {
      ASSIGN_OR_RETURN(int64_t read, fields.Int("no_rope_layer_interval", {1, 1 << 30}));
      interval = read;
    }
    for (int64_t i = 1; i <= layers; ++i) rotates.push_back(i % interval == 0 ? 0 : 1);
    return rotates;
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> read, fields.IntOrInts("no_rope_layers", {0, 1}));
  if (static_cast<int64_t>(read.size()) == layers) return read;
  return fields.FieldError("no_rope_layers",
                           absl::StrCat("must have an item for each of num_hidden_layers, ", layers,
                                        ", has ", read.size()));
}

absl::Status Read(const base::JsonObject& fields, Decoder* decoder) {
  RETURN_IF_ERROR(ReadLinearBiases(fields, decoder));
  ASSIGN_OR_RETURN(std::vector<int64_t> rotates, ReadRotates(fields, decoder->layer_count()));
  decoder->attentions.push_back({"attn_without_rope", std::nullopt});
  for (size_t i = 0; i < rotates.size(); ++i)
    decoder->layers[i].attention = rotates[i] != 0 ? 0 : 1;
  bool on = false;
  RETURN_IF_ERROR(ReadBool(fields, "use_sliding_window", &on));
  std::optional<int64_t> window;
  if (on) {
    ASSIGN_OR_RETURN(window, ReadWindow(fields, std::nullopt));
  }
  return SetWindows(
      fields, window, [&](int64_t layer) { return rotates[static_cast<size_t>(layer)] == 0; },
      decoder);
}

}  // namespace

const Family kSmolLm3 = {"smollm3", "SmolLM3ForCausalLM",    "SmolLM3Model",
                         kFields,   {0, 4, 1e-6, 2e6, true}, kAllRopeTypes,
                         Read,      /*windows=*/true};

}  // namespace lluda::frontends::families
