// A value out of a request with the way to it, and readers that say what is wrong with it.
//
//   Field stop = {"stop[3]", element};
//   std::string text;
//   if (Refusal refusal = ReadString(stop, {1, 256}, &text)) return refusal;
//   // "stop[3]: must be a string of 1 to 256 bytes, is 17"
#ifndef LLUDA_SERVE_API_FIELD_H_
#define LLUDA_SERVE_API_FIELD_H_

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "serve/api/error.h"

namespace lluda::api {

struct Field {
  std::string path;
  simdjson::dom::element value;

  bool is_null() const { return value.is_null(); }
};

// "PATH: must be WHAT, is VALUE". Code `invalid_type`, as are all values of a wrong type.
ApiError WrongType(const Field& field, absl::string_view what);
// The same for one of the right type, code `invalid_value`.
ApiError WrongValue(const Field& field, absl::string_view what);
// "PATH: REASON" with this code.
ApiError FieldError(const Field& field, absl::string_view code, absl::string_view reason);

struct Bounds {
  double min;
  double max;
  bool open_min = false;
};
struct IntBounds {
  int64_t min;
  int64_t max;
};
struct SizeBounds {
  size_t min;
  size_t max;
};

Refusal ReadNumber(const Field& field, Bounds bounds, double* number);
Refusal ReadInt(const Field& field, IntBounds bounds, int64_t* number);
Refusal ReadBool(const Field& field, bool* value);
Refusal ReadString(const Field& field, SizeBounds bytes, std::string* text);

// Hands on each item of a list, or member of an object, until one is refused. Members that are null
// are left out, as null is the same as absent.
using TakeItem = std::function<Refusal(const Field& item)>;
Refusal ReadList(const Field& field, SizeBounds items, const TakeItem& take);
using TakeMember = std::function<Refusal(absl::string_view name, const Field& member)>;
Refusal ReadObject(const Field& field, const TakeMember& take);
// The same for an object that stands at `path`; the whole of a request at "".
Refusal ReadMembers(const std::string& path, simdjson::dom::object object, const TakeMember& take);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_FIELD_H_
