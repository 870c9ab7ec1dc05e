#include "ir/type/encoding.h"

#include <cstddef>
#include <iterator>

#include "glog/logging.h"

namespace lluda::ir {
namespace {

struct EncodingRow {
  DType dtype;
  Encoding encoding;
};

// Indexed by the enum's value.
constexpr EncodingRow kEncodings[] = {
    {DType::kF32, {1, 4}},     {DType::kBF16, {1, 2}},    {DType::kF16, {1, 2}},
    {DType::kI32, {1, 4}},     {DType::kI64, {1, 8}},     {DType::kI8, {1, 1}},
    {DType::kQ8_0, {32, 34}},  {DType::kQ4_0, {32, 18}},  {DType::kQ4_1, {32, 20}},
    {DType::kQ5_0, {32, 22}},  {DType::kQ5_1, {32, 24}},  {DType::kQ2K, {256, 84}},
    {DType::kQ3K, {256, 110}}, {DType::kQ4K, {256, 144}}, {DType::kQ5K, {256, 176}},
    {DType::kQ6K, {256, 210}}, {DType::kIQ4NL, {32, 18}}, {DType::kIQ4XS, {256, 136}},
    {DType::kMXFP4, {32, 17}}, {DType::kQ8F32, {32, 36}}, {DType::kF8F32, {32, 36}},
};

constexpr bool HasARowForEachDType() {
  for (size_t i = 0; i < std::size(kEncodings); ++i) {
    if (static_cast<size_t>(kEncodings[i].dtype) != i) return false;
  }
  return std::size(kEncodings) == kDTypeCount;
}
static_assert(HasARowForEachDType());

}  // namespace

int64_t Encoding::BytesOf(int64_t count) const {
  CHECK_EQ(count % elements, 0) << count << " elements in blocks of " << elements;
  return count / elements * bytes;
}

const Encoding& EncodingOf(DType dtype) { return kEncodings[static_cast<size_t>(dtype)].encoding; }

int ElementBits(DType dtype) {
  const Encoding& encoding = EncodingOf(dtype);
  CHECK(encoding.is_plain()) << "an element of " << DTypeName(dtype) << " has no bits of its own";
  return static_cast<int>(8 * encoding.bytes);
}

int64_t DwordElements(DType dtype) {
  const int bits = ElementBits(dtype);
  CHECK_LE(bits, 32) << DTypeName(dtype);
  return 32 / bits;
}

}  // namespace lluda::ir
