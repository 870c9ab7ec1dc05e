#include "passes/place/load_block.h"

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kText[] = R"(lluda 1
module @m {
  weight @w[layer < 2] : f32 d[4] from "w.{layer}"
  weight @u : f32 d[4] from "u"
  load {
    @before = exp @u : f32 d[4]
    for layer in 0..2 {
      @inside[layer] = add @w[layer] @before : f32 d[4]
    }
    @after = cos @u : f32 d[4]
  }
  func @f[layer < 2](%x: f32 d[4]) -> f32 d[4] {
    %a = add @inside[layer] @after : f32 d[4]
    %b = add %a @after : f32 d[4]
    return %b
  }
}
)";

class LoadBlockTest : public testing::Test {
 protected:
  ir::Global* Get(absl::string_view name) { return module_->FindGlobal(name); }
  size_t LoadSize() const { return module_->load.ops().size(); }

  std::unique_ptr<ir::Module> module_ = Parsed(kText);
};

TEST_F(LoadBlockTest, AnExistingLoopServesWhatIsDefinedBeforeItOrInIt) {
  ir::Block* loop = FindDefinition(*module_, Get("inside"))->parent();
  EXPECT_EQ(LoadLoop(module_.get(), {"layer", 2}, {}), loop);
  EXPECT_EQ(LoadLoop(module_.get(), {"layer", 2}, {Get("before"), Get("inside")}), loop);
  EXPECT_EQ(LoadSize(), 3u);
}

TEST_F(LoadBlockTest, WhatIsDefinedAfterALoopNeedsANewOne) {
  const ir::Block* loop = LoadLoop(module_.get(), {"layer", 2}, {Get("after")});
  EXPECT_EQ(LoadSize(), 4u);
  EXPECT_EQ(module_->load.ops().back().get(), loop->loop());
}

TEST_F(LoadBlockTest, OtherRowsNeedAnotherLoop) {
  EXPECT_EQ(LoadLoop(module_.get(), {"layer", 3}, {})->loop()->attrs.end, 3);
  EXPECT_EQ(LoadLoop(module_.get(), {"expert", 2}, {})->loop()->loop_index, "expert");
  EXPECT_EQ(LoadSize(), 5u);
}

TEST_F(LoadBlockTest, WeightsHaveNoDefinition) {
  EXPECT_EQ(FindDefinition(*module_, Get("w")), nullptr);
  EXPECT_EQ(FindDefinition(*module_, Get("after")), module_->load.ops().back().get());
}

TEST_F(LoadBlockTest, ReadersAreFoundInTheLoadBlockAndInFunctions) {
  EXPECT_EQ(FindReaders(*module_, Get("u")).size(), 2u);
  const auto readers = FindReaders(*module_, Get("after"));
  ASSERT_EQ(readers.size(), 2u);
  EXPECT_EQ(readers[0].op->result()->name, "a");
  EXPECT_EQ(readers[0].operand, 1);
}

}  // namespace
}  // namespace lluda::passes
