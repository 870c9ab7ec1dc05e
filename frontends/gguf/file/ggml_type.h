// The types that tensors of a GGUF file may have: what each is called, and how many bytes a block of
// how many neighbouring elements takes.
//
//   const GgmlType* type = FindGgmlType(12);
//   type->name, type->elements, type->bytes   // "Q4_K", 256, 144
//
// Blocks lie along a tensor's innermost axis.
#ifndef LLUDA_FRONTENDS_GGUF_FILE_GGML_TYPE_H_
#define LLUDA_FRONTENDS_GGUF_FILE_GGML_TYPE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/type/dtype.h"

namespace lluda::frontends::gguf {

// Why a file may not hold a tensor of a type.
enum class GgmlUse : uint8_t {
  kInFiles,
  kActivations,  // it is for what is computed, never for what is stored
  kRemoved,      // files of it are from before a layout was given up
  kUnsized,      // newer than this table: how long its blocks are is not known
};

struct GgmlType {
  uint32_t id;
  absl::string_view name;
  int64_t elements;                // of a block
  int64_t bytes;                   // of a block; 0 if its length is not known
  std::optional<ir::DType> dtype;  // nullopt if lluda does not compute with it
  GgmlUse use;
};

// Null for an id that no type has had.
const GgmlType* FindGgmlType(uint32_t id);

absl::Span<const GgmlType> GgmlTypes();

// Bytes of `elements` elements, a whole number of blocks, of a type whose blocks' length is known.
inline int64_t BytesOf(const GgmlType& type, int64_t elements) {
  return elements / type.elements * type.bytes;
}

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_FILE_GGML_TYPE_H_
