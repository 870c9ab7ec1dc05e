// Masks and single tokens of Qwen3's vocabulary, along random texts of grammars.
#include "engine/grammar/matcher.h"

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/grammar/grammar_texts.h"
#include "engine/grammar/json/schema_grammar.h"
#include "engine/grammar/regex_grammar.h"
#include "frontends/tokenizer/tokenizer.h"
#include "gtest/gtest.h"

namespace lluda::grammar {
namespace {

constexpr const char* kSchemas[] = {
    "{}",
    R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"enum": ["red", "green", "blue"]}}},
        "required": ["name", "age", "tags"], "additionalProperties": false})",
    R"({"type": "object", "properties": {"a": {"type": "number"}, "é": {"type": "boolean"}}})",
    R"({"type": "string", "minLength": 3, "maxLength": 9})",
    R"({"type": "string", "pattern": "^[^aeiou]*$", "maxLength": 20})",
    R"({"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "string", "format": "date"}]})",
};
constexpr const char* kPatterns[] = {"[a-z]+( [a-z]+)*\\.", "(日本|é|😀)*x", "\\d{1,3}(,\\d{3})*",
                                     ".{0,12}", "\\p{Lu}\\p{L}{2,}"};

class MatcherTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto tokenizer = tokenizer::Tokenizer::Load("reference_data/qwen3_tokenizer");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    trie_ = new std::shared_ptr<const TokenTrie>(TokenTrie::Create(*tokenizer));
    for (const char* schema : kSchemas) grammars_->push_back(*JsonSchemaGrammar(schema));
    for (const char* pattern : kPatterns) grammars_->push_back(*RegexGrammar(pattern));
  }
  static void TearDownTestSuite() {
    delete trie_;
    delete grammars_;
  }

  static std::vector<int32_t> TokensOf(absl::Span<const uint64_t> mask) {
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < 64 * mask.size(); ++i) {
      if (mask[i / 64] >> (i % 64) & 1) tokens.push_back(static_cast<int32_t>(i));
    }
    return tokens;
  }

  // One of the tokens: short ones as often as long ones, so that texts end.
  static int32_t Pick(const std::vector<int32_t>& tokens, base::SplitMix64* random) {
    int32_t picked = tokens[random->Next() % tokens.size()];
    for (int i = 0; i < 3; ++i) {
      const int32_t other = tokens[random->Next() % tokens.size()];
      if ((*trie_)->bytes(other).size() < (*trie_)->bytes(picked).size()) picked = other;
    }
    return picked;
  }

  static std::shared_ptr<const TokenTrie>* trie_;
  static std::vector<std::shared_ptr<const Grammar>>* grammars_;
};

std::shared_ptr<const TokenTrie>* MatcherTest::trie_ = nullptr;
std::vector<std::shared_ptr<const Grammar>>* MatcherTest::grammars_ =
    new std::vector<std::shared_ptr<const Grammar>>;

TEST_F(MatcherTest, TheMaskHasTheTokensThatAreAllowedOneByOne) {
  base::SplitMix64 random(3);
  for (const auto& grammar : *grammars_) {
    for (int walk = 0; walk < 2; ++walk) {
      Matcher matcher(grammar, *trie_);
      std::string text;
      for (int step = 0; step < 12; ++step) {
        const std::vector<int32_t> allowed = TokensOf(matcher.Mask());
        std::vector<int32_t> one_by_one;
        for (int32_t token = 0; token < (*trie_)->size(); ++token) {
          if (matcher.Allows(token)) one_by_one.push_back(token);
        }
        ASSERT_EQ(allowed, one_by_one) << "behind '" << text << "'";
        ASSERT_EQ(allowed.empty(), matcher.MustEnd()) << "behind '" << text << "'";
        ASSERT_EQ(matcher.AllowedTokens(2).size(), std::min<size_t>(allowed.size(), 2));
        if (allowed.empty()) break;
        const int32_t token = Pick(allowed, &random);
        ASSERT_TRUE(matcher.Advance(token));
        text += std::string((*trie_)->bytes(token));
        ASSERT_TRUE(AcceptsBeginning(*grammar, text)) << text;
        ASSERT_EQ(matcher.CanEnd(), Accepts(*grammar, text)) << text;
      }
      ASSERT_TRUE(matcher.status().ok());
    }
  }
}

TEST_F(MatcherTest, ForgettingChangesNoMask) {
  base::SplitMix64 random(4);
  for (const auto& grammar : *grammars_) {
    Matcher matcher(grammar, *trie_);
    Matcher forgetful(grammar, *trie_, /*max_bytes=*/2000);
    std::string text;
    for (int step = 0; step < 8 && !matcher.MustEnd(); ++step) {
      const std::vector<int32_t> allowed = TokensOf(matcher.Mask());
      ASSERT_EQ(TokensOf(forgetful.Mask()), allowed) << "behind '" << text << "'";
      const int32_t token = Pick(allowed, &random);
      text += std::string((*trie_)->bytes(token));
      ASSERT_TRUE(matcher.Advance(token));
      ASSERT_TRUE(forgetful.Advance(token));
      ASSERT_EQ(forgetful.CanEnd(), matcher.CanEnd());
    }
  }
}

TEST_F(MatcherTest, ATokenThatIsNotAllowedChangesNothing) {
  Matcher matcher(*RegexGrammar("ab?"), *trie_);
  const std::vector<int32_t> before = TokensOf(matcher.Mask());
  EXPECT_FALSE(matcher.Advance(matcher.Allows(0) ? 1 : 0));
  EXPECT_EQ(TokensOf(matcher.Mask()), before);
  EXPECT_FALSE(matcher.Allows(-1));
  EXPECT_FALSE(matcher.Allows(1 << 30));
}

TEST_F(MatcherTest, AnAmbiguousGrammarIsGivenUpAndNotEndured) {
  // Each character may be in any of thousands of places.
  const auto grammar = RegexGrammar("(a?b?){9000}c");
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  Matcher matcher(*grammar, *trie_);
  matcher.Mask();
  EXPECT_EQ(matcher.status().code(), absl::StatusCode::kResourceExhausted);
  matcher.Restart();
  EXPECT_FALSE(matcher.Allows(64));
}

TEST(TokenTrieTest, TokensAreFoundByTheirBytes) {
  const auto trie = TokenTrie::Create({"b", "", "ab", "a", "b", "abc", std::string(5000, 'x')});
  EXPECT_EQ(trie->size(), 7);
  EXPECT_EQ(trie->bytes(2), "ab");
  EXPECT_EQ(trie->bytes(1), "");
  EXPECT_EQ(trie->bytes(6), "");
  EXPECT_EQ(trie->bytes(7), "");
  ASSERT_EQ(trie->nodes().size(), 4u);
  EXPECT_EQ(trie->nodes()[0].end, 3u);
  EXPECT_EQ(trie->nodes()[3].token_count, 2u);
  Matcher matcher(*RegexGrammar("a?b*"), trie);
  EXPECT_EQ(matcher.AllowedTokens(9), (std::vector<int32_t>{3, 2, 0, 4}));
}

}  // namespace
}  // namespace lluda::grammar
