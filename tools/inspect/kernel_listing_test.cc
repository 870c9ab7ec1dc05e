#include "tools/inspect/kernel_listing.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using ::testing::ElementsAre;

runtime::Call MakeCall(uint32_t kernel, const char* function, int64_t index, const char* value) {
  runtime::Call call;
  call.kernel = kernel;
  call.site = {function, index, value};
  return call;
}

runtime::Program Program() {
  runtime::Program program;
  for (const char* name : {"pack_0", "pack_1", "matmul_2"}) {
    program.kernels.emplace_back();
    program.kernels.back().name = name;
  }
  // A pack of two parts, twice; then a matmul in each of two layers.
  program.load = {MakeCall(0, "load", 0, "wqkv"), MakeCall(1, "load", 0, "wqkv"),
                  MakeCall(0, "load", 1, "wqkv"), MakeCall(1, "load", 1, "wqkv")};
  program.entries.emplace_back().name = "step";
  program.entries.back().calls = {MakeCall(2, "attn", 0, "q"), MakeCall(2, "attn", 1, "q")};
  program.entries.emplace_back().name = "audio";
  program.entries.back().calls = {MakeCall(2, "audio", 0, "y")};
  return program;
}

TEST(KernelListingTest, APacksPartsAreKernelsOfOneStatement) {
  const std::vector<ComputedStatement> statements = ComputedStatements(Program());
  ASSERT_EQ(statements.size(), 3u);
  EXPECT_EQ(statements[0].name, "load.wqkv");
  EXPECT_THAT(statements[0].kernels, ElementsAre("pack_0", "pack_1"));
  EXPECT_EQ(statements[0].calls, 2);
  EXPECT_EQ(statements[1].name, "attn.q");
  EXPECT_THAT(statements[1].kernels, ElementsAre("matmul_2"));
  EXPECT_EQ(statements[1].calls, 2);
  EXPECT_EQ(ComputedStatementsText(statements),
            "load.wqkv  pack_0 pack_1\nattn.q     matmul_2\naudio.y    matmul_2\n");
}

TEST(KernelListingTest, AnEntryHasItsOwnStatementsAlone) {
  EXPECT_EQ(ComputedStatementsText(ComputedStatements(Program(), "audio")), "audio.y  matmul_2\n");
  EXPECT_EQ(ComputedStatementsText(ComputedStatements(Program(), "step")), "attn.q  matmul_2\n");
}

TEST(KernelListingTest, AStatementIsACommentOfItsForm) {
  KernelListing listing;
  listing.statements = {{"attn.q", 1, {"%h = split %x", "%q = matmul %h"}}};
  listing.kernels = {{"matmul_2", "matmul_2:\n"}};
  EXPECT_EQ(KernelListingText(listing),
            "# attn.q, 1 call\n# %h = split %x\n# %q = matmul %h\nmatmul_2:\n");
  listing.form = CodeForm::kLlvm;
  listing.statements[0].calls = 6;
  EXPECT_EQ(KernelListingText(listing).substr(0, 18), "; attn.q, 6 calls\n");
}

}  // namespace
}  // namespace lluda::tools
