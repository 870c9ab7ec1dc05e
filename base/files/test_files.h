// Files for tests: a folder that vanishes with the test, and safetensors files made by hand.
#ifndef LLUDA_BASE_FILES_TEST_FILES_H_
#define LLUDA_BASE_FILES_TEST_FILES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lluda::base {

// A new, empty folder; deleted with all its contents by the destructor.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }
  std::string PathOf(absl::string_view name) const;
  // Writes a file and the folders that `name` leads through; returns the file's path.
  std::string Write(absl::string_view name, absl::string_view contents) const;

 private:
  std::string path_;
};

std::string ReadAll(const std::string& path);
void WriteAll(const std::string& path, const std::string& bytes);

// The bytes of a safetensors file: the header's length, the header, the data.
std::string SafetensorsBytes(absl::string_view header, absl::string_view data);

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_TEST_FILES_H_
