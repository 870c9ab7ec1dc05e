// Every field of a config.json that lluda knows, and what it does with it. docs/model_files.md says
// the same with reasons.
#ifndef LLUDA_FRONTENDS_QWEN3_CONFIG_FIELDS_H_
#define LLUDA_FRONTENDS_QWEN3_CONFIG_FIELDS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "frontends/field_table.h"

namespace lluda::frontends::qwen3 {

// The fields of config.json itself.
absl::Span<const FieldRow> ConfigFields();

// The fields of rope_parameters and rope_scaling, and of what lies in them by layer type.
absl::Span<const FieldRow> RopeFields();

// Is a field that ConfigFields() lacks about positions or quantisation? Such a field says what is
// computed, whoever invented it.
bool MayChangeTheModel(absl::string_view key);

}  // namespace lluda::frontends::qwen3

#endif  // LLUDA_FRONTENDS_QWEN3_CONFIG_FIELDS_H_
