#include "engine/grammar/regex_grammar.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/utf8.h"
#include "engine/grammar/grammar_texts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::grammar {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Grammar> GrammarOf(absl::string_view pattern) {
  const auto grammar = RegexGrammar(pattern);
  EXPECT_TRUE(grammar.ok()) << pattern << ": " << grammar.status();
  return grammar.ok() ? *grammar : nullptr;
}

// Patterns that RE2 reads alike, and the characters that matter to them.
struct SharedPattern {
  const char* pattern;
  const char* alphabet;
};

constexpr SharedPattern kSharedPatterns[] = {
    {"", "ab"},
    {"a", "ab"},
    {"abc|ab|a", "abc"},
    {"(a|b)*c", "abc"},
    {"(?:ab){2,3}", "ab"},
    {"a{3}", "ab"},
    {"a{2,}b?", "ab"},
    {"(a?){4}b", "ab"},
    {"(a*)*b", "ab"},
    {"(a+|b)+?", "abc"},
    {"(|a)b{0,2}", "ab"},
    {"[a-c]x[^a-c]", "abcxz\n"},
    {"[\\]a]?", "]a"},
    {R"([\]\-a]+)", "]-a\\"},
    {R"(\d{1,3}\.\d+)", "019.a"},
    {R"(\w+\W\w)", "a_9 -"},
    {R"([^\d]\D)", "a1 "},
    {R"(^ab$)", "ab"},
    {R"((^a|b)c$)", "abc"},
    {R"(^(a$|ab)$)", "ab"},
    {R"(\n|\t|\x41|\\)", "\n\tA\\"},
    {R"((?P<word>[ab]+) (?P<other>c))", "abc "},
    {"é+[à-ö]?", "éàöa"},
    {"[^é]", "éêa€😀"},
    {"日本|日", "日本a"},
    {"[α-ωА-я]{2}", "αωАяa"},
    {"[\U0001F600-\U0001F64F]x", "😀🙏x"},
    {"[߿-ࠀ]", "߿ࠀa"},
    {"[\uD7FF-\uE000]", "\uD7FF\uE000a"},
    {"[\uFFFF-\U00010000]", "\uFFFF\U00010000\uFFFE"},
    {R"(\p{L}\p{Lu}?\P{L})", "aZ9é日 "},
    {R"([\p{Nd}x])", "3٣xa"},
};

std::vector<std::string> CharactersOf(const char* text) {
  std::vector<std::string> characters;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t length = base::ReadUtf8(rest).length;
    characters.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return characters;
}

TEST(RegexGrammarTest, AcceptsWhatAnotherLibraryMatchesAsAWhole) {
  for (const auto& [pattern, alphabet] : kSharedPatterns) {
    const auto grammar = GrammarOf(pattern);
    ASSERT_NE(grammar, nullptr);
    const RE2 oracle(pattern);
    ASSERT_TRUE(oracle.ok()) << pattern;
    const std::vector<std::string> characters = CharactersOf(alphabet);
    // All texts of at most four characters.
    std::vector<std::string> texts = {""};
    int accepted = 0;
    for (size_t i = 0, length_end = 1, length = 0; i < texts.size(); ++i) {
      if (i == length_end) {
        length_end = texts.size();
        ++length;
      }
      const std::string text = texts[i];
      const bool matches = RE2::FullMatch(text, oracle);
      ASSERT_EQ(Accepts(*grammar, text), matches) << pattern << " on '" << text << "'";
      accepted += matches;
      if (length == 4 || texts.size() > 2000) continue;
      for (const std::string& character : characters) texts.push_back(text + character);
    }
    EXPECT_GT(accepted, 0) << pattern;
  }
}

