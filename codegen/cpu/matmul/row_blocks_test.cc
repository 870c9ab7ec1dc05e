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
      const int64_t bytes = ir::BytesOf(dtype, kRows * kColumns);
      const auto run = [&](const CompiledFunction& function) {
        const auto states = function.NewStates({kRows, 1, 64});
        return function.Run(*states, {kRows, 1, 64}, {a}, bytes);
      };
      EXPECT_EQ(run(in_blocks), run(at_once));
    }
  }
}

}  // namespace
}  // namespace lluda::codegen
