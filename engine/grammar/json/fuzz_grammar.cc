// Mutates schemas and regular expressions, reproducibly: each must end in a one-line error or in a
// grammar with texts.
#include <simdjson.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutate_text.h"
#include "engine/grammar/grammar_texts.h"
#include "engine/grammar/json/schema_grammar.h"
#include "engine/grammar/json/tool_calls.h"
#include "engine/grammar/regex_grammar.h"
#include "gtest/gtest.h"

namespace lluda::grammar {
namespace {

constexpr int kIterations = 6000;

constexpr std::string_view kSchemas[] = {
    R"({"type":"object","properties":{"a":{"type":"integer","minimum":-5,"maximum":120},"b":
{"type":"string","minLength":1,"maxLength":9}},"required":["a","c"],"additionalProperties":
{"$ref":"#/$defs/x"},"$defs":{"x":{"anyOf":[{"$ref":"#"},{"type":"null"}]}}})",
    R"({"type":["array","null"],"prefixItems":[{"const":{"k":[1,2.5]}}],"items":{"enum":["a",null]},
"minItems":1,"maxItems":4,"title":"t","$schema":"s"})",
    R"({"oneOf":[{"type":"object","properties":{"t":{"const":"x"}},"required":["t"]},{"type":"object",
"properties":{"t":{"const":"y"}},"required":["t"]},{"allOf":[{"type":"string","pattern":"^a+|b$",
"format":"date"}]}]})",
};

constexpr std::string_view kPatterns[] = {
    R"(^(a|b)*c{2,3}[^d-f\d]\.$)",
    R"((?<n>\w+)(?:\s|é)?\u00e9\x41[\]\-]{0,2})",
    R"(\p{Lu}.+?|日本{1,}$)",
};

constexpr std::string_view kSchemaFragments[] = {
    "{",          "}",         "[",       "]",         "\"",       ",",           ":",
    "null",       "true",      "-1",      "0",         "1e999",    "2.5",         "1e12",
    "\"\"",       "\\u0000",   "\\ud800", "{}",        "\"#\"",    "\"#/$defs/",  "\"$ref\":",
    "\"not\":",   "\"enum\":", "integer", "number",    "object",   "\"anyOf\":",  "\"oneOf\":",
    "\"format\"", "uuid",      "false",   "\"items\"", "99999999", "\"pattern\"", "\"required\":",
};

constexpr std::string_view kPatternFragments[] = {
    "(",   ")",   "[",    "]",       "^",   "$",      "|",          "*",    "+",
    "?",   "{2}", "{1,}", "{0,400}", "\\",  ".",      "-",          "é",    "(?:",
    "(?=", "\\d", "\\S",  "\\1",     "\\b", "\\p{L}", "\\u{1F600}", "\xFF", "[^",
};

template <typename Make>
void Fuzz(absl::Span<const std::string_view> seeds, absl::Span<const std::string_view> fragments,
          const Make& make) {
  std::mt19937 random(20251128);
  int accepted = 0;
  for (int i = 0; i < kIterations && !testing::Test::HasFatalFailure(); ++i) {
    const std::string text = base::MutateText(
        std::string(seeds[static_cast<size_t>(i) % seeds.size()]), fragments, &random);
    const absl::StatusOr<std::shared_ptr<const Grammar>> grammar = make(text);
    if (grammar.ok()) {
      ++accepted;
      EXPECT_TRUE(AcceptsBeginning(**grammar, "")) << text;
      const auto found = RandomText(**grammar, static_cast<uint64_t>(i), 20);
      ASSERT_TRUE(!found.has_value() || Accepts(**grammar, *found)) << text;
      continue;
    }
    const std::string message(grammar.status().message());
    ASSERT_EQ(message.find('\n'), std::string::npos) << message;
    ASSERT_TRUE(simdjson::validate_utf8(message.data(), message.size())) << message;
    ASSERT_TRUE(absl::IsInvalidArgument(grammar.status()) ||
                absl::IsUnimplemented(grammar.status()) ||
                absl::IsResourceExhausted(grammar.status()))
        << grammar.status();
  }
  EXPECT_GT(accepted, kIterations / 100);
  EXPECT_LT(accepted, kIterations);
}

TEST(FuzzGrammar, ASchemaEndsInAnErrorOrAGrammar) {
  Fuzz(kSchemas, kSchemaFragments, JsonSchemaGrammar);
}

TEST(FuzzGrammar, AToolEndsInAnErrorOrAGrammar) {
  Fuzz(kSchemas, kSchemaFragments,
       [](const std::string& text) { return ToolCallGrammar({{"f", text}, {text, ""}}); });
}

TEST(FuzzGrammar, APatternEndsInAnErrorOrAGrammar) {
  Fuzz(kPatterns, kPatternFragments, RegexGrammar);
}

}  // namespace
}  // namespace lluda::grammar
