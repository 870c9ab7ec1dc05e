#include "ir/rules.h"

#include <string>

#include "gtest/gtest.h"
#include "ir/type/layout.h"

namespace lluda::ir {
namespace {

TEST(RulesTest, NamesAreLettersDigitsAndUnderscores) {
  for (const char* name : {"x", "0", "a_1", "_"}) EXPECT_TRUE(IsName(name)) << name;
  for (const char* name : {"", "a b", "a-b", "a.b", "\xc3\xa9"}) EXPECT_FALSE(IsName(name)) << name;
  EXPECT_TRUE(IsName(std::string(kMaxNameLength, 'a')));
  EXPECT_FALSE(IsName(std::string(kMaxNameLength + 1, 'a')));
}

TEST(RulesTest, PlainNamesAreNoWordsOfTheGrammarAndNoNumbers) {
  EXPECT_TRUE(IsPlainName("hid"));
  for (const char* name : {"over", "at", "in", "by", "to", "as", "0a"}) {
    EXPECT_FALSE(IsPlainName(name)) << name;
  }
}

TEST(RulesTest, PassNamesMayHaveDashesInside) {
  EXPECT_TRUE(IsPassName("fuse-epilogue"));
  for (const char* name : {"", "-a", "a-", "a--b", "a b", "2fast"}) {
    EXPECT_FALSE(IsPassName(name)) << name;
  }
}

TEST(RulesTest, IndicesMustBeKnownAndInRange) {
  const std::optional<Index> declared = Index{"layer", 4};
  const Index few{"l", 4}, many{"m", 5};
  EXPECT_TRUE(CheckIndex("@w", declared, "l", {few}).ok());
  EXPECT_TRUE(CheckIndex("@w", std::nullopt, "", {few}).ok());
  EXPECT_EQ(CheckIndex("@w", declared, "", {few}).message(), "@w needs an index: @w[layer]");
  EXPECT_EQ(CheckIndex("@w", declared, "x", {few}).message(), "index 'x' is not known here");
  EXPECT_EQ(CheckIndex("@w", declared, "m", {few, many}).message(),
            "@w has 4 copies, 'm' runs up to 4");
  EXPECT_EQ(CheckIndex("@w", std::nullopt, "l", {few}).message(), "@w has no index, got [l]");
}

TEST(RulesTest, DefinitionsTakeTheIndexOfTheOneLoopAround) {
  const Index l{"l", 4}, m{"m", 4};
  EXPECT_TRUE(CheckDefinition("@w", "", {}).ok());
  EXPECT_TRUE(CheckDefinition("@w", "l", {l}).ok());
  EXPECT_EQ(CheckDefinition("@w", "l", {}).message(),
            "@w is defined outside loops and has the index l");
  EXPECT_EQ(CheckDefinition("@w", "m", {l, m}).message(),
            "@w is defined inside more than one loop");
}

TEST(RulesTest, ATypeOfTheGreatestSizeStillFitsItsBytes) {
  Module module("m");
  const auto byte_size = [](const Type& type) {
    return ByteSize(type, [](absl::string_view) { return int64_t{1}; });
  };
  for (const int64_t first : {int64_t{1}, int64_t{1} << 20, kMaxElements}) {
    Type type{DType::kI64,
              {{"a", Extent::Constant(first)}, {"b", Extent::Constant(kMaxElements / first)}},
              Layout::Panel(kMaxTileSide, kMaxTileSide, "a")};
    EXPECT_TRUE(CheckType(type, module).ok());
    EXPECT_GE(byte_size(type), 8 * kMaxElements);
    type.axes[0].extent.value *= 2;
    EXPECT_EQ(CheckType(type, module).message().substr(0, 16), "the axes up to '");
  }
}

TEST(RulesTest, SymbolsCountWithTheirGreatestValue) {
  Module module("m");
  module.symbols = {{"T", 1, kMaxElements}};
  const Axis t{"t", Extent::Symbol("T")};
  EXPECT_TRUE(CheckAxes({t}, module).ok());
  EXPECT_EQ(CheckAxes({t, {"a", Extent::Constant(2)}}, module).message(),
            "the axes up to 'a' hold more than 1099511627776 elements");
  EXPECT_EQ(CheckAxes({{"a", Extent::Symbol("U")}}, module).message(), "unknown symbol 'U'");
}

}  // namespace
}  // namespace lluda::ir
