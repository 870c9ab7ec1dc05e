// What lluda does with each field of a JSON file that others wrote, as a table: config.json and
// generation_config.json are read against one each. docs/model_files.md shows the tables.
//
// A field is used, or ignored whatever it holds, or refused unless it asks for nothing: null always
// does, and so do the values that its row lists.
//
//   constexpr FieldRow kFields[] = {
//       {"hidden_size", FieldUse::kUsed},
//       {"use_cache", FieldUse::kIgnored},
//       {"hidden_act", FieldUse::kRefused, "silu swish"},
//   };
//   RefusedFields(document->root(), kFields, IsOfRope)
//   // config.json: field 'hidden_act' asks for 'gelu', which is not supported
#ifndef LLUDA_FRONTENDS_FIELD_TABLE_H_
#define LLUDA_FRONTENDS_FIELD_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/json/json.h"

namespace lluda::frontends {

enum class FieldUse : uint8_t { kUsed, kIgnored, kRefused };

struct FieldRow {
  const char* key;
  FieldUse use;
  // Of a refused field, the values that ask for nothing, separated by spaces: true, false, [], {},
  // a number, or a string without its quotes.
  const char* neutral = "";
  // What a list or an object asks for: "quantised weights".
  const char* asks_for = "";
};

// One table of several: of what many files have and of what is one's own.
//
//   constexpr auto kFields = Joined(kOwnFields, kExpertFields);
template <size_t... counts>
constexpr std::array<FieldRow, (counts + ...)> Joined(const FieldRow (&... tables)[counts]) {
  std::array<FieldRow, (counts + ...)> joined{};
  size_t filled = 0;
  const auto append = [&](const FieldRow* table, size_t count) {
    for (size_t i = 0; i < count; ++i) joined[filled++] = table[i];
  };
  (append(tables, counts), ...);
  return joined;
}

// A field that holds what its row refuses.
struct RefusedField {
  std::string key;
  std::string asks_for;  // "'gelu'", "true", "0.5", "quantised weights"
};

// True for a value that is in `neutral`, or null.
bool AsksForNothing(const simdjson::dom::element& value, absl::string_view neutral);

// The refused fields of the object: those of the table in its order, then those that it lacks and
// `refuses_unknown` says true for, unless they are null, false or empty.
std::vector<RefusedField> RefusedFields(
    const base::JsonObject& object, absl::Span<const FieldRow> table,
    const std::function<bool(absl::string_view key)>& refuses_unknown);

// Unimplemented, naming the first of RefusedFields(); OK if there is none.
absl::Status CheckFields(const base::JsonObject& object, absl::Span<const FieldRow> table,
                         const std::function<bool(absl::string_view key)>& refuses_unknown);

// "<file>: field '<key>' asks for <what>, which is not supported"
absl::Status UnsupportedField(const base::JsonObject& object, absl::string_view key,
                              absl::string_view what);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_FIELD_TABLE_H_
