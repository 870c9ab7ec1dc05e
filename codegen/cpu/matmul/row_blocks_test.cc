// Matmuls whose number of rows is known are computed in blocks of rows: the same bits as rows of
// which the code knows nothing, for every instruction set that this machine can run.
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

// A matmul of `rows`, "T" or a number, of this dtype.
std::string Module(const std::string& rows, DType dtype) {
  const std::string text = absl::StrCat(R"(
  weight @w : $A n[80] k[96] from "w"
  weight @b : f32 n[80] from "b"
  load {
    @p = pack @w over k {tile = $$A} : $A n[80] k[96] @panel($$A, k)
  }
  func @f(%a: $A tok[)",
                                        rows, R"(] k[96]) -> $A tok[)", rows, R"(] n[80] {
    %r = matmul %a @p @b over k {epilogue = bias gelu_erf, out = $A} : $A tok[)",
                                        rows, R"(] n[80]
    return %r
  })");
  return absl::StrReplaceAll(text, {{"$A", ir::DTypeName(dtype)}});
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

}  // namespace
}  // namespace lluda::codegen
