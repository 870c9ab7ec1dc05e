// The tensors of a checkpoint folder, in one file or in several.
//
// A folder holds either model.safetensors, or model.safetensors.index.json and the shards that it
// names. If it holds both, the single file counts, as in Hugging Face's transformers. The index
// says which tensor is in which shard, and has to be right about all of them:
//
//   model.safetensors.index.json: tensor 'a' is said to be in 'x.safetensors', which lacks it
//
// Example:
//   absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open("Qwen3-0.6B");
//   absl::StatusOr<const TensorView*> norm = checkpoint->Get("model.norm.weight");
//   ... copy it ...
//   checkpoint->DropPages(**norm);
#ifndef LLUDA_FRONTENDS_CHECKPOINT_H_
#define LLUDA_FRONTENDS_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "frontends/safetensors.h"

namespace lluda::frontends {

class Checkpoint {
 public:
  // NotFound if the folder has neither file or lacks a shard; InvalidArgument if one is not sound.
  static absl::StatusOr<Checkpoint> Open(const std::string& folder);

  const std::vector<SafetensorsFile>& files() const { return files_; }

  // As in SafetensorsFile, over all files.
  const TensorView* Find(absl::string_view name) const;
  absl::StatusOr<const TensorView*> Get(absl::string_view name) const;
  void WillNeed(const TensorView& tensor) const;
  void DropPages(const TensorView& tensor) const;

  // What all tensors hold together, in bytes.
  int64_t total_bytes() const;

 private:
  Checkpoint(std::string folder, std::vector<SafetensorsFile> files);

  static absl::StatusOr<Checkpoint> OpenSharded(const std::string& folder,
                                                const std::string& index_path);

  std::string folder_;
  std::vector<SafetensorsFile> files_;
  // Which of files_ holds a tensor; keys point into their tensors' names.
  absl::flat_hash_map<absl::string_view, const SafetensorsFile*> file_of_;
};

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_H_
