#include "tools/ir/ir_report.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kNames = {"canonicalize", "cse", "canonicalize"};

std::unique_ptr<ir::Module> Toy() {
  std::ifstream file("ir/testdata/toy.lluda");
  auto module = ir::ParseModule(std::string(std::istreambuf_iterator<char>(file), {}), "toy");
  EXPECT_TRUE(module.ok()) << module.status();
  return module.ok() ? *std::move(module) : nullptr;
}

TEST(IrReportTest, APassIsNamedByNumberOrByName) {
  const auto by_name = ChoosePass("--diff", "canonicalize", kNames);
  ASSERT_TRUE(by_name.ok()) << by_name.status();
  EXPECT_TRUE(by_name->Fits(1, kNames) && !by_name->Fits(2, kNames) && by_name->Fits(3, kNames));
  const auto by_number = ChoosePass("--diff", "3", kNames);
  ASSERT_TRUE(by_number.ok()) << by_number.status();
  EXPECT_TRUE(!by_number->Fits(1, kNames) && by_number->Fits(3, kNames));
  const auto all = ChoosePass("--diff", "", kNames);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_TRUE(all->Fits(1, kNames) && all->Fits(2, kNames));
  for (const char* wrong : {"4", "0", "-1", "fuse"}) {
    EXPECT_THAT(std::string(ChoosePass("--diff", wrong, kNames).status().message()),
                HasSubstr("' is none of the passes: canonicalize, cse, canonicalize"))
        << wrong;
  }
}

TEST(IrReportTest, APassThatRunsTwiceCountsUpToItsLastRun) {
  EXPECT_EQ(*CountUpTo("--after", "canonicalize", kNames), 3u);
  EXPECT_EQ(*CountUpTo("--after", "1", kNames), 1u);
  EXPECT_FALSE(CountUpTo("--after", "dce", kNames).ok());
}

TEST(IrReportTest, ASectionIsNamedWithOrWithoutItsSign) {
  const std::string text = ir::PrintModule(*Toy());
  for (const char* name : {"attn", "@attn"}) {
    const auto sections = SectionsNamed(text, name);
    ASSERT_TRUE(sections.ok()) << sections.status();
    ASSERT_EQ(sections->size(), 1u);
    EXPECT_EQ(sections->front().name, "@attn");
    EXPECT_TRUE(absl::StartsWith(sections->front().lines.front(), "func @attn["));
  }
  EXPECT_GT(SectionsNamed(text, "")->size(), 2u);
  EXPECT_THAT(std::string(SectionsNamed(text, "atn").status().message()),
              HasSubstr("the module has no 'atn', but "));
}

TEST(IrReportTest, ADifferTellsOfTheChosenPassAndSectionAlone) {
  const std::vector<std::string> names = passes::DefaultPipeline();
  const auto diffs_of = [&](const std::string& pass, const std::string& func) {
    PassDiffer differ(*ChoosePass("--diff", pass, names), names, func);
    std::vector<PassDiff> diffs;
    passes::PipelineOptions options;
    options.dump = [&](int number, absl::string_view name, const ir::Module& module) {
      if (auto diff = differ.See(number, name, module)) diffs.push_back(*std::move(diff));
      return absl::OkStatus();
    };
    auto pipeline = passes::Pipeline::Create(names, options);
    EXPECT_TRUE(pipeline.ok() && pipeline->Run(Toy().get()).ok());
    return diffs;
  };
  EXPECT_GT(diffs_of("", "").size(), 8u);
  const std::vector<PassDiff> rope = diffs_of("fuse-rope", "attn");
  ASSERT_EQ(rope.size(), 1u);
  EXPECT_EQ(rope[0].pass, "fuse-rope");
  ASSERT_EQ(rope[0].sections.size(), 1u);
  EXPECT_EQ(rope[0].sections[0].name, "@attn");
  EXPECT_THAT(PassDiffText(rope[0], false), HasSubstr(" fuse-rope\n@attn\n"));
  EXPECT_THAT(PassDiffText(rope[0], true), HasSubstr("\033[32m+"));
  EXPECT_TRUE(diffs_of("fuse-rope", "mlp").empty());
}

}  // namespace
}  // namespace lluda::tools
