// Named tensors in one memory-mapped file, whatever its format.
//
// A dtype that a format knows and lluda does not compute with is listed, so that a file may hold it;
// Get refuses it by name:
//
//   model.safetensors: tensor 'a' has dtype F4, which is not supported
//
// Example:
//   absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open("model.safetensors");
//   absl::StatusOr<const TensorView*> norm = file->Get("model.norm.weight");
#ifndef LLUDA_FRONTENDS_CHECKPOINT_TENSOR_FILE_H_
#define LLUDA_FRONTENDS_CHECKPOINT_TENSOR_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/files/mapped_file.h"
#include "ir/type/dtype.h"

namespace lluda::frontends {

// One tensor; valid as long as its file is open. `data` is row-major and little-endian.
struct TensorView {
  std::string name;
  std::optional<ir::DType> dtype;  // nullopt if lluda does not compute with it
  std::string dtype_name;          // as the file spells it: "BF16"
  std::vector<int64_t> shape;      // empty for a scalar; an extent may be 0
  const std::byte* data;  // at any address: headers are of any length; null if it is derived
  size_t bytes;

  absl::Span<const std::byte> span() const { return {data, bytes}; }
};

class TensorFile {
 public:
  // The tensors, in the order of their data, point into `file`.
  TensorFile(std::string path, std::shared_ptr<const base::MappedFile> file,
             std::vector<TensorView> tensors);

  const std::string& path() const { return path_; }

  // All tensors, unsupported dtypes included, in the order of their data.
  const std::vector<TensorView>& tensors() const { return tensors_; }

  // The tensor of that name, whatever its dtype; null if there is none.
  const TensorView* Find(absl::string_view name) const;

  // A tensor to compute with. NotFound if there is none of that name; Unimplemented if lluda does
  // not support its dtype.
  absl::StatusOr<const TensorView*> Get(absl::string_view name) const;

  // Does the tensor, or part of a tensor, lie in this file?
  bool Contains(const TensorView& tensor) const { return file_->Contains(tensor.span()); }

  // Hints about a tensor of this file; its contents stay the same. Whoever has read a tensor for
  // the last time drops its pages, so that a file and what is made of it are not in memory at once.
  void WillNeed(const TensorView& tensor) const { file_->WillNeed(tensor.span()); }
  void DropPages(const TensorView& tensor) const { file_->DropPages(tensor.span()); }

 private:
  std::string path_;
  std::shared_ptr<const base::MappedFile> file_;
  std::vector<TensorView> tensors_;
  // Keys and values point into tensors_' elements, which stay where they are when the file moves.
  absl::flat_hash_map<absl::string_view, const TensorView*> by_name_;
};

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_TENSOR_FILE_H_
