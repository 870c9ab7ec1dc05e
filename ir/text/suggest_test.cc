#include "ir/text/suggest.h"

#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

TEST(SuggestTest, FindsTheNameWithTheFewestEdits) {
  EXPECT_EQ(Nearest("matmull", {"merge", "matmul", "mul"}), "matmul");
  EXPECT_EQ(Nearest("pakc", {"scale", "pack"}), "pack");
  EXPECT_EQ(Nearest("ad", {"add", "and"}), "add");
  EXPECT_EQ(Nearest("exp", {"exp"}), "exp");
}

TEST(SuggestTest, FindsNothingWhenAllAreFar) {
  EXPECT_EQ(Nearest("convolve", {"concat", "cos"}), "");
  EXPECT_EQ(Nearest("xy", {"ab"}), "") << "as many edits as the name has letters";
  EXPECT_EQ(Nearest("", {"a"}), "");
  EXPECT_EQ(Nearest("a", {}), "");
}

}  // namespace
}  // namespace lluda::ir
