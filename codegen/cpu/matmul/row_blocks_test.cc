// Matmuls whose number of rows is known, and all on tiles of AMX, are computed in blocks of rows: the
// same bits as few rows at a time, for every instruction set that this machine can run.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

using ir::DType;

constexpr int64_t kRows = 300;  // two blocks of 128, and one that ends in a part of a tile
constexpr int64_t kPart = 100;  // of which the other function computes so many at a time
constexpr int64_t kDepth = 96;
constexpr int64_t kColumns = 80;

// A matmul of `rows`, "T" or a number, of this dtype, over K = `depth`.
std::string Module(const std::string& rows, DType dtype, int64_t depth = kDepth) {
  const std::string text = absl::StrCat(R"(
  weight @w : $A n[80] k[$K] from "w"
  weight @b : f32 n[80] from "b"
  load {
    @p = pack @w over k {tile = $$A} : $A n[80] k[$K] @panel($$A, k)
  }
  func @f(%a: $A tok[)",
                                        rows, R"(] k[$K]) -> $A tok[)", rows, R"(] n[80] {
    %r = matmul %a @p @b over k {epilogue = bias gelu_erf, out = $A} : $A tok[)",
                                        rows, R"(] n[80]
    return %r
  })");
  return absl::StrReplaceAll(text, {{"$A", ir::DTypeName(dtype)}, {"$K", absl::StrCat(depth)}});
}

TEST(RowBlocksTest, RowsInBlocksAreTheSameBits) {
  for (const Target& target : RunnableTargets()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      SCOPED_TRACE(absl::StrCat(IsaName(target.isa), " ", ir::DTypeName(dtype)));
      const auto known = PlannedTestModule(Module(absl::StrCat(kRows), dtype));
      const auto unknown = PlannedTestModule(Module("T", dtype));
      ASSERT_NE(known, nullptr);
      ASSERT_NE(unknown, nullptr);
      const CompiledFunction in_blocks(*known, target), at_once(*unknown, target);
      const std::vector<char> a = Store(dtype, RandomFloats(kRows * kDepth, 11));
      const int64_t a_bytes = ir::BytesOf(dtype, kDepth), bytes = ir::BytesOf(dtype, kColumns);
      const auto whole = in_blocks.NewStates({1, 1, 64});
      const std::vector<char> result = in_blocks.Run(*whole, {1, 1, 64}, {a}, kRows * bytes);
      const auto parts = at_once.NewStates({kPart, 1, 64});
      for (int64_t row = 0; row < kRows; row += kPart) {
        const std::vector<char> rows(a.begin() + row * a_bytes,
                                     a.begin() + (row + kPart) * a_bytes);
        const std::vector<char> expected(result.begin() + row * bytes,
                                         result.begin() + (row + kPart) * bytes);
        EXPECT_EQ(at_once.Run(*parts, {kPart, 1, 64}, {rows}, kPart * bytes), expected) << row;
      }
    }
  }
}

// Rows of 32 KB, of which a block of AMX's has 32: the last one has four.
TEST(RowBlocksTest, LongRowsInBlocksOfOneTileAreTheSameBits) {
  constexpr int64_t kLong = 16384, kMany = 100, kFew = 20;
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(IsaName(target.isa));
    const auto module = PlannedTestModule(Module("T", DType::kBF16, kLong));
    ASSERT_NE(module, nullptr);
    const CompiledFunction function(*module, target);
    const std::vector<char> a = Store(DType::kBF16, RandomFloats(kMany * kLong, 13));
    const int64_t a_bytes = ir::BytesOf(DType::kBF16, kLong);
    const int64_t bytes = ir::BytesOf(DType::kBF16, kColumns);
    const auto whole = function.NewStates({kMany, 1, 64});
    const std::vector<char> result = function.Run(*whole, {kMany, 1, 64}, {a}, kMany * bytes);
    const auto parts = function.NewStates({kFew, 1, 64});
    for (int64_t row = 0; row < kMany; row += kFew) {
      const std::vector<char> rows(a.begin() + row * a_bytes, a.begin() + (row + kFew) * a_bytes);
      const std::vector<char> expected(result.begin() + row * bytes,
                                       result.begin() + (row + kFew) * bytes);
      EXPECT_EQ(function.Run(*parts, {kFew, 1, 64}, {rows}, kFew * bytes), expected) << row;
    }
  }
}

}  // namespace
}  // namespace lluda::codegen
