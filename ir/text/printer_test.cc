#include "ir/text/printer.h"

#include "gtest/gtest.h"
#include "ir/builder.h"

namespace lluda::ir {
namespace {

const Type kPair{DType::kF32, {{"a", Extent::Constant(2)}}, {}};

class PrinterTest : public ::testing::Test {
 protected:
  PrinterTest() : module_("m"), func_(module_.AddFunc("f")), x_(func_->AddParam("x", kPair)) {
    func_->result_type = kPair;
  }

  Module module_;
  Func* func_;
  Value* x_;
};

TEST_F(PrinterTest, AnOpShowsPlaceAndPass) {
  Value* y = Builder(func_).Scale("y", x_, 0.1);
  y->def()->frame_offset = 64;
  y->def()->by = "some-pass";
  EXPECT_EQ(PrintOp(*y->def()), "%y = scale %x {by = 0.1} : f32 a[2] in 64 by some-pass");
}

TEST_F(PrinterTest, StructuralTextNumbersValuesAndLeavesThePassOut) {
  Builder b(func_);
  Value* y = b.Unary(Opcode::kExp, "y", x_);
  y->def()->by = "some-pass";
  y->def()->frame_offset = 8;
  b.Return(y);
  EXPECT_EQ(PrintFunc(*func_, PrintStyle::kStructural),
            "func @f(%0: f32 a[2]) -> f32 a[2] {\n"
            "  %1 = exp %0 : f32 a[2] in 8\n"
            "  return %1\n"
            "}\n");
}

TEST_F(PrinterTest, ALoopPrintsWithItsBody) {
  Op* loop = Builder(func_).For("y", "i", 0, 3, "c", x_);
  Builder(loop->body.get()).Yield(loop->carried.get());
  EXPECT_EQ(PrintOp(*loop), "%y = for i in 0..3 carry %c = %x {\n  yield %c\n} : f32 a[2]");
}

TEST_F(PrinterTest, BrokenOpsPrintToo) {
  Op* op = func_->body.Append(Opcode::kCall);
  op->SetOperands({Operand()});
  EXPECT_EQ(PrintOp(*op), "call <nothing> <nothing>");
  EXPECT_EQ(PrintOp(*func_->body.Append(Opcode::kPack)), "pack");
  EXPECT_EQ(PrintOp(*func_->body.Append(Opcode::kGather)), "gather over ");
}

TEST_F(PrinterTest, OnlyWhatIsThereIsPrinted) {
  module_.symbols = {{"T", 1, 4}};
  module_.AddGlobal({Global::Kind::kLoaded, "hidden", std::nullopt, kPair, ""});
  module_.AddGlobal({Global::Kind::kState, "s", Index{"i", 3}, kPair, ""});
  module_.AddGlobal({Global::Kind::kWeight, "w", std::nullopt, kPair, "a\"\n\x01\xc3\xa9"});
  Builder(func_).Return(x_);
  EXPECT_EQ(PrintModule(module_),
            "lluda 1\n"
            "module @m {\n"
            "  symbol T in 1..4\n"
            "  state @s[i < 3] : f32 a[2]\n"
            "  weight @w : f32 a[2] from \"a\\\"\\n\\001\xc3\xa9\"\n"
            "  func @f(%x: f32 a[2]) -> f32 a[2] {\n"
            "    return %x\n"
            "  }\n"
            "}\n");
}

}  // namespace
}  // namespace lluda::ir
