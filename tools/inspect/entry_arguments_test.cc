#include "tools/inspect/entry_arguments.h"

#include <memory>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"

namespace lluda::tools {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Lt;

constexpr char kHears[] = R"(lluda 1
module @m {
  symbol A in 2..26
  weight @table : f32 row[13] wide[4] from "table"
  func @audio_chunk(%mel: f32 time[5] mel[3]) -> f32 time[5] mel[3] {
    %y = scale %mel {by = 2} : f32 time[5] mel[3]
    return %y
  }
  func @audio(%sound: f32 tok[A] wide[4], %place: i32 tok[A]) -> f32 tok[A] wide[4] {
    %where = gather @table over row at %place : f32 tok[A] wide[4]
    %y = add %sound %where : f32 tok[A] wide[4]
    return %y
  }
}
)";

class EntryArgumentsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto module = ir::ParseModule(kHears, "m");
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
    chunk_ = module_->FindFunc("audio_chunk");
    audio_ = module_->FindFunc("audio");
  }

  std::unique_ptr<ir::Module> module_;
  const ir::Func* chunk_ = nullptr;
  const ir::Func* audio_ = nullptr;
};

TEST_F(EntryArgumentsTest, SymbolsAreAtTheirLargestOrAsManyRowsAsAreAskedFor) {
  EXPECT_EQ(*EntrySymbols(*module_, *audio_, std::nullopt), (SymbolValues{{"A", 26}}));
  EXPECT_EQ(*EntrySymbols(*module_, *audio_, 7), (SymbolValues{{"A", 7}}));
  EXPECT_THAT(*EntrySymbols(*module_, *chunk_, std::nullopt), IsEmpty());
  EXPECT_TRUE(TakesRows(*audio_));
  EXPECT_FALSE(TakesRows(*chunk_));
}

TEST_F(EntryArgumentsTest, RowsThatItDoesNotTakeAreOneLine) {
  EXPECT_EQ(EntrySymbols(*module_, *audio_, 27).status().message(),
            "--tokens: @audio takes 2 to 26 rows of sound, not 27");
  EXPECT_EQ(EntrySymbols(*module_, *audio_, 1).status().message(),
            "--tokens: @audio takes 2 to 26 rows of sound, not 1");
  EXPECT_EQ(EntrySymbols(*module_, *chunk_, 5).status().message(),
            "--tokens: @audio_chunk always takes as much");
}

TEST_F(EntryArgumentsTest, FloatsAreSmallAndIntegersAreRowsOfTheTable) {
  const auto arguments = EntryArguments(*audio_, {{"A", 26}});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  ASSERT_EQ(arguments->size(), 2u);
  EXPECT_EQ((*arguments)[0].size(), 26 * 4);
  EXPECT_THAT((*arguments)[0].floats(), Each(AllOf(Ge(-1.0f), Lt(1.0f))));
  EXPECT_NE((*arguments)[0].floats()[0], (*arguments)[0].floats()[1]);
  EXPECT_EQ((*arguments)[1].size(), 26);
  EXPECT_THAT((*arguments)[1].ints(), Each(AllOf(Ge(0), Lt(13))));
  EXPECT_EQ((*EntryArguments(*audio_, {{"A", 26}}))[0].floats(), (*arguments)[0].floats());
}

TEST_F(EntryArgumentsTest, ARunIsToldByItsEntryAndItsRows) {
  EXPECT_EQ(EntryRunText(*audio_, {{"A", 26}}), "audio, 26 rows of sound");
  EXPECT_EQ(EntryRunText(*audio_, {{"A", 1}}), "audio, 1 row of sound");
  EXPECT_EQ(EntryRunText(*chunk_, {}), "audio_chunk");
}

}  // namespace
}  // namespace lluda::tools
