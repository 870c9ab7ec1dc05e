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
// its shape and dtype ask for. Errors are one line each:
//
//   model.safetensors: tensor 'a': data_offsets [0, 16] hold 16 bytes, F32 [3] needs 12
//
// Example:
//   absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open("model.safetensors");
//   absl::StatusOr<const TensorView*> norm = file->Get("model.norm.weight");
#ifndef LLUDA_FRONTENDS_CHECKPOINT_SAFETENSORS_H_
#define LLUDA_FRONTENDS_CHECKPOINT_SAFETENSORS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "frontends/checkpoint/tensor_file.h"

namespace lluda::frontends {

// Reads the header at the start of `contents`, a whole safetensors file that errors call `label`.
// The views point into `contents` and come in the order of their data.
absl::StatusOr<std::vector<TensorView>> ParseSafetensors(absl::string_view label,
                                                         absl::Span<const std::byte> contents);

class SafetensorsFile : public TensorFile {
 public:
  // NotFound if there is no such file; InvalidArgument if it is not a sound safetensors file.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);

 private:
  using TensorFile::TensorFile;
};

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_SAFETENSORS_H_