TEST(RegexGrammarTest, RandomTextsOfAGrammarMatchItsPattern) {
  for (const auto& [pattern, alphabet] : kSharedPatterns) {
    const auto grammar = GrammarOf(pattern);
    ASSERT_NE(grammar, nullptr);
    for (uint64_t seed = 0; seed < 40; ++seed) {
      const auto text = RandomText(*grammar, seed, 12);
      ASSERT_TRUE(text.has_value()) << pattern;
      EXPECT_TRUE(RE2::FullMatch(*text, RE2(pattern))) << pattern << " on '" << *text << "'";
    }
  }
}

std::string RandomPattern(base::SplitMix64* random, int depth) {
  const auto below = [random](uint64_t limit) { return random->Next() % limit; };
  constexpr const char* kAtoms[] = {"a", "b", "c", ".", "[ab]", "[^a]", "\\w", "é", "[b-é]"};
  std::string pattern;
  for (uint64_t parts = below(3) + 1; parts > 0; --parts) {
    std::string part = depth > 0 && below(2) == 0
                           ? absl::StrCat("(", RandomPattern(random, depth - 1), ")")
                           : kAtoms[below(std::size(kAtoms))];
    constexpr const char* kRepeats[] = {"", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,1}", "{2,}"};
    absl::StrAppend(&pattern, part, kRepeats[below(std::size(kRepeats))]);
  }
  if (below(3) == 0)
    absl::StrAppend(&pattern, "|", RandomPattern(random, depth - 1 > 0 ? depth - 1 : 0));
  if (below(8) == 0) pattern = absl::StrCat("^", pattern);
  if (below(8) == 0) pattern += "$";
  return pattern;
}

TEST(RegexGrammarTest, RandomPatternsMeanWhatAnotherLibrarySays) {
  base::SplitMix64 random(7);
  const std::vector<std::string> characters = CharactersOf("abcéd\n");
  int matched = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string pattern = RandomPattern(&random, 3);
    const RE2 oracle(pattern);
    if (!oracle.ok()) continue;
    const auto grammar = RegexGrammar(pattern);
    // RE2's programs may be larger than ours, and ours empty: "a^".
    if (!grammar.ok()) {
      ASSERT_THAT(grammar.status().message(), HasSubstr("nothing satisfies")) << pattern;
      continue;
    }
    std::vector<std::string> texts;
    for (uint64_t seed = 0; seed < 10; ++seed) {
      const auto text = RandomText(**grammar, seed, 8);
      if (text.has_value()) texts.push_back(*text);
    }
    for (int j = 0; j < 60; ++j) {
      std::string text;
      for (uint64_t length = random.Next() % 7; length > 0; --length) {
        text += characters[random.Next() % characters.size()];
      }
      texts.push_back(text);
    }
    for (const std::string& text : texts) {
      // '.' is no end of a line in ECMA, in RE2 only no newline.
      if (text.find('\r') != std::string::npos || text.find("\u2028") != std::string::npos)
        continue;
      const bool matches = RE2::FullMatch(text, oracle);
      ASSERT_EQ(Accepts(**grammar, text), matches) << pattern << " on '" << text << "'";
      matched += matches;
    }
  }
  EXPECT_GT(matched, 1000);
}

TEST(RegexGrammarTest, ACharacterIsNeverCutOrInvalid) {
  const auto any = GrammarOf(".");
  EXPECT_TRUE(AcceptsBeginning(*any, "\xE2\x82"));
  EXPECT_FALSE(Accepts(*any, "\xE2\x82"));
  for (const char* invalid : {"\x80", "\xC0", "\xC1\x81", "\xE0\x80", "\xED\xA0", "\xF0\x80",
                              "\xF4\x90", "\xF5", "\xFF", "\xC3("}) {
    EXPECT_FALSE(AcceptsBeginning(*any, invalid)) << absl::CEscape(invalid);
  }
  EXPECT_TRUE(Accepts(*any, "\xF4\x8F\xBF\xBF"));
}

