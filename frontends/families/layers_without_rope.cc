#include "frontends/families/layers_without_rope.h"

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"

namespace lluda::frontends::families {

absl::Status SetLayersWithoutRope(const base::JsonObject& fields, int64_t interval,
                                  decoder::Decoder* decoder) {
  const int64_t layers = decoder->layer_count();
  std::vector<int64_t> rotates;
  if (fields.HasValue("no_rope_layers")) {
    ASSIGN_OR_RETURN(rotates, fields.IntOrInts("no_rope_layers", {0, 1}));
    if (static_cast<int64_t>(rotates.size()) != layers) {
      return fields.FieldError("no_rope_layers",
                               absl::StrCat("must have an item for each of num_hidden_layers, ",
                                            layers, ", has ", rotates.size()));
    }
  } else {
    RETURN_IF_ERROR(ReadInt(fields, "no_rope_layer_interval", {1, 1 << 30}, &interval));
    for (int64_t i = 1; i <= layers; ++i) rotates.push_back(i % interval == 0 ? 0 : 1);
  }
  const size_t without = decoder->attentions.size();
  decoder->attentions.push_back({"attn_without_rope", std::nullopt});
  for (size_t i = 0; i < rotates.size(); ++i) {
    if (rotates[i] == 0) decoder->layers[i].attention = without;
  }
  return absl::OkStatus();
}

bool Rotates(const decoder::Decoder& decoder, int64_t layer) {
  return decoder.attentions[decoder.layers[static_cast<size_t>(layer)].attention].rope.has_value();
}

}  // namespace lluda::frontends::families
