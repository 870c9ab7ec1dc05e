// A seeded family's folder as a GGUF file, as converters write it: rows of queries and keys in pairs
// where the architecture has them so, norms as f32 with the 1 of Gemma's in them, matrices as they
// are or widened to f32.
//
//   GgufCopy copy{"gemma2", family};
//   copy.ints["attention.sliding_window"] = 7;
//   folder.Write("model.gguf", GgufBytes(copy, seeded, GgufNumbers::kF32));
#ifndef LLUDA_TESTS_SUPPORT_GGUF_COPY_H_
#define LLUDA_TESTS_SUPPORT_GGUF_COPY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

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

// What matrices are written in. Both hold the folder's numbers.
enum class GgufNumbers : uint8_t { kBF16, kF32 };

std::string GgufBytes(const GgufCopy& copy, const SeededFolder& folder, GgufNumbers numbers);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_GGUF_COPY_H_