TEST(RegexGrammarTest, WhiteSpaceIsThatOfECMA) {
  const auto space = GrammarOf("\\s"), other = GrammarOf("\\S");
  for (const char* text : {" ", "\t", "\v", "\u00A0", "\u2003", "\u2028", "\u3000", "\uFEFF"}) {
    EXPECT_TRUE(Accepts(*space, text));
    EXPECT_FALSE(Accepts(*other, text));
  }
  EXPECT_TRUE(Accepts(*other, "\u200B"));
  EXPECT_FALSE(Accepts(*GrammarOf("."), "\u2029"));
}

struct Refusal {
  const char* pattern;
  absl::StatusCode code;
  const char* message;
};

TEST(RegexGrammarTest, WhatIsNotSupportedIsRefusedByName) {
  constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;
  constexpr auto kMalformed = absl::StatusCode::kInvalidArgument;
  constexpr auto kTooComplex = absl::StatusCode::kResourceExhausted;
  const Refusal kRefusals[] = {
      {"ab(?=c)", kUnsupported, "look-ahead '(?=' at byte 2"},
      {"(?!c)", kUnsupported, "look-ahead '(?!' at byte 0"},
      {"(?<=c)", kUnsupported, "look-behind '(?<='"},
      {"(?<!c)", kUnsupported, "look-behind '(?<!'"},
      {"(?>a)", kUnsupported, "an atomic group"},
      {"(?i)a", kUnsupported, "a flag"},
      {"(a)\\1", kUnsupported, "a back reference at byte 3"},
      {"(?<x>a)\\k<x>", kUnsupported, "a back reference"},
      {"\\bx", kUnsupported, "the word boundary '\\b'"},
      {"x\\B", kUnsupported, "the word boundary '\\B'"},
      {"\\Aa", kUnsupported, "the escape '\\A'"},
      {"a*+", kUnsupported, "a possessive repeat"},
      {"\\p{Greek}", kUnsupported, "the property 'Greek'"},
      {"[[:alpha:]]", kUnsupported, "a POSIX class"},
      {"a**", kMalformed, "nothing to repeat at byte 2"},
      {"*a", kMalformed, "nothing to repeat at byte 0"},
      {"(|*)", kMalformed, "nothing to repeat"},
      {"(a", kMalformed, "'(' has no ')' at byte 0"},
      {"a)", kMalformed, "')' has no '('"},
      {"[a", kMalformed, "'[' has no ']'"},
      {"[b-a]", kMalformed, "in the wrong order"},
      {"[\\d-z]", kMalformed, "has a class at its end"},
      {"a{", kMalformed, "not followed by counts"},
      {"a{2,1}", kMalformed, "in the wrong order"},
      {"a}", kMalformed, "without its opening bracket"},
      {"\\", kMalformed, "has nothing behind it"},
      {"\\x4", kMalformed, "hexadecimal"},
      {"\\u{110000}", kMalformed, "hexadecimal"},
      {"\xFF", kMalformed, "not valid UTF-8"},
      {"[]", kMalformed, "nothing satisfies it"},
      {"a^b", kMalformed, "nothing satisfies it"},
      {"a{100000}", kTooComplex, "count above"},
      {"((a{400}){400}){400}", kTooComplex, "too complex"},
      {"(((){40000}){40000}){40000}", kTooComplex, "too complex"},
  };
  for (const Refusal& refusal : kRefusals) {
    const auto grammar = RegexGrammar(refusal.pattern);
    EXPECT_EQ(grammar.status().code(), refusal.code) << refusal.pattern;
    EXPECT_THAT(grammar.status().message(), HasSubstr(refusal.message)) << refusal.pattern;
  }
}

TEST(RegexGrammarTest, DeepNestingIsRefused) {
  const std::string deep = std::string(20000, '(') + "a" + std::string(20000, ')');
  EXPECT_EQ(RegexGrammar(deep).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RegexGrammar(std::string(70000, 'a')).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace lluda::grammar
