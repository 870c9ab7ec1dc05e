#include "frontends/tokenizer/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lluda::tokenizer {
namespace {

using testing::ElementsAre;

AddedToken Token(std::string content) {
  AddedToken token;
  token.content = std::move(content);
  return token;
}

// The spans as text, tokens in brackets.
std::vector<std::string> Split(std::vector<AddedToken> tokens, std::string_view text,
                               bool parse_special = true) {
  const AddedTokenMatcher matcher(std::move(tokens));
  std::vector<std::string> result;
  size_t end = 0;
  for (const AddedTokenMatcher::Span& span : matcher.Split(text, parse_special)) {
    EXPECT_LE(span.begin, end);  // nothing is left out
    EXPECT_LT(span.begin, span.end);
    end = span.end;
    const std::string part(text.substr(span.begin, span.end - span.begin));
    result.push_back(span.token == nullptr ? part : "[" + part + "]");
  }
  EXPECT_EQ(end, text.size());
  return result;
}

TEST(AddedTokens, CutsATextAtEachToken) {
  EXPECT_THAT(Split({Token("<s>")}, "<s>a<s><s>b<s"),
              ElementsAre("[<s>]", "a", "[<s>]", "[<s>]", "b<s"));
}

TEST(AddedTokens, TakesTheLongestToken) {
  EXPECT_THAT(Split({Token("ab"), Token("abc"), Token("a")}, "abcabdaX"),
              ElementsAre("[abc]", "[ab]", "d", "[a]", "X"));
}

TEST(AddedTokens, TakesTheFirstOfOverlappingTokens) {
  EXPECT_THAT(Split({Token("aba"), Token("bab")}, "babab"), ElementsAre("[bab]", "ab"));
}

TEST(AddedTokens, SwallowsWhiteSpaceOnTheSidesThatStrip) {
  AddedToken left = Token("<l>");
  left.lstrip = true;
  AddedToken right = Token("<r>");
  right.rstrip = true;
  EXPECT_THAT(Split({left, right}, "a \u3000<l> b <r> \n<l>c"),
              ElementsAre("a", "[ \u3000<l>]", " b ", "[<r> \n]", "[<l>]", "c"));
}

// As tokenizers 0.23 does.
TEST(AddedTokens, FindsATokenThatLiesInSwallowedWhiteSpace) {
  AddedToken right = Token("<r>");
  right.rstrip = true;
  EXPECT_THAT(Split({right, Token("  ")}, "<r>    x"),
              ElementsAre("[<r>    ]", "[  ]", "[  ]", "x"));
  EXPECT_THAT(Split({right, Token("  ")}, "<r>   x"), ElementsAre("[<r>   ]", "[  ]", " x"));
  EXPECT_THAT(Split({right, Token("  ")}, "<r> x"), ElementsAre("[<r> ]", "x"));
  AddedToken line = Token("\n");
  line.rstrip = true;
  EXPECT_THAT(Split({line}, "\n \na"), ElementsAre("[\n \n]", "[\n]", "a"));
  EXPECT_THAT(Split({line, Token(" ")}, "\n\n  a"),
              ElementsAre("[\n\n  ]", "[\n  ]", "[ ]", "[ ]", "a"));
  // In a time that grows with the text alone.
  const AddedTokenMatcher matcher({line});
  EXPECT_EQ(matcher.Split(std::string(1'000'000, '\n'), true).size(), 1'000'000u);
}

TEST(AddedTokens, FindsASingleWordOnlyBetweenWords) {
  AddedToken word = Token("cat");
  word.single_word = true;
  EXPECT_THAT(Split({word}, "cat scat cats -cat- écat cat"),
              ElementsAre("[cat]", " scat cats -", "[cat]", "- écat ", "[cat]"));
}

TEST(AddedTokens, LeavesSpecialTokensAloneOnRequest) {
  AddedToken special = Token("<s>");
  special.special = true;
  EXPECT_THAT(Split({special, Token("<t>")}, "<s><t>", /*parse_special=*/false),
              ElementsAre("<s>", "[<t>]"));
}

TEST(AddedTokens, FindsNothingWithoutTokens) {
  EXPECT_THAT(Split({}, "abc"), ElementsAre("abc"));
  EXPECT_THAT(Split({Token("a")}, ""), ElementsAre());
}

}  // namespace
}  // namespace lluda::tokenizer
