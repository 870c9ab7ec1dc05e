// What a config says about rotary embedding.
#ifndef LLUDA_FRONTENDS_FAMILIES_ROPE_READER_H_
#define LLUDA_FRONTENDS_FAMILIES_ROPE_READER_H_

#include "absl/status/status.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/families/family.h"

namespace lluda::frontends::families {

// Sets the decoder's ropes, of one of the family's rope_types, and how much of a head rotates; its
// sizes are there already. The first rope is that of layers that see all positions, the second, if the
// family has one, that of layers with a window. Whatever has no meaning there is refused, and so is a
// config that says it differently in two places.
absl::Status ReadRopes(const Family& family, const base::JsonObject& fields,
                       decoder::Decoder* decoder);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_ROPE_READER_H_
