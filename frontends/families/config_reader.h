// What the readers of all families have in common.
#ifndef LLUDA_FRONTENDS_FAMILIES_CONFIG_READER_H_
#define LLUDA_FRONTENDS_FAMILIES_CONFIG_READER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/families/family.h"

namespace lluda::frontends::families {

// The decoder that a config of this family describes. Errors as families.h says.
absl::StatusOr<decoder::Decoder> ReadConfig(const Family& family, const base::JsonObject& fields);

// Leave the value as it is where the field is absent or null.
absl::Status ReadInt(const base::JsonObject& fields, absl::string_view key, base::IntRange range,
                     int64_t* value);
absl::Status ReadBool(const base::JsonObject& fields, absl::string_view key, bool* value);
absl::Status ReadNumber(const base::JsonObject& fields, absl::string_view key,
                        base::NumberRange range, double* value);

// attention_bias, of queries, keys, values and the output, and mlp_bias.
absl::Status ReadLinearBiases(const base::JsonObject& fields, decoder::Decoder* decoder);

// "<file>: field '<key>' asks for '<name>', which is not supported"
absl::Status UnsupportedName(const base::JsonObject& fields, absl::string_view key,
                             absl::string_view name);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_CONFIG_READER_H_
