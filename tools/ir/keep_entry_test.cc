#include "tools/ir/keep_entry.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTwoEntries[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @ears : f32 hid[4] from "ears"
  weight @mouth : f32 hid[4] from "mouth"
  func @audio(%x: f32 tok[T] hid[4]) -> f32 tok[T] hid[4] {
    %y = mul %x @ears : f32 tok[T] hid[4]
    return %y
  }
  func @logits(%x: f32 tok[T] hid[4]) -> f32 tok[T] hid[4] {
    %y = mul %x @mouth : f32 tok[T] hid[4]
    return %y
  }
  func @step(%x: f32 tok[T] hid[4]) -> f32 tok[T] hid[4] {
    %y = call @logits %x : f32 tok[T] hid[4]
    return %y
  }
}
)";

TEST(KeepEntry, LeavesWhatTheEntryUses) {
  auto module = ir::ParseModule(kTwoEntries, "m");
  ASSERT_TRUE(module.ok()) << module.status();
  ASSERT_TRUE(KeepEntry("step", module->get()).ok());
  const std::string text = ir::PrintModule(**module);
  EXPECT_THAT(text, HasSubstr("func @logits("));
  EXPECT_THAT(text, HasSubstr("@mouth"));
  EXPECT_THAT(text, Not(HasSubstr("@audio")));
  EXPECT_THAT(text, Not(HasSubstr("@ears")));
}

TEST(KeepEntry, AnEntryThatIsThereIsFine) {
  const auto module = ir::ParseModule(kTwoEntries, "m");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_TRUE(CheckEntry("audio", **module).ok());
  EXPECT_FALSE(CheckEntry("logits", **module).ok()) << "a function that is called is no entry";
}

TEST(KeepEntry, OnlyTheStepHasTokensBeforeIt) {
  EXPECT_TRUE(IsStep(""));
  EXPECT_TRUE(IsStep("step"));
  EXPECT_FALSE(IsStep("audio"));
  EXPECT_TRUE(CheckDepth("step", 3).ok());
  EXPECT_TRUE(CheckDepth("audio", std::nullopt).ok());
  EXPECT_EQ(CheckDepth("audio", 3).message(),
            "--depth: @audio has nothing before it; only the step has");
}

TEST(KeepEntry, NamesTheEntriesThereAre) {
  auto module = ir::ParseModule(kTwoEntries, "m");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ(KeepEntry("vision", module->get()).message(),
            "--entry: there is no entry 'vision'; the entries are step, audio");
}

}  // namespace
}  // namespace lluda::tools
