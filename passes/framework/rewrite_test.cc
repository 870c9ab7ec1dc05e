#include "passes/framework/rewrite.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/printer.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ir::Opcode;
using ::testing::HasSubstr;

constexpr char kText[] = R"(lluda 1
module @m {
  symbol C in 1..4
  state @s : f32 slot[1] pos[C] d[2]
  func @appends(%x: f32 tok[1] d[2], %i: i32 tok[1]) -> f32 tok[1] d[2] {
    %w = append @s %x over slot pos at %i %i : f32 slot[1] pos[C] d[2]
    return %x
  }
  func @f(%x: f32 tok[1] d[2], %i: i32 tok[1]) -> f32 tok[1] d[2] {
    %a = exp %x : f32 tok[1] d[2]
    %b = cos %a : f32 tok[1] d[2]
    %c = add %a %b : f32 tok[1] d[2]
    %called = call @appends %x %i : f32 tok[1] d[2]
    %loop = for n in 0..2 carry %carried = %c {
      %inner = call @appends %carried %i : f32 tok[1] d[2]
      %y = sin %inner : f32 tok[1] d[2]
      yield %y
    } : f32 tok[1] d[2]
    %read = gather @s over slot at %i : f32 tok[1] pos[C] d[2]
    return %a
  }
}
)";

class RewriteTest : public testing::Test {
 protected:
  ir::Op* Find(absl::string_view name) {
    ir::Op* found = nullptr;
    ForEachOp(*module_, [&](ir::Op* op) {
      if (op->result() != nullptr && op->result()->name == name) found = op;
    });
    return found;
  }

  std::unique_ptr<ir::Module> module_ = Parsed(kText);
};

TEST_F(RewriteTest, AppendsAndWhatCallsOrLoopsAroundThemHaveAnEffect) {
  for (const char* name : {"w", "called", "loop", "inner"}) EXPECT_TRUE(HasEffect(*Find(name)));
  for (const char* name : {"a", "c", "y", "read"}) EXPECT_FALSE(HasEffect(*Find(name))) << name;
}

TEST_F(RewriteTest, ReadsOfAStateAreFoundBehindCalls) {
  for (const char* name : {"w", "called", "loop", "read"}) EXPECT_TRUE(ReadsState(*Find(name)));
  for (const char* name : {"a", "c", "y"}) EXPECT_FALSE(ReadsState(*Find(name))) << name;
}

TEST_F(RewriteTest, AReplacedStatementKeepsItsNamePlaceAndUses) {
  ir::Op* b = Find("b");
  const std::string place = PlaceOf(*b);
  ASSERT_TRUE(ReplaceOp(b, Opcode::kSilu, b->operands(), {}, "test-pass").ok());
  EXPECT_EQ(PlaceOf(*Find("b")), place);
  EXPECT_THAT(PrintModule(*module_), HasSubstr("%a = exp %x : f32 tok[1] d[2]\n"
                                               "    %b = silu %a : f32 tok[1] d[2] by test-pass\n"
                                               "    %c = add %a %b : f32 tok[1] d[2]\n"));
}

TEST_F(RewriteTest, AReplacementOfAnotherTypeIsRefusedAndChangesNothing) {
  const std::string before = PrintModule(*module_);
  ir::Attrs attrs;
  attrs.out = ir::DType::kBF16;
  const auto replaced = ReplaceOp(Find("b"), Opcode::kCast, Find("b")->operands(), attrs, "test");
  EXPECT_EQ(replaced.status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(replaced.status().message(), "b would change from f32 tok[1] d[2] to bf16 tok[1] d[2]");
  EXPECT_EQ(PrintModule(*module_), before);
}

TEST_F(RewriteTest, AnInsertedStatementGetsAFreeName) {
  const auto inserted = InsertOp(Find("c"), "a", Opcode::kExp, Find("b")->operands(), {}, "test");
  ASSERT_TRUE(inserted.ok()) << inserted.status();
  EXPECT_EQ((*inserted)->result()->name, "a_1");
}

TEST_F(RewriteTest, AnInsertedStatementWithoutATypeIsAnErrorAndChangesNothing) {
  const std::string before = PrintModule(*module_);
  EXPECT_EQ(
      InsertOp(Find("c"), "n", Opcode::kScale, Find("b")->operands(), {}, "t").status().message(),
      "scale: needs the attribute 'by'");
  EXPECT_EQ(PrintModule(*module_), before);
}

TEST_F(RewriteTest, ADeadChainGoesUpToWhatIsStillUsed) {
  ir::Op* loop = Find("loop");
  // %c is read by the loop: not dead yet.
  EXPECT_FALSE(EraseDeadChain(Find("c")));
  // A loop with an effect is not dead either.
  EXPECT_FALSE(EraseDeadChain(loop));
  loop->parent()->Erase(loop);
  EXPECT_TRUE(EraseDeadChain(Find("c")));
  EXPECT_EQ(Find("c"), nullptr);
  EXPECT_EQ(Find("b"), nullptr);
  ASSERT_NE(Find("a"), nullptr);
  EXPECT_TRUE(Find("a")->result()->HasOneUse());
}

TEST_F(RewriteTest, ADeadOperandReadTwiceAndThroughAnotherIsErasedOnce) {
  // %c reads %a itself and through %b; without the return all three are dead.
  ir::Op* c = Find("c");
  ir::Op* loop = Find("loop");
  loop->parent()->Erase(loop);
  ir::Block* body = c->parent();
  body->terminator()->SetOperand(0, module_->FindFunc("f")->params()[0].get());
  EXPECT_TRUE(EraseDeadChain(c));
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(Find(name), nullptr) << name;
}

}  // namespace
}  // namespace lluda::passes
