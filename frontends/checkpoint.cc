#include "frontends/checkpoint.h"

#include <glog/logging.h>

#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/json.h"

namespace lluda::frontends {
namespace {

constexpr absl::string_view kSingleName = "model.safetensors";
constexpr absl::string_view kIndexName = "model.safetensors.index.json";

// A shard lies beside its index. Anything else in its name could reach another folder.
bool IsPlainFileName(absl::string_view name) {
  return !name.empty() && !absl::StrContains(name, '/') && !absl::StrContains(name, '\0') &&
         name != "." && name != "..";
}

}  // namespace

absl::StatusOr<Checkpoint> Checkpoint::Open(const std::string& folder) {
  absl::StatusOr<SafetensorsFile> single =
      SafetensorsFile::Open(absl::StrCat(folder, "/", kSingleName));
  if (single.ok()) {
    std::vector<SafetensorsFile> files;
    files.push_back(*std::move(single));
    return Checkpoint(folder, std::move(files));
  }
  if (!absl::IsNotFound(single.status())) return single.status();
  return OpenSharded(folder, absl::StrCat(folder, "/", kIndexName));
}

absl::StatusOr<Checkpoint> Checkpoint::OpenSharded(const std::string& folder,
                                                   const std::string& index_path) {
  absl::StatusOr<JsonDocument> index = JsonDocument::Load(index_path);
  if (absl::IsNotFound(index.status())) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": has neither ", kSingleName, " nor ", kIndexName));
  }
  if (!index.ok()) return index.status();
  absl::StatusOr<JsonObject> weight_map = index->root().Object("weight_map");
  if (!weight_map.ok()) return weight_map.status();

  const auto error = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(index_path, ": ", reason));
  };
  // Tensors by shard, both in alphabetical order, so that the same fault gives the same error.
  std::map<std::string, std::vector<absl::string_view>> tensors_of;
  absl::flat_hash_set<absl::string_view> indexed;
  for (const auto& field : weight_map->dom()) {
    const absl::string_view tensor = ToAbsl(field.key);
    std::string_view shard;
    if (field.value.get(shard)) {
      return error(absl::StrCat("field 'weight_map.", QuoteName(tensor), "' must be a string, is ",
                                DescribeJson(field.value)));
    }
    if (!IsPlainFileName(ToAbsl(shard))) {
      return error(absl::StrCat("tensor '", QuoteName(tensor), "': shard '",
                                QuoteName(ToAbsl(shard)),
                                "' must be the name of a file in the same folder"));
    }
    tensors_of[std::string(shard)].push_back(tensor);
    indexed.insert(tensor);
  }
  if (tensors_of.empty()) return error("field 'weight_map' names no tensor");

  std::vector<SafetensorsFile> files;
  absl::flat_hash_map<std::string, std::string> shard_of;
  for (const auto& [shard, tensors] : tensors_of) {
    absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(absl::StrCat(folder, "/", shard));
    if (absl::IsNotFound(file.status())) {
      return absl::NotFoundError(
          absl::StrCat(index_path, ": shard '", QuoteName(shard), "' is missing from the folder"));
    }
    if (!file.ok()) return file.status();
    for (const absl::string_view tensor : tensors) {
      if (file->Find(tensor) == nullptr) {
        return error(absl::StrCat("tensor '", QuoteName(tensor), "' is said to be in '",
                                  QuoteName(shard), "', which lacks it"));
      }
    }
    for (const TensorView& tensor : file->tensors()) {
      const auto [other, inserted] = shard_of.emplace(tensor.name, shard);
      if (!inserted) {
        return error(absl::StrCat("tensor '", QuoteName(tensor.name), "' is in both '",
                                  QuoteName(other->second), "' and '", QuoteName(shard), "'"));
      }
      if (!indexed.contains(tensor.name)) {
        return error(absl::StrCat("tensor '", QuoteName(tensor.name), "' is in '", QuoteName(shard),
                                  "' but not in the index"));
      }
    }
    files.push_back(*std::move(file));
  }
  return Checkpoint(folder, std::move(files));
}

Checkpoint::Checkpoint(std::string folder, std::vector<SafetensorsFile> files)
    : folder_(std::move(folder)), files_(std::move(files)) {
  for (const SafetensorsFile& file : files_) {
    for (const TensorView& tensor : file.tensors()) file_of_.emplace(tensor.name, &file);
  }
}

const TensorView* Checkpoint::Find(absl::string_view name) const {
  const auto found = file_of_.find(name);
  return found == file_of_.end() ? nullptr : found->second->Find(name);
}

absl::StatusOr<const TensorView*> Checkpoint::Get(absl::string_view name) const {
  const auto found = file_of_.find(name);
  if (found != file_of_.end()) return found->second->Get(name);
  return absl::NotFoundError(absl::StrCat(files_.size() == 1 ? files_[0].path() : folder_,
                                          ": tensor '", QuoteName(name), "' is missing"));
}

void Checkpoint::WillNeed(const TensorView& tensor) const {
  const auto found = file_of_.find(tensor.name);
  CHECK(found != file_of_.end());
  found->second->WillNeed(tensor);
}

void Checkpoint::DropPages(const TensorView& tensor) const {
  const auto found = file_of_.find(tensor.name);
  CHECK(found != file_of_.end());
  found->second->DropPages(tensor);
}

int64_t Checkpoint::total_bytes() const {
  int64_t total = 0;
  for (const SafetensorsFile& file : files_) {
    for (const TensorView& tensor : file.tensors()) total += static_cast<int64_t>(tensor.bytes);
  }
  return total;
}

}  // namespace lluda::frontends
