// A seeded family's folder as a GGUF file, as converters write it: rows of queries and keys in pairs
// where the architecture has them so, norms as f32 with the 1 of Gemma's in them, matrices in bf16, in
// f32 or in blocks.
//
//   GgufCopy copy{"gemma2", family};
//   copy.ints["attention.sliding_window"] = 7;
//   folder.Write("model.gguf", GgufBytes(copy, seeded.plain(), AllOf(ir::DType::kF32)));
#ifndef LLUDA_TESTS_SUPPORT_GGUF_COPY_H_
#define LLUDA_TESTS_SUPPORT_GGUF_COPY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/type/dtype.h"
#include "tests/support/plain_decoder.h"
#include "tests/support/seeded_families.h"

namespace lluda::tests {

struct GgufCopy {
  std::string architecture;
  FamilyCase family;
  double rope_base = 10000;
  bool paired_rows = false;
  // Keys beside the sizes, without the architecture's name.
  std::map<std::string, int64_t> ints{};
  std::map<std::string, double> floats{};
  std::map<std::string, std::string> strings{};
  // Tensors beside the folder's.
  std::map<std::string, std::vector<float>> vectors{};
};

// What a matrix is written in, by the name that it has in the folder. bf16 and f32 hold the folder's
// numbers, blocks what their reference quantiser makes of them.
using MatrixDTypes = std::function<ir::DType(absl::string_view name)>;
MatrixDTypes AllOf(ir::DType dtype);

std::string GgufBytes(const GgufCopy& copy, const PlainDecoder& plain, const MatrixDTypes& dtypes);

// The model that such a file holds: matrices in blocks are what these decode to.
PlainDecoder Rounded(const PlainDecoder& plain, const MatrixDTypes& dtypes);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_GGUF_COPY_H_
