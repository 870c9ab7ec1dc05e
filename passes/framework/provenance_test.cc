#include "passes/framework/provenance.h"

#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/default_pipeline.h"
#include "passes/fuse/match/fusion_test_util.h"
#include "passes/pipeline.h"

namespace lluda::passes {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ProvenanceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file("ir/testdata/toy.lluda");
    const auto module = Parsed(std::string(std::istreambuf_iterator<char>(file), {}));
    PipelineOptions options;
    options.dump = [&](int, absl::string_view pass, const ir::Module& after) {
      provenance_.See(pass, after);
      return absl::OkStatus();
    };
    auto pipeline = Pipeline::Create(DefaultPipeline(), options);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    const auto reports = pipeline->Run(module.get());
    ASSERT_TRUE(reports.ok()) << reports.status();
  }

  Provenance provenance_;
};

TEST_F(ProvenanceTest, AFusedStatementCameFromAllItStandsFor) {
  const Origin rope = provenance_.Find("attn", "q4");
  EXPECT_THAT(rope.ops, ElementsAre("slice", "slice", "mul", "mul", "sub", "mul", "mul", "add",
                                    "concat", "cast"));
  EXPECT_THAT(rope.passes, ElementsAre("fuse-rope", "fuse-epilogue"));
  const Origin attention = provenance_.Find("attn", "o0");
  EXPECT_THAT(attention.ops,
              ElementsAre("gather", "gather", "matmul", "scale", "causal_mask", "reduce_max", "sub",
                          "exp", "reduce_sum", "div", "matmul"));
  EXPECT_THAT(attention.passes, ElementsAre("fuse-softmax", "fuse-attention", "fuse-epilogue"));
}

TEST_F(ProvenanceTest, AMergedMatmulCameFromThoseItMerged) {
  EXPECT_THAT(provenance_.Find("attn", "qkv").ops, ElementsAre("matmul", "matmul", "matmul"));
  EXPECT_THAT(provenance_.Find("attn", "qkv").passes, ElementsAre("merge-matmul"));
  EXPECT_THAT(provenance_.Find("mlp", "m").ops,
              ElementsAre("matmul", "matmul", "silu", "mul", "cast"));
  EXPECT_THAT(provenance_.Find("mlp", "m").passes, ElementsAre("merge-matmul", "fuse-epilogue"));
}

TEST_F(ProvenanceTest, AHoistedStatementIsFollowedIntoTheLoadBlock) {
  EXPECT_THAT(provenance_.Find("load", "frequency").ops, ElementsAre("reciprocal"));
  EXPECT_THAT(provenance_.Find("load", "frequency").passes, ElementsAre("hoist-weight-ops"));
}

TEST_F(ProvenanceTest, ACopiedFunctionsStatementsCameFromThoseOfTheSameNames) {
  const Origin attention = provenance_.Find("attn_rows", "o0");
  EXPECT_EQ(attention.ops, provenance_.Find("attn", "o0").ops);
  EXPECT_THAT(attention.passes,
              ElementsAre("fuse-softmax", "fuse-attention", "fuse-epilogue", "peel-last-layer"));
  EXPECT_EQ(provenance_.Find("mlp_rows", "m").ops, provenance_.Find("mlp", "m").ops);
  EXPECT_EQ(provenance_.Find("attn_rows", "qkv_rows").ops, provenance_.Find("attn", "qkv").ops);
  EXPECT_THAT(provenance_.Find("attn_rows", "x_rows0").ops, IsEmpty());
}

TEST_F(ProvenanceTest, AStatementThatNoPassTouchedIsItsOwnSource) {
  EXPECT_THAT(provenance_.Find("attn", "v2").ops, ElementsAre("cast"));
  EXPECT_THAT(provenance_.Find("attn", "v2").passes, IsEmpty());
}

TEST_F(ProvenanceTest, OfPassesThatRanBeforeTheLastOneIsWrittenBehindAStatement) {
  std::ifstream file("ir/testdata/toy.lluda");
  const auto module = Parsed(std::string(std::istreambuf_iterator<char>(file), {}));
  auto pipeline = Pipeline::Create(DefaultPipeline(), {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  ASSERT_TRUE(pipeline->Run(module.get()).ok());
  Provenance late;
  late.See("", *module);
  EXPECT_THAT(late.Find("attn", "q4").ops, ElementsAre("rope"));
  EXPECT_THAT(late.Find("attn", "q4").passes, ElementsAre("fuse-epilogue"));
  EXPECT_THAT(late.Find("attn", "v2").passes, IsEmpty());
}

TEST_F(ProvenanceTest, OfANameThatIsNotThereNothingIsKnown) {
  EXPECT_THAT(provenance_.Find("attn", "nothing").ops, IsEmpty());
  EXPECT_THAT(provenance_.Find("nowhere", "q4").passes, IsEmpty());
}

}  // namespace
}  // namespace lluda::passes
