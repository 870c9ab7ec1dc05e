// Reads the container of a GGUF file: keys with typed values, tensors, and where their bytes lie.
//
//   "GGUF" | u32 version | u64 tensors | u64 keys | keys ... | tensors ... | padding | data
//
// All of it little-endian; versions 2 and 3, which have the same layout. Nothing in a file is
// trusted: what ParseGguf returns points into the file's bytes and has the size that its type asks
// for, and what it takes of memory is bounded by a limit of keys and tensors. Values stay where
// they are until someone asks for them (metadata.h). Errors are one line:
//
//   model.gguf: tensor 'blk.0.attn_q.weight': type 4 (Q4_2) was removed from the format
//   model.gguf: key 'general.alignment': must be a power of two from 8 to 1048576, is 3
//
// Example:
//   absl::StatusOr<Container> container = ParseGguf("model.gguf", file.bytes());
//   container->tensors[0].shape   // outermost axis first, as in safetensors
#ifndef LLUDA_FRONTENDS_GGUF_FILE_CONTAINER_H_
#define LLUDA_FRONTENDS_GGUF_FILE_CONTAINER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "frontends/gguf/file/ggml_type.h"

namespace lluda::frontends::gguf {

// The types of values, by the numbers that files have for them.
enum class ValueType : uint8_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};
inline constexpr uint32_t kValueTypes = 13;

// "u32", "string", "array".
absl::string_view ValueTypeName(ValueType type);
// Bytes of a value; 0 of strings and arrays, whose length differs.
size_t ValueBytes(ValueType type);

// A key and its value as the file holds it.
struct Entry {
  absl::string_view key;
  ValueType type;
  ValueType element_type;           // of an array; else as type
  uint64_t count;                   // of an array's elements; else 1
  absl::Span<const std::byte> raw;  // the value, or the array's elements one behind the other
};

struct Tensor {
  absl::string_view name;
  const GgmlType* type;
  std::vector<int64_t> shape;  // outermost axis first
  absl::Span<const std::byte> bytes;
};

struct Container {
  uint32_t version = 0;
  uint64_t alignment = 0;
  std::vector<Entry> entries;   // in the file's order
  std::vector<Tensor> tensors;  // in the order of their data
  uint64_t data_start = 0;      // in the file
};

// Whether a file's first bytes are those of a GGUF file.
bool LooksLikeGguf(absl::string_view contents);

// Reads `contents`, a whole file that errors call `label` and that has to outlive the result.
// InvalidArgument if it is not sound; Unimplemented for a version, byte order or tensor type that
// is not read.
absl::StatusOr<Container> ParseGguf(absl::string_view label, absl::Span<const std::byte> contents);

// The number that `bytes` hold, least significant first.
template <typename T>
T ReadLittleEndian(const std::byte* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return static_cast<T>(value);
}

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_FILE_CONTAINER_H_
