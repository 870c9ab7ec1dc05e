#include "frontends/gguf/file/ggml_type.h"

#include <algorithm>
#include <iterator>

namespace lluda::frontends::gguf {
namespace {

constexpr std::nullopt_t kNone = std::nullopt;
constexpr GgmlUse kInFiles = GgmlUse::kInFiles;
constexpr GgmlUse kActivations = GgmlUse::kActivations;
constexpr GgmlUse kRemoved = GgmlUse::kRemoved;
constexpr GgmlUse kUnsized = GgmlUse::kUnsized;

// In the order of their ids.
constexpr GgmlType kTypes[] = {
    {0, "F32", 1, 4, ir::DType::kF32, kInFiles},
    {1, "F16", 1, 2, ir::DType::kF16, kInFiles},
    {2, "Q4_0", 32, 18, ir::DType::kQ4_0, kInFiles},
    {3, "Q4_1", 32, 20, ir::DType::kQ4_1, kInFiles},
    {4, "Q4_2", 1, 0, kNone, kRemoved},
    {5, "Q4_3", 1, 0, kNone, kRemoved},
    {6, "Q5_0", 32, 22, ir::DType::kQ5_0, kInFiles},
    {7, "Q5_1", 32, 24, ir::DType::kQ5_1, kInFiles},
    {8, "Q8_0", 32, 34, ir::DType::kQ8_0, kInFiles},
    {9, "Q8_1", 32, 36, kNone, kActivations},
    {10, "Q2_K", 256, 84, ir::DType::kQ2K, kInFiles},
    {11, "Q3_K", 256, 110, ir::DType::kQ3K, kInFiles},
    {12, "Q4_K", 256, 144, ir::DType::kQ4K, kInFiles},
    {13, "Q5_K", 256, 176, ir::DType::kQ5K, kInFiles},
    {14, "Q6_K", 256, 210, ir::DType::kQ6K, kInFiles},
    {15, "Q8_K", 256, 292, kNone, kActivations},
    {16, "IQ2_XXS", 256, 66, kNone, kInFiles},
    {17, "IQ2_XS", 256, 74, kNone, kInFiles},
    {18, "IQ3_XXS", 256, 98, kNone, kInFiles},
    {19, "IQ1_S", 256, 50, kNone, kInFiles},
    {20, "IQ4_NL", 32, 18, ir::DType::kIQ4NL, kInFiles},
    {21, "IQ3_S", 256, 110, kNone, kInFiles},
    {22, "IQ2_S", 256, 82, kNone, kInFiles},
    {23, "IQ4_XS", 256, 136, ir::DType::kIQ4XS, kInFiles},
    {24, "I8", 1, 1, ir::DType::kI8, kInFiles},
    {25, "I16", 1, 2, kNone, kInFiles},
    {26, "I32", 1, 4, ir::DType::kI32, kInFiles},
    {27, "I64", 1, 8, ir::DType::kI64, kInFiles},
    {28, "F64", 1, 8, kNone, kInFiles},
    {29, "IQ1_M", 256, 56, kNone, kInFiles},
    {30, "BF16", 1, 2, ir::DType::kBF16, kInFiles},
    {31, "Q4_0_4_4", 1, 0, kNone, kRemoved},
    {32, "Q4_0_4_8", 1, 0, kNone, kRemoved},
    {33, "Q4_0_8_8", 1, 0, kNone, kRemoved},
    {34, "TQ1_0", 256, 54, kNone, kInFiles},
    {35, "TQ2_0", 256, 66, kNone, kInFiles},
    {36, "IQ4_NL_4_4", 1, 0, kNone, kRemoved},
    {37, "IQ4_NL_4_8", 1, 0, kNone, kRemoved},
    {38, "IQ4_NL_8_8", 1, 0, kNone, kRemoved},
    {39, "MXFP4", 32, 17, ir::DType::kMXFP4, kInFiles},
    {40, "NVFP4", 1, 0, kNone, kUnsized},
    {41, "Q1_0", 1, 0, kNone, kUnsized},
};

constexpr bool InIdOrder() {
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    if (kTypes[i].id != i) return false;
  }
  return true;
}
static_assert(InIdOrder());

}  // namespace

const GgmlType* FindGgmlType(uint32_t id) { return id < std::size(kTypes) ? &kTypes[id] : nullptr; }

absl::Span<const GgmlType> GgmlTypes() { return kTypes; }

}  // namespace lluda::frontends::gguf
