// Every field of a config.json that lluda knows, and what it does with it. docs/model_files.md says
// the same with reasons.
#ifndef LLUDA_FRONTENDS_FAMILIES_CONFIG_FIELDS_H_
#define LLUDA_FRONTENDS_FAMILIES_CONFIG_FIELDS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "frontends/families/family.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {

// The fields of config.json that mean the same in all families, but where a family's row has a
// field of that name.
absl::Span<const FieldRow> CommonFields();

// All fields that a family knows.
std::vector<FieldRow> ConfigFields(const Family& family);

// The fields of rope_parameters and rope_scaling, and of what lies in them by layer type: those of all
// families, and all that a family knows.
absl::Span<const FieldRow> CommonRopeFields();
std::vector<FieldRow> RopeFields(const Family& family);

// Does the field of RopeFields() say something of a rotation of this type? Others are refused.
bool HasMeaning(absl::string_view rope_field, absl::string_view rope_type);

// Is a field that a family does not know about positions or quantisation? Such a field says what is
// computed, whoever invented it.
bool MayChangeTheModel(absl::string_view key);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_CONFIG_FIELDS_H_
