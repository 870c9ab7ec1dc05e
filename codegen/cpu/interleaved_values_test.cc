#include "codegen/cpu/interleaved_values.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

// A norm into a matmul into another one, and `extra`, another reader of %h.
std::string Chain(const std::string& extra) {
  return absl::StrCat(R"(
  weight @norm : f32 hid[32] from "norm"
  weight @wa : f32 ff[64] hid[32] from "a"
  weight @wb : f32 hid[32] ff[64] from "b"
  load {
    @pa = pack @wa over hid {tile = $f32} : f32 ff[64] hid[32] @panel($f32, hid)
    @pb = pack @wb over ff {tile = $f32} : f32 hid[32] ff[64] @panel($f32, ff)
  }
  func @f(%x: f32 tok[T] hid[32]) -> f32 tok[T] hid[32] {
    %h = rmsnorm %x @norm over hid {eps = 1e-06} : f32 tok[T] hid[32]
    %m = matmul %h @pa over hid : f32 tok[T] ff[64]
    %y = matmul %m @pb over ff : f32 tok[T] hid[32]
)",
                      extra, "    return %y\n  }");
}

// A target whose f32 tile has `rows` rows.
const Target* TargetWithRows(int rows) {
  static const std::vector<Target>* targets = new std::vector<Target>(RunnableTargets());
  for (const Target& target : *targets) {
    if (target.FindTile(ir::DType::kF32, ir::DType::kF32)->rows == rows) return &target;
  }
  return nullptr;
}

int ResultRows(const ir::Module& module, const std::string& name, const Target& target) {
  return InterleavedSpecOf(FindOp(module, name), target).result.interleaved_rows;
}

TEST(InterleavedValues, AreThoseThatOnlyTilesOfManyRowsRead) {
  const Target* target = TargetWithRows(8);
  if (target == nullptr) GTEST_SKIP() << "this CPU has no tile of 8 rows";
  const auto module = ParseTestModule(Chain(""));
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(ResultRows(*module, "h", *target), 8);
  EXPECT_EQ(ResultRows(*module, "m", *target), 8);
  EXPECT_EQ(ResultRows(*module, "y", *target), 0) << "a function's result lies row-major";
  EXPECT_EQ(InterleavedSpecOf(FindOp(*module, "m"), *target).operands[0].interleaved_rows, 8);
  EXPECT_EQ(InterleavedSpecOf(FindOp(*module, "y"), *target).operands[0].interleaved_rows, 8);
}

TEST(InterleavedValues, AreNotUsedForFewRows) {
  const auto module = ParseTestModule(Chain(""));
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(ResultRows(*module, "h", *TargetWithRows(1)), 0);
}

TEST(InterleavedValues, AreNotUsedWhereAnotherKernelReadsRows) {
  const Target* target = TargetWithRows(8);
  if (target == nullptr) GTEST_SKIP() << "this CPU has no tile of 8 rows";
  const auto module = ParseTestModule(Chain("    %other = exp %h : f32 tok[T] hid[32]\n"));
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(ResultRows(*module, "h", *target), 0);
  EXPECT_EQ(InterleavedSpecOf(FindOp(*module, "m"), *target).operands[0].interleaved_rows, 0);
  EXPECT_EQ(ResultRows(*module, "m", *target), 8);
}

// Of bf16, whose matmuls on AMX load tiles of 16 rows by 32 elements.
TEST(InterleavedValues, LieInTilesWhereAmxLoadsThem) {
  const std::string text =
      absl::StrReplaceAll(Chain(""), {{"f32 tok[T] ff[64]", "bf16 tok[T] ff[64]"},
                                      {"eps = 1e-06} : f32", "eps = 1e-06, out = bf16} : bf16"},
                                      {"@pa over hid", "@pa over hid {out = bf16}"},
                                      {"$f32", "$bf16"},
                                      {"f32 ff[64] hid[32] from", "bf16 ff[64] hid[32] from"},
                                      {"f32 hid[32] ff[64] from", "bf16 hid[32] ff[64] from"},
                                      {": f32 ff[64] hid[32] @", ": bf16 ff[64] hid[32] @"},
                                      {": f32 hid[32] ff[64] @", ": bf16 hid[32] ff[64] @"}});
  const auto module = ParseTestModule(text);
  ASSERT_NE(module, nullptr);
  const Target target = TargetToRead(Isa::kAmx);
  for (const char* name : {"m", "y"}) {
    const TensorSpec& a = InterleavedSpecOf(FindOp(*module, name), target).operands[0];
    EXPECT_EQ(a.interleaved_rows, 16) << name;
    EXPECT_EQ(a.interleaved_dwords, 16) << name;
  }
}

}  // namespace
}  // namespace lluda::codegen
