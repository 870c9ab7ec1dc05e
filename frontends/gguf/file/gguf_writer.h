// Writes GGUF files: sound ones, and for tests others.
//
//   GgufWriter writer;
//   writer.String("general.architecture", "llama").U32("llama.block_count", 2);
//   writer.Tensor("token_embd.weight", /*type=*/0, {8, 2}, bytes);   // extents innermost first
//   folder.Write("model.gguf", writer.Bytes());
#ifndef LLUDA_FRONTENDS_GGUF_FILE_GGUF_WRITER_H_
#define LLUDA_FRONTENDS_GGUF_FILE_GGUF_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lluda::frontends::gguf {

// The bytes of a number, least significant first.
template <typename T>
std::string NumberBytes(T value) {
  std::string bytes(sizeof(value), '\0');
  for (size_t i = 0; i < sizeof(value); ++i) {
    bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xFF);
  }
  return bytes;
}
std::string FloatBytes(float value);
std::string StringBytes(absl::string_view text);

class GgufWriter {
 public:
  GgufWriter& U8(absl::string_view key, uint8_t value) { return Raw(key, 0, NumberBytes(value)); }
  GgufWriter& U16(absl::string_view key, uint16_t value) { return Raw(key, 2, NumberBytes(value)); }
  GgufWriter& U32(absl::string_view key, uint32_t value) { return Raw(key, 4, NumberBytes(value)); }
  GgufWriter& I32(absl::string_view key, int32_t value) { return Raw(key, 5, NumberBytes(value)); }
  GgufWriter& U64(absl::string_view key, uint64_t value) {
    return Raw(key, 10, NumberBytes(value));
  }
  GgufWriter& F32(absl::string_view key, float value) { return Raw(key, 6, FloatBytes(value)); }
  GgufWriter& Bool(absl::string_view key, bool value) {
    return Raw(key, 7, std::string(1, value ? '\1' : '\0'));
  }
  GgufWriter& String(absl::string_view key, absl::string_view value) {
    return Raw(key, 8, StringBytes(value));
  }
  GgufWriter& Strings(absl::string_view key, const std::vector<std::string>& values);
  GgufWriter& I32s(absl::string_view key, const std::vector<int32_t>& values);
  GgufWriter& F32s(absl::string_view key, const std::vector<float>& values);
  // Any value: the number of its type, and its bytes.
  GgufWriter& Raw(absl::string_view key, uint32_t type, absl::string_view bytes);

  // Lies behind the tensors before it, at the next multiple of the alignment.
  GgufWriter& Tensor(absl::string_view name, uint32_t type, const std::vector<int64_t>& extents,
                     absl::string_view bytes);
  // The same at any offset, or of a type that has no blocks; its bytes are not written.
  GgufWriter& TensorAt(absl::string_view name, uint32_t type, const std::vector<int64_t>& extents,
                       uint64_t offset);

  // What Bytes() aligns to; "general.alignment" says it only if a test writes that.
  GgufWriter& Align(uint64_t alignment);
  GgufWriter& Version(uint32_t version);

  // The whole file.
  std::string Bytes() const;

 private:
  uint32_t version_ = 3;
  uint64_t alignment_ = 32;
  uint64_t entry_count_ = 0;
  uint64_t tensor_count_ = 0;
  std::string entries_;
  std::string tensors_;
  std::string data_;
};

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_FILE_GGUF_WRITER_H_
