// A row of a product of two values is the same bits whatever rows are beside it, in its tile and in
// its item, for every instruction set that this machine can run.
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

constexpr int64_t kRows = 45;  // an item of 32, and one that ends in a part of a tile
constexpr int64_t kHeads = 2;
constexpr int64_t kKeys = 48;
constexpr int64_t kDim = 37;  // two whole vectors and a rest

// Scores, whose columns lie apart, or weighted sums, whose columns are neighbours.
struct Product {
  const char* a;
  int64_t depth;
  const char* b;
  const char* over;
  const char* result;
  int64_t columns;
};
constexpr Product kProducts[] = {
    {"dim[37]", kDim, "key[48] head[2] dim[37]", "dim", "key[48]", kKeys},
    {"key[48]", kKeys, "key[48] head[2] dim[64]", "key", "dim[64]", 64}};

std::string Module(const Product& product, DType dtype) {
  const std::string result = absl::StrCat("$A tok[T] head[2] ", product.result);
  const std::string text =
      absl::StrCat("\n  func @f(%a: $A tok[T] head[2] ", product.a, ", %b: $A ", product.b, ") -> ",
                   result, " {\n    %r = matmul %a %b over ", product.over,
                   " {out = $A} : ", result, "\n    return %r\n  }");
  return absl::StrReplaceAll(text, {{"$A", ir::DTypeName(dtype)}});
}

TEST(ValueMatmulTest, ARowIsTheSameBitsBesideOthers) {
  for (const Target& target : RunnableTargets()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      for (const Product& product : kProducts) {
        SCOPED_TRACE(
            absl::StrCat(IsaName(target.isa), " ", ir::DTypeName(dtype), " ", product.result));
        const auto module = PlannedTestModule(Module(product, dtype));
        ASSERT_NE(module, nullptr);
        const CompiledFunction compiled(*module, target);
        const std::vector<char> a = Store(dtype, RandomFloats(kRows * kHeads * product.depth, 11));
        const std::vector<char> b =
            Store(dtype, RandomFloats(kHeads * product.depth * product.columns, 12));
        const int64_t a_bytes = ir::BytesOf(dtype, kHeads * product.depth);
        const int64_t bytes = ir::BytesOf(dtype, kHeads * product.columns);
        const auto all = compiled.NewStates({kRows, 1, 64});
        const std::vector<char> whole = compiled.Run(*all, {kRows, 1, 64}, {a, b}, kRows * bytes);
        const auto one = compiled.NewStates({1, 1, 64});
        for (int64_t row = 0; row < kRows; ++row) {
          const std::vector<char> alone(a.begin() + row * a_bytes, a.begin() + (row + 1) * a_bytes);
          const std::vector<char> expected(whole.begin() + row * bytes,
                                           whole.begin() + (row + 1) * bytes);
          EXPECT_EQ(compiled.Run(*one, {1, 1, 64}, {alone, b}, bytes), expected) << row;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lluda::codegen
