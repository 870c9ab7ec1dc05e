// Masks and single tokens of Qwen3's vocabulary, along random texts of grammars.
#include "engine/grammar/matcher.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "engine/grammar/grammar_texts.h"
#include "engine/grammar/json/schema_grammar.h"
#include "engine/grammar/regex_grammar.h"
#include "frontends/tokenizer/tokenizer.h"
#include "gmock/gmock.h"
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
// Of what is asked for, the dearest: characters are counted, or several things may have begun.
constexpr const char* kDearSchemas[] = {
    R"({"type": "string", "maxLength": 5000})",
    R"({"type": "string", "pattern": "fox", "maxLength": 2000})",
    R"({"anyOf": [{"type": "string", "format": "email"}, {"type": "string", "format": "hostname"},
        {"type": "string", "format": "ipv6"}, {"type": "string", "format": "date-time"}]})",
};
constexpr const char* kDearPatterns[] = {
    ".{2000}", "(.*fox.*|.*dog.*|[a-z ]{0,200})", "(\\d+\\. [^\\n]{1,80}\\n){1,10}",
    "(\\w+ ){50,100}\\w+\\.", "[\\w.+-]+@[\\w-]+(\\.[\\w-]+)+"};
// Characters that may be in a few places, then in more and more.
std::string AmbiguousPattern() {
  std::string pattern;
  for (const char last : {'z', 'y', 'x', 'w', 'v', 'u'}) {
    pattern += (pattern.empty() ? "(.*[a-" : "|.*[a-") + std::string(1, last) + "].{2000}";
  }
  return pattern + ").*";
}

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
  static int32_t Pick(const TokenTrie& trie, const std::vector<int32_t>& tokens,
                      base::SplitMix64* random) {
    int32_t picked = tokens[random->Next() % tokens.size()];
    for (int i = 0; i < 3; ++i) {
      const int32_t other = tokens[random->Next() % tokens.size()];
      if (trie.bytes(other).size() < trie.bytes(picked).size()) picked = other;
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
        const int32_t token = Pick(**trie_, allowed, &random);
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
  // A few tokens: what is forgotten is worked out again, and that is bounded.
  std::vector<std::string> bytes;
  for (int32_t token = 0; token < (*trie_)->size(); token += token < 256 ? 1 : 997) {
    bytes.push_back(std::string((*trie_)->bytes(token)));
  }
  const auto trie = TokenTrie::Create(bytes);
  base::SplitMix64 random(4);
  for (const auto& grammar : *grammars_) {
    Matcher matcher(grammar, trie);
    Matcher forgetful(grammar, trie, /*max_bytes=*/2000);
    std::string text;
    for (int step = 0; step < 8 && !matcher.MustEnd(); ++step) {
      const std::vector<int32_t> allowed = TokensOf(matcher.Mask());
      ASSERT_EQ(TokensOf(forgetful.Mask()), allowed) << "behind '" << text << "'";
      const int32_t token = Pick(*trie, allowed, &random);
      text += std::string(trie->bytes(token));
      ASSERT_TRUE(matcher.Advance(token));
      ASSERT_TRUE(forgetful.Advance(token));
      ASSERT_EQ(forgetful.CanEnd(), matcher.CanEnd());
    }
    ASSERT_TRUE(forgetful.status().ok());
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

TEST_F(MatcherTest, AGrammarWithTooManyPlacesIsGivenUpAndNotEndured) {
  // Each character may be in any of thousands of places.
  const auto grammar = RegexGrammar("(a?b?){9000}c");
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  Matcher matcher(*grammar, *trie_);
  matcher.Mask();
  EXPECT_EQ(matcher.status(), absl::ResourceExhaustedError(
                                  "it is too complex: its text can be in more than the 8192 places "
                                  "at once that are allowed"));
  matcher.Restart();
  EXPECT_FALSE(matcher.Allows(64));
}

TEST_F(MatcherTest, WhatOneTokenTakesIsBounded) {
  const auto grammar = RegexGrammar(AmbiguousPattern());
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  Matcher matcher(*grammar, *trie_);
  matcher.Mask();
  const size_t set_and_edges = 2 * StateSets::kMaxPlaces;  // are finished before it is noticed
  EXPECT_LE(matcher.work(), matcher.max_work() + set_and_edges);
  EXPECT_EQ(matcher.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(matcher.status().message(),
              testing::HasSubstr(absl::StrCat(matcher.max_work(), " steps")));
}

TEST_F(MatcherTest, ManyQuestionsOfOneTokenAreBoundedTogether) {
  const auto grammar = RegexGrammar(AmbiguousPattern());
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  Matcher matcher(*grammar, *trie_);
  for (int32_t token = 0; token < (*trie_)->size(); ++token) matcher.Allows(token);
  EXPECT_FALSE(matcher.status().ok());
}

// A text that asks for less than the most, again and again, is not endured either.
TEST_F(MatcherTest, WhatManyTokensTakeIsBounded) {
  const auto grammar = RegexGrammar(".*e.{2000}");
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  Matcher matcher(*grammar, *trie_);
  base::SplitMix64 random(5);
  size_t total = 0;
  int tokens = 0;
  for (; tokens < 100; ++tokens) {
    const std::vector<int32_t> allowed = TokensOf(matcher.Mask());
    total += matcher.work();
    if (!matcher.status().ok()) break;
    ASSERT_TRUE(matcher.Advance(Pick(**trie_, allowed, &random)));
  }
  EXPECT_GE(tokens, 1);
  EXPECT_LT(tokens, 100);
  EXPECT_LE(total, matcher.max_work() + static_cast<size_t>(tokens) * matcher.work_per_token() +
                       2 * StateSets::kMaxPlaces);
}

TEST_F(MatcherTest, WhatIsAskedForTakesLittleMoreThanAWalkOfTheTrie) {
  std::vector<std::shared_ptr<const Grammar>> grammars = *grammars_;
  for (const char* schema : kDearSchemas) grammars.push_back(*JsonSchemaGrammar(schema));
  for (const char* pattern : kDearPatterns) grammars.push_back(*RegexGrammar(pattern));
  const size_t walk = (*trie_)->nodes().size();
  base::SplitMix64 random(6);
  for (size_t i = 0; i < grammars.size(); ++i) {
    Matcher matcher(grammars[i], *trie_);
    for (int step = 0; step < 40 && !matcher.MustEnd(); ++step) {
      const std::vector<int32_t> allowed = TokensOf(matcher.Mask());
      ASSERT_TRUE(matcher.status().ok()) << "grammar " << i << ": " << matcher.status();
      ASSERT_LE(matcher.work(), walk + Matcher::kStepsPerToken / 2) << "grammar " << i;
      ASSERT_TRUE(matcher.Advance(Pick(**trie_, allowed, &random)));
    }
  }
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
