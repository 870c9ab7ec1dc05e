// Files read and written at once, with errors that name them.
//
//   RETURN_IF_ERROR(CheckWritable("a.lluda"));          // before the work that the text takes
//   absl::Status saved = WriteFile("a.lluda", text);  // all of it or nothing
//   absl::StatusOr<std::string> text = ReadInput("-");
#ifndef LLUDA_BASE_FILES_WHOLE_FILE_H_
#define LLUDA_BASE_FILES_WHOLE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::base {

// Writes a file whole or not at all, as AtomicFile does; to a device or a pipe, such as
// /dev/stdout, it just writes. Unavailable if it cannot.
absl::Status WriteFile(const std::string& path, absl::string_view contents);

// Whether WriteFile could write there now, before there is anything to write. Its errors.
absl::Status CheckWritable(const std::string& path);

// A file's contents; "-" is stdin. NotFound if there is no such file, FailedPrecondition if it
// cannot be read, or is larger than 1 GiB.
absl::StatusOr<std::string> ReadInput(const std::string& path);

// Writes all bytes to an open descriptor. 0, or the errno of what failed.
int WriteAll(int descriptor, absl::string_view bytes);

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_WHOLE_FILE_H_
