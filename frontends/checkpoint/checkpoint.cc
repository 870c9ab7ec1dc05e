#include "frontends/checkpoint/checkpoint.h"

#include <glog/logging.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <mutex>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/safetensors.h"

namespace lluda::frontends {
namespace {

constexpr absl::string_view kSingleName = "model.safetensors";
constexpr absl::string_view kIndexName = "model.safetensors.index.json";

// Of two tensors that are compared, this much at a time is in memory.
constexpr size_t kComparedBytes = size_t{16} << 20;

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
    std::vector<TensorFile> files;
    files.push_back(*std::move(single));
    return Checkpoint(folder, std::move(files));
  }
  if (!absl::IsNotFound(single.status())) return single.status();
  return OpenSharded(folder, absl::StrCat(folder, "/", kIndexName));
}

absl::StatusOr<Checkpoint> Checkpoint::OpenSharded(const std::string& folder,
                                                   const std::string& index_path) {
  absl::StatusOr<base::JsonDocument> index = base::JsonDocument::Load(index_path);
  if (absl::IsNotFound(index.status())) {
    return absl::NotFoundError(
        absl::StrCat(folder, ": has neither ", kSingleName, " nor ", kIndexName));
  }
  if (!index.ok()) return index.status();
  ASSIGN_OR_RETURN(base::JsonObject weight_map, index->root().Object("weight_map"));

  const auto error = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(index_path, ": ", reason));
  };
  // In alphabetical order, so that the same fault gives the same error.
  std::set<std::string> shards;
  for (const auto& field : weight_map.dom()) {
    const absl::string_view tensor = base::ToAbsl(field.key);
    std::string_view shard;
    if (field.value.get(shard)) {
      return error(absl::StrCat("field 'weight_map.", base::QuoteName(tensor),
                                "' must be a string, is ", base::DescribeJson(field.value)));
    }
    if (!IsPlainFileName(base::ToAbsl(shard))) {
      return error(absl::StrCat("tensor '", base::QuoteName(tensor), "': shard '",
                                base::QuoteName(base::ToAbsl(shard)),
                                "' must be the name of a file in the same folder"));
    }
    shards.emplace(shard);
  }
  if (shards.empty()) return error("field 'weight_map' names no tensor");

  std::vector<TensorFile> files;
  for (const std::string& shard : shards) {
    absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(absl::StrCat(folder, "/", shard));
    if (absl::IsNotFound(file.status())) {
      return absl::NotFoundError(absl::StrCat(index_path, ": shard '", base::QuoteName(shard),
                                              "' is missing from the folder"));
    }
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  Checkpoint checkpoint(folder, std::move(files));
  for (size_t i = 0; i < checkpoint.files_.size(); ++i) {
    for (const TensorView& tensor : checkpoint.files_[i].tensors()) {
      const Entry& first = checkpoint.entries_.at(tensor.name);
      if (first.tensor == &tensor || checkpoint.AreEqual(*first.tensor, tensor)) continue;
      const auto other = static_cast<size_t>(first.file - checkpoint.files_.data());
      return error(absl::StrCat("tensor '", base::QuoteName(tensor.name), "' is in both '",
                                base::QuoteName(*std::next(shards.begin(), other)), "' and '",
                                base::QuoteName(*std::next(shards.begin(), i)), "'"));
    }
  }
  return checkpoint;
}

Checkpoint::Checkpoint(std::string label, std::vector<TensorFile> files)
    : label_(std::move(label)), files_(std::move(files)) {
  for (const TensorFile& file : files_) {
    for (const TensorView& tensor : file.tensors()) {
      entries_.try_emplace(tensor.name, Entry{&file, &tensor});
    }
  }
}

const TensorView* Checkpoint::Find(absl::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.tensor;
}

absl::StatusOr<const TensorView*> Checkpoint::Get(absl::string_view name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end() && found->second.file == nullptr) return found->second.tensor;
  if (found != entries_.end()) return found->second.file->Get(found->second.tensor->name);
  return absl::NotFoundError(absl::StrCat(files_.size() == 1 ? files_[0].path() : label_,
                                          ": tensor '", base::QuoteName(name), "' is missing"));
}

