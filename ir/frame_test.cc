#include "ir/frame.h"

#include "gtest/gtest.h"
#include "ir/builder.h"

namespace lluda::ir {
namespace {

const Axis kTokens = {"tok", Extent::Symbol("T")};

class FrameTest : public testing::Test {
 protected:
  FrameTest() : module_("m") {
    module_.symbols = {{"T", 1, 10}};
    func_ = module_.AddFunc("f");
    Builder b(func_);
    Value* x = func_->AddParam("x", {DType::kF32, {kTokens}, {}});
    a_ = b.Unary(Opcode::kExp, "a", x)->def();
    b_ = b.Unary(Opcode::kExp, "b", a_->result())->def();
    b.Return(b_->result());
  }

  Module module_;
  Func* func_;
  Op* a_;
  Op* b_;
};

TEST_F(FrameTest, SizesAreThoseAtTheSymbolsMaxima) {
  EXPECT_EQ(MaxByteSize(a_->result()->type, module_), 10 * 4);
}

TEST_F(FrameTest, AFunctionWithoutAPlanNeedsNoFrame) { EXPECT_EQ(FrameBytes(*func_), 0); }

TEST_F(FrameTest, TheFrameEndsAfterTheLastBufferWhereverItStands) {
  a_->frame_offset = 128;
  b_->frame_offset = 0;
  EXPECT_EQ(FrameBytes(*func_), 128 + 64);
}

}  // namespace
}  // namespace lluda::ir
