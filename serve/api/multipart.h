// The parts of a form that a browser or curl sends with files, multipart/form-data (RFC 7578).
//
//   std::vector<FormPart> parts;
//   if (Refusal refusal = ReadForm(*request.Find("content-type"), request.body, &parts)) return refusal;
//   parts[0].name;   // "file"
//
// The parts point into the body.
#ifndef LLUDA_SERVE_API_MULTIPART_H_
#define LLUDA_SERVE_API_MULTIPART_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "serve/api/error.h"

namespace lluda::api {

struct FormPart {
  std::string name;
  std::string file_name;  // as the client calls it; empty: it is no file
  absl::string_view content;
};

// The most parts that a form may have.
inline constexpr size_t kMostFormParts = 64;

// Whether the Content-Type is that of a form.
bool IsForm(absl::string_view content_type);

// Refuses, with code `invalid_form`, what is no such form: without a boundary, cut off, with a part
// that has no name, or more parts than there may be.
Refusal ReadForm(absl::string_view content_type, absl::string_view body,
                 std::vector<FormPart>* parts);

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_MULTIPART_H_
