// Reads a safetensors file: named tensors in one memory-mapped file.
//
// The format (github.com/huggingface/safetensors): eight bytes give the header's length as a
// little-endian integer, then comes the header, JSON such as
//
//   {"__metadata__": {"format": "pt"},
//    "model.norm.weight": {"dtype": "BF16", "shape": [1024], "data_offsets": [0, 2048]}}
//
// padded with spaces, then the data, which the tensors cover without gap or overlap.
//
// Nothing in the file is trusted: whatever Open returns points into the file and has the size that
// its shape and dtype ask for. A dtype that the format knows and lluda does not compute with is
// listed, so that a file may hold it; Get refuses it by name. Errors are one line each:
//
//   model.safetensors: tensor 'a': data_offsets [0, 16] hold 16 bytes, F32 [3] needs 12
//
// Example:
//   absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open("model.safetensors");
//   absl::StatusOr<const TensorView*> norm = file->Get("model.norm.weight");
#ifndef LLUDA_FRONTENDS_SAFETENSORS_H_
#define LLUDA_FRONTENDS_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/mapped_file.h"

namespace lluda::frontends {

enum class TensorDType : uint8_t { kF32, kBF16, kF16, kI64, kI32, kI8, kU8, kUnsupported };

// One tensor; valid as long as its file is open. `data` is row-major and little-endian.
struct TensorView {
  std::string name;
  TensorDType dtype;
  std::string dtype_name;      // as the file spells it: "BF16"
  std::vector<int64_t> shape;  // empty for a scalar; an extent may be 0
  const std::byte* data;       // at any address: headers are of any length
  size_t bytes;

  absl::Span<const std::byte> span() const { return {data, bytes}; }
};

// Reads the header at the start of `contents`, a whole safetensors file that errors call `label`.
// The views point into `contents` and come in the order of their data.
absl::StatusOr<std::vector<TensorView>> ParseSafetensors(absl::string_view label,
                                                         absl::Span<const std::byte> contents);

class SafetensorsFile {
 public:
  // NotFound if there is no such file; InvalidArgument if it is not a sound safetensors file.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);

  const std::string& path() const { return path_; }

  // All tensors, unsupported dtypes included, in the order of their data.
  const std::vector<TensorView>& tensors() const { return tensors_; }

  // The tensor of that name, whatever its dtype; null if there is none.
  const TensorView* Find(absl::string_view name) const;

  // A tensor to compute with. NotFound if there is none of that name; Unimplemented if lluda does
  // not support its dtype.
  absl::StatusOr<const TensorView*> Get(absl::string_view name) const;

  // Does the tensor, or part of a tensor, lie in this file?
  bool Contains(const TensorView& tensor) const { return file_.Contains(tensor.span()); }

  // Hints about a tensor of this file; its contents stay the same. Whoever has read a tensor for
  // the last time drops its pages, so that a file and what is made of it are not in memory at once.
  void WillNeed(const TensorView& tensor) const { file_.WillNeed(tensor.span()); }
  void DropPages(const TensorView& tensor) const { file_.DropPages(tensor.span()); }

 private:
  SafetensorsFile(std::string path, base::MappedFile file, std::vector<TensorView> tensors);

  std::string path_;
  base::MappedFile file_;
  std::vector<TensorView> tensors_;
  // Keys and values point into tensors_' elements, which stay where they are when the file moves.
  absl::flat_hash_map<absl::string_view, const TensorView*> by_name_;
};

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_SAFETENSORS_H_
