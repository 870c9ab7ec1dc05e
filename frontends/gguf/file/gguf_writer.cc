#include "frontends/gguf/file/gguf_writer.h"

#include <cstring>

#include "absl/strings/str_cat.h"

namespace lluda::frontends::gguf {
namespace {

constexpr uint32_t kArray = 9;

std::string ArrayStart(uint32_t type, size_t count) {
  return NumberBytes(type) + NumberBytes<uint64_t>(count);
}

}  // namespace

std::string FloatBytes(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return NumberBytes(bits);
}

std::string StringBytes(absl::string_view text) {
  return absl::StrCat(NumberBytes<uint64_t>(text.size()), text);
}

GgufWriter& GgufWriter::Strings(absl::string_view key, const std::vector<std::string>& values) {
  std::string bytes = ArrayStart(8, values.size());
  for (const std::string& value : values) bytes += StringBytes(value);
  return Raw(key, kArray, bytes);
}

GgufWriter& GgufWriter::I32s(absl::string_view key, const std::vector<int32_t>& values) {
  std::string bytes = ArrayStart(5, values.size());
  for (const int32_t value : values) bytes += NumberBytes(value);
  return Raw(key, kArray, bytes);
}

GgufWriter& GgufWriter::F32s(absl::string_view key, const std::vector<float>& values) {
  std::string bytes = ArrayStart(6, values.size());
  for (const float value : values) bytes += FloatBytes(value);
  return Raw(key, kArray, bytes);
}

GgufWriter& GgufWriter::Raw(absl::string_view key, uint32_t type, absl::string_view bytes) {
  absl::StrAppend(&entries_, StringBytes(key), NumberBytes(type), bytes);
  ++entry_count_;
  return *this;
}

GgufWriter& GgufWriter::Tensor(absl::string_view name, uint32_t type,
                               const std::vector<int64_t>& extents, absl::string_view bytes) {
  data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_, '\0');
  TensorAt(name, type, extents, data_.size());
  absl::StrAppend(&data_, bytes);
  return *this;
}

GgufWriter& GgufWriter::TensorAt(absl::string_view name, uint32_t type,
                                 const std::vector<int64_t>& extents, uint64_t offset) {
  absl::StrAppend(&tensors_, StringBytes(name), NumberBytes<uint32_t>(extents.size()));
  for (const int64_t extent : extents) tensors_ += NumberBytes(extent);
  absl::StrAppend(&tensors_, NumberBytes(type), NumberBytes(offset));
  ++tensor_count_;
  return *this;
}

GgufWriter& GgufWriter::Align(uint64_t alignment) {
  alignment_ = alignment;
  return *this;
}

GgufWriter& GgufWriter::Version(uint32_t version) {
  version_ = version;
  return *this;
}

std::string GgufWriter::Bytes() const {
  std::string bytes = absl::StrCat("GGUF", NumberBytes(version_), NumberBytes(tensor_count_),
                                   NumberBytes(entry_count_), entries_, tensors_);
  if (tensor_count_ == 0) return bytes;
  bytes.resize((bytes.size() + alignment_ - 1) / alignment_ * alignment_, '\0');
  return bytes + data_;
}

}  // namespace lluda::frontends::gguf
