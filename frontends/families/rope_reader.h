// What a config says about rotary embedding.
#ifndef LLUDA_FRONTENDS_FAMILIES_ROPE_READER_H_
#define LLUDA_FRONTENDS_FAMILIES_ROPE_READER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/json.h"
#include "frontends/decoder/description.h"
#include "frontends/families/family.h"

namespace lluda::frontends::families {

// The rotation of heads of `head_dim`, of one of the family's rope_types. Whatever has no meaning
// there is refused, and so is a config that says it differently in two places.
absl::StatusOr<decoder::Rope> ReadRope(const Family& family, const base::JsonObject& fields,
                                       int64_t head_dim);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_ROPE_READER_H_
