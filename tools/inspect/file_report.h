// What a model's files hold, before anything is made of it: `lluda inspect`.
//
//   absl::StatusOr<FileReport> report = InspectFiles("model.gguf");
//   std::cout << FileReportText(*report);
#ifndef LLUDA_TOOLS_INSPECT_FILE_REPORT_H_
#define LLUDA_TOOLS_INSPECT_FILE_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lluda::tools {

struct FileReport {
  struct File {
    std::string path;
    int64_t bytes = 0;
  };
  struct Key {
    std::string key;
    std::string type;   // "u32", "string", "array of f32"
    std::string value;  // in one line, cut if it is long
  };
  struct Tensor {
    std::string name;
    std::string type;
    std::vector<int64_t> shape;  // outermost axis first
    int64_t bytes = 0;
    size_t file = 0;  // which of the files
  };
  struct Type {
    std::string type;
    int64_t tensors = 0;
    int64_t bytes = 0;
  };

  std::string path;
  std::string format;  // "GGUF 3", "safetensors", "bundle"
  std::vector<File> files;
  std::vector<Key> keys;
  std::vector<Tensor> tensors;  // in the order of their data
  std::vector<Type> types;      // the one with most bytes first
  std::vector<std::string> odd;
};

// Reads a GGUF file, the safetensors files of a folder, or what a bundle says of itself as keys; no
// tensor's numbers but a quantised folder's scales. Errors are those of opening them.
absl::StatusOr<FileReport> InspectFiles(const std::string& path);

std::string FileReportText(const FileReport& report);
std::string FileReportJson(const FileReport& report);  // lluda.inspect/1

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_FILE_REPORT_H_
