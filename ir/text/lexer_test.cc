#include "ir/text/lexer.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;

// "kind:text" of each token, up to the end or an error.
std::vector<std::string> Lex(absl::string_view text) {
  constexpr const char* kKinds[] = {"end",   "error",  "word",   "number",
                                    "value", "global", "string", "punct"};
  std::vector<std::string> tokens;
  Lexer lexer(text);
  for (;;) {
    const Token token = lexer.Next();
    if (token.kind == TokenKind::kEnd) return tokens;
    tokens.push_back(absl::StrCat(kKinds[static_cast<int>(token.kind)], ":", token.text));
    if (token.kind == TokenKind::kError) return tokens;
  }
}

TEST(LexerTest, TellsNumbersFromRangesAndArrows) {
  EXPECT_THAT(Lex("0..28 0.5 1e-06 -2 16x2 a->b"),
              ElementsAre("number:0", "punct:..", "number:28", "number:0.5", "number:1e-06",
                          "number:-2", "number:16x2", "word:a", "punct:->", "word:b"));
}

TEST(LexerTest, WordsMayHaveADashInside) {
  EXPECT_THAT(Lex("fuse-epilogue a_1 b"), ElementsAre("word:fuse-epilogue", "word:a_1", "word:b"));
}

TEST(LexerTest, NamesLoseTheirSigil) {
  EXPECT_THAT(Lex("%0 @wq[layer]"),
              ElementsAre("value:0", "global:wq", "punct:[", "word:layer", "punct:]"));
}

TEST(LexerTest, StringsKeepTheirEscapes) {
  EXPECT_THAT(Lex(R"("a\"b" "")"), ElementsAre("string:a\\\"b", "string:"));
}

TEST(LexerTest, CommentsEndWithTheirLine) {
  EXPECT_THAT(Lex("a // b\nc // d"), ElementsAre("word:a", "word:c"));
}

TEST(LexerTest, PositionsCountLinesAndBytes) {
  Lexer lexer("a\n  // x\n\t@b");
  EXPECT_EQ(lexer.Next().at.column, 1);
  const Token b = lexer.Next();
  EXPECT_EQ(b.at.line, 3);
  EXPECT_EQ(b.at.column, 2);
  EXPECT_EQ(lexer.Next().kind, TokenKind::kEnd);
  EXPECT_EQ(lexer.Next().kind, TokenKind::kEnd);
}

TEST(LexerTest, WhatIsNoTokenIsAnError) {
  EXPECT_THAT(Lex("% a"), ElementsAre("error:expected a name after '%' or '@'"));
  EXPECT_THAT(Lex("\"a\nb\""), ElementsAre("error:the string does not end on its line"));
  EXPECT_THAT(Lex("-"), ElementsAre("error:unexpected character"));
  EXPECT_THAT(Lex(absl::string_view("\0", 1)), ElementsAre("error:unexpected character"));
  EXPECT_THAT(Lex("\xff"), ElementsAre("error:unexpected character"));
  EXPECT_THAT(Lex(std::string(256, 'a')), ElementsAre("error:the word or number is too long"));
}

TEST(LexerTest, DescriptionsQuoteTheTokenAsWritten) {
  Lexer lexer("%x @w \"s\" over");
  EXPECT_EQ(Describe(lexer.Next()), "'%x'");
  EXPECT_EQ(Describe(lexer.Next()), "'@w'");
  EXPECT_EQ(Describe(lexer.Next()), "\"s\"");
  EXPECT_EQ(Describe(lexer.Next()), "'over'");
  EXPECT_EQ(Describe(lexer.Next()), "the end of the file");
}

}  // namespace
}  // namespace lluda::ir