void Checkpoint::Rename(absl::string_view name, absl::string_view as) {
  const auto found = entries_.find(name);
  CHECK(found != entries_.end()) << name;
  const Entry entry = found->second;
  entries_.erase(found);
  CHECK(entries_.try_emplace(std::string(as), entry).second) << as;
}

void Checkpoint::Remove(absl::string_view name) { CHECK_EQ(entries_.erase(name), 1u) << name; }

void Checkpoint::Add(DerivedTensor tensor) {
  CHECK(tensor.view.data == nullptr) << tensor.view.name;
  derived_.push_back(std::make_unique<const DerivedTensor>(std::move(tensor)));
  const TensorView& view = derived_.back()->view;
  CHECK(entries_.try_emplace(view.name, Entry{nullptr, &view}).second) << view.name;
}

const DerivedTensor* Checkpoint::DerivedOf(const TensorView& tensor) const {
  if (tensor.data != nullptr) return nullptr;
  const auto found = std::find_if(derived_.begin(), derived_.end(),
                                  [&](const auto& derived) { return &derived->view == &tensor; });
  return found == derived_.end() ? nullptr : found->get();
}

absl::StatusOr<TensorBytes> Checkpoint::Read(absl::string_view name, const RunRows& run) const {
  ASSIGN_OR_RETURN(const TensorView* view, Get(name));
  const DerivedTensor* derived = DerivedOf(*view);
  if (derived == nullptr) return TensorBytes{view->span(), nullptr};
  TensorBytes bytes;
  bytes.made = std::make_unique<std::byte[]>(view->bytes);
  bytes.span = {bytes.made.get(), view->bytes};
  const int64_t rows = view->shape[0];
  const int64_t row_bytes = static_cast<int64_t>(view->bytes) / rows;
  if (!run) {
    RETURN_IF_ERROR(derived->write(0, rows, bytes.made.get()));
    return bytes;
  }
  // Of several errors, that of the first rows, whoever meets it first.
  std::mutex mutex;
  absl::Status status;
  int64_t failed = rows;
  run(rows, [&](int64_t begin, int64_t end) {
    const absl::Status written = derived->write(begin, end, bytes.made.get() + begin * row_bytes);
    if (written.ok()) return;
    const std::lock_guard<std::mutex> lock(mutex);
    if (begin >= failed) return;
    failed = begin;
    status = written;
  });
  if (!status.ok()) return status;
  return bytes;
}

std::vector<std::string> Checkpoint::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

bool Checkpoint::AreEqual(const TensorView& a, const TensorView& b) const {
  if (a.data == nullptr || b.data == nullptr) return &a == &b;
  if (a.dtype_name != b.dtype_name || a.shape != b.shape || a.bytes != b.bytes) return false;
  for (size_t begin = 0; begin < a.bytes; begin += kComparedBytes) {
    TensorView part_a = a, part_b = b;
    for (TensorView* part : {&part_a, &part_b}) {
      part->data += begin;
      part->bytes = std::min(kComparedBytes, a.bytes - begin);
    }
    if (std::memcmp(part_a.data, part_b.data, part_a.bytes) != 0) return false;
    DropPages(part_a);
    DropPages(part_b);
  }
  return true;
}

void Checkpoint::WillNeed(const TensorView& tensor) const {
  if (tensor.data != nullptr) FileOf(tensor).WillNeed(tensor);
}
void Checkpoint::DropPages(const TensorView& tensor) const {
  if (tensor.data != nullptr) FileOf(tensor).DropPages(tensor);
}

const TensorFile& Checkpoint::FileOf(const TensorView& tensor) const {
  const auto found = std::find_if(files_.begin(), files_.end(),
                                  [&](const TensorFile& file) { return file.Contains(tensor); });
  CHECK(found != files_.end()) << tensor.name;
  return *found;
}

int64_t Checkpoint::total_bytes() const {
  int64_t total = 0;
  for (const TensorFile& file : files_) {
    for (const TensorView& tensor : file.tensors()) total += static_cast<int64_t>(tensor.bytes);
  }
  return total;
}

}  // namespace lluda::frontends
