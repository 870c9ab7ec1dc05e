// Layers that do not rotate queries and keys among others that do.
//
// Example: of SmolLM3's config, which says no more of them, every fourth.
//   RETURN_IF_ERROR(SetLayersWithoutRope(fields, 4, decoder));
#ifndef LLUDA_FRONTENDS_FAMILIES_LAYERS_WITHOUT_ROPE_H_
#define LLUDA_FRONTENDS_FAMILIES_LAYERS_WITHOUT_ROPE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {

// no_rope_layers has an item for each layer: 1 where it rotates, despite the name. Where that is
// absent, every no_rope_layer_interval-th layer does not.
inline constexpr FieldRow kLayersWithoutRopeFields[] = {
    {"no_rope_layers", FieldUse::kUsed},
    {"no_rope_layer_interval", FieldUse::kUsed},
};

// They become a kind of attention of their own, which has no rope. `interval` is what an absent
// no_rope_layer_interval stands for.
absl::Status SetLayersWithoutRope(const base::JsonObject& fields, int64_t interval,
                                  decoder::Decoder* decoder);

// Whether a layer rotates.
bool Rotates(const decoder::Decoder& decoder, int64_t layer);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_LAYERS_WITHOUT_ROPE_H_
