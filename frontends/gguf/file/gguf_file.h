// A GGUF model: one file, or the first of several that were split, with the others beside it.
//
//   absl::StatusOr<GgufFile> file = GgufFile::Open("model-00001-of-00003.gguf");
//   file->metadata().String("general.architecture");
//   for (const GgufFile::Part& part : file->parts()) part.container.tensors ...
//
// The first file of a split has all metadata; each tensor lies in one of them. A part that is
// missing, of another model or there twice is refused by name.
#ifndef LLUDA_FRONTENDS_GGUF_FILE_GGUF_FILE_H_
#define LLUDA_FRONTENDS_GGUF_FILE_GGUF_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files/mapped_file.h"
#include "frontends/checkpoint/tensor_file.h"
#include "frontends/gguf/file/container.h"
#include "frontends/gguf/file/metadata.h"

namespace lluda::frontends::gguf {

class GgufFile {
 public:
  struct Part {
    std::string path;
    std::shared_ptr<const base::MappedFile> file;
    Container container;
  };

  // Whether the file at `path` is one, by its first bytes or by the end of its name. It need not
  // exist.
  static bool Looks(const std::string& path);

  // NotFound if a file is not there; else as ParseGguf says.
  static absl::StatusOr<GgufFile> Open(const std::string& path);

  const std::string& path() const { return parts_[0].path; }
  // Of the first part.
  const Metadata& metadata() const { return *metadata_; }
  const std::vector<Part>& parts() const { return parts_; }

  // The tensors of all parts as a checkpoint has them, under the names that the files give them.
  std::vector<TensorFile> TensorFiles() const;

 private:
  GgufFile() = default;

  absl::Status OpenOthers();

  std::vector<Part> parts_;
  std::unique_ptr<Metadata> metadata_;
};

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_FILE_GGUF_FILE_H_
