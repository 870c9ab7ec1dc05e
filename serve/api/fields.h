// A table of the fields that an object may have, and how it is read by it.
//
//   constexpr FieldRow<ToolRequest> kRows[] = {{"name", kEverywhere, &ReadName}};
//   if (Refusal refusal = ReadByTable(object, absl::MakeConstSpan(kRows), endpoints, &unknown, &out)) ...
#ifndef LLUDA_SERVE_API_FIELDS_H_
#define LLUDA_SERVE_API_FIELDS_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "serve/api/field.h"

namespace lluda::api {

inline constexpr unsigned kEverywhere = ~0u;

template <typename T>
struct FieldRow {
  absl::string_view name;
  unsigned endpoints;  // a bit for each where it means something
  // Never called for null, which is the same as absent.
  Refusal (*read)(const Field& field, T* out);
};

// Reads each member by its row. Names that no row has at this endpoint are added to `unknown`.
template <typename T>
TakeMember ByTable(absl::Span<const FieldRow<T>> rows, unsigned endpoint,
                   std::vector<std::string>* unknown, T* out) {
  return [=](absl::string_view name, const Field& member) -> Refusal {
    for (const FieldRow<T>& row : rows) {
      if (row.name != name || (row.endpoints & endpoint) == 0) continue;
      return member.is_null() ? std::nullopt : row.read(member, out);
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

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_FIELDS_H_
