// A table of the fields that an object may have, and how it is read by it.
//
//   constexpr FieldRow<ToolRequest> kRows[] = {{"name", kEverywhere, &ReadName}};
//   if (Refusal refusal = ReadByTable(object, absl::MakeConstSpan(kRows), endpoints, &unknown, &out)) ...
#ifndef LLUDA_SERVE_API_FIELDS_H_
#define LLUDA_SERVE_API_FIELDS_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/json/json.h"
#include "serve/api/field.h"

namespace lluda::api {

inline constexpr unsigned kEverywhere = ~0u;

template <typename T>
struct FieldRow {
  absl::string_view name;
  unsigned endpoints;  // a bit for each where it means something
  Refusal (*read)(const Field& field, T* out);
};

// Reads each member by its row. Names that no row has at this endpoint are added to `unknown`.
template <typename T>
TakeMember ByTable(absl::Span<const FieldRow<T>> rows, unsigned endpoint,
                   std::vector<std::string>* unknown, T* out) {
  return [=](absl::string_view name, const Field& member) -> Refusal {
    for (const FieldRow<T>& row : rows) {
      if (row.name != name || (row.endpoints & endpoint) == 0) continue;
      return row.read(member, out);
    }
    unknown->push_back(member.path);
    return std::nullopt;
  };
}

template <typename T>
Refusal ReadByTable(const Field& object, absl::Span<const FieldRow<T>> rows, unsigned endpoint,
                    std::vector<std::string>* unknown, T* out) {
  return ReadObject(object, ByTable(rows, endpoint, unknown, out));
}

// "NAME: is missing".
inline Refusal MissingField(absl::string_view name) {
  return ApiError{400, "missing_required_parameter", std::string(name),
                  absl::StrCat(name, ": is missing")};
}

// Reads the whole of a body, a JSON object. `ignored` gets the names that no row has; they are
// refused if the reader is `strict`.
template <typename T>
Refusal ReadBody(absl::string_view body, absl::Span<const FieldRow<T>> rows, unsigned endpoint,
                 bool strict, std::vector<std::string>* ignored, T* out) {
  const absl::StatusOr<base::JsonDocument> document =
      base::JsonDocument::Parse("the request's body", body);
  if (!document.ok()) {
    return ApiError{400, "invalid_json", "", std::string(document.status().message())};
  }
  const TakeMember take = ByTable(rows, endpoint, ignored, out);
  if (Refusal refusal = ReadMembers("", document->root().dom(), take)) return refusal;
  if (!strict || ignored->empty()) return std::nullopt;
  return ApiError{400, "unsupported_parameter", ignored->front(),
                  absl::StrCat(ignored->front(), ": is unknown")};
}

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_FIELDS_H_
