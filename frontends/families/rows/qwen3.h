// What Qwen3 has in common with what is made of it.
#ifndef LLUDA_FRONTENDS_FAMILIES_ROWS_QWEN3_H_
#define LLUDA_FRONTENDS_FAMILIES_ROWS_QWEN3_H_

#include "absl/status/status.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/families/windows.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {

inline constexpr FieldRow kQwen3OwnFields[] = {{"attention_bias", FieldUse::kUsed}};
inline constexpr auto kQwen3Fields = Joined(kQwen3OwnFields, kLaterWindowFields);

// Heads of queries and keys are normalised; biases by attention_bias, windows by the other fields.
absl::Status ReadQwen3(const base::JsonObject& fields, decoder::Decoder* decoder);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_ROWS_QWEN3_H_
