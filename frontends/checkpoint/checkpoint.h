// The tensors of a checkpoint folder, in one file or in several.
//
// A folder holds either model.safetensors, or model.safetensors.index.json and the shards that it
// names. If it holds both, the single file counts, as in Hugging Face's transformers; what else
// lies in the folder does not. Of the index only the list of shards counts, as there: a tensor is
// where a shard's own header says. Two shards may hold the same tensor only if it is the same to
// the byte:
//
//   model.safetensors.index.json: tensor 'a' is in both 'x.safetensors' and 'y.safetensors'
//
// Example:
//   absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open("Qwen3-0.6B");
//   absl::StatusOr<const TensorView*> norm = checkpoint->Get("model.norm.weight");
//   ... copy it ...
//   checkpoint->DropPages(**norm);
#ifndef LLUDA_FRONTENDS_CHECKPOINT_CHECKPOINT_H_
#define LLUDA_FRONTENDS_CHECKPOINT_CHECKPOINT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/checkpoint/derived_tensor.h"
#include "frontends/checkpoint/tensor_file.h"

namespace lluda::frontends {

// A tensor's bytes, where they lie or in memory of their own.
struct TensorBytes {
  absl::Span<const std::byte> span;
  std::unique_ptr<std::byte[]> made;  // null if they lie in a file
};

class Checkpoint {
 public:
  // NotFound if the folder has neither file or lacks a shard; InvalidArgument if one is not sound.
  static absl::StatusOr<Checkpoint> Open(const std::string& folder);

  // What these files hold together; no two of them have a tensor of one name. Errors call the whole
  // `label`.
  Checkpoint(std::string label, std::vector<TensorFile> files);

  const std::vector<TensorFile>& files() const { return files_; }

  // As in TensorFile, over all files. A view has the tensor's name in its file. Hints say nothing of
  // a derived tensor.
  const TensorView* Find(absl::string_view name) const;
  absl::StatusOr<const TensorView*> Get(absl::string_view name) const;
  void WillNeed(const TensorView& tensor) const;
  void DropPages(const TensorView& tensor) const;

  // From now on the tensor `name`, which is there, is found by the name `as` alone, which no tensor
  // has.
  void Rename(absl::string_view name, absl::string_view as);

  // From now on the tensor `name`, which is there, is not found.
  void Remove(absl::string_view name);

  // From now on this tensor is found by its view's name, which no other has. What it is made of has
  // to lie in this checkpoint's files.
  void Add(DerivedTensor tensor);
  // Null if the view of this checkpoint is of no derived tensor.
  const DerivedTensor* DerivedOf(const TensorView& tensor) const;

  // The bytes of the tensor: those in its file, valid as long as that is open, or what `run`, or
  // without it this thread, makes of others. Errors of Get, and of making it.
  absl::StatusOr<TensorBytes> Read(absl::string_view name, const RunRows& run = nullptr) const;

  // The names by which tensors are found, in alphabetical order.
  std::vector<std::string> Names() const;

  // Two tensors of this checkpoint: the same dtype, shape and bytes? A derived one is only itself. Reads both, up to the first
  // difference, a part at a time, and drops the pages behind it.
  bool AreEqual(const TensorView& a, const TensorView& b) const;

  // What all tensors hold together, in bytes.
  int64_t total_bytes() const;

 private:
  static absl::StatusOr<Checkpoint> OpenSharded(const std::string& folder,
                                                const std::string& index_path);

  struct Entry {
    const TensorFile* file;
    const TensorView* tensor;
  };

  // The file that a tensor, or a part of one, lies in.
  const TensorFile& FileOf(const TensorView& tensor) const;

  std::string label_;
  std::vector<TensorFile> files_;
  std::vector<std::unique_ptr<const DerivedTensor>> derived_;
  // Points into files_' elements and to what derived_ owns, which stay where they are when the
  // checkpoint moves. A derived tensor has no file.
  absl::flat_hash_map<std::string, Entry> entries_;
};

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_CHECKPOINT_H_
