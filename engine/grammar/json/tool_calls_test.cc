#include "engine/grammar/json/tool_calls.h"

#include "engine/grammar/grammar_texts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::grammar {
namespace {

using testing::HasSubstr;

constexpr char kCity[] = R"({"type": "object", "properties": {"city": {"type": "string"}},
                             "required": ["city"], "additionalProperties": false})";

TEST(ToolCallsTest, ACallNamesAToolAndHasItsArguments) {
  const auto grammar = ToolCallGrammar({{"weather", kCity}, {"time", ""}});
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  for (const char* text : {
           R"({"name": "weather", "arguments": {"city": "Paris"}})",
           "\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}\n",
           R"({"name":"time","arguments":{}})",
           R"({"name":"time","arguments":{"zone":1}})",
       }) {
    EXPECT_TRUE(Accepts(**grammar, text)) << text;
  }
  for (const char* text : {
           R"({"name": "other", "arguments": {}})",
           R"({"name": "weather", "arguments": {}})",
           R"({"name": "time", "arguments": []})",
           R"({"name": "time", "arguments": null})",
           R"({"name": "time"})",
           R"({"arguments": {}, "name": "time"})",
           "\n\n{\"name\": \"time\", \"arguments\": {}}",
       }) {
    EXPECT_FALSE(Accepts(**grammar, text)) << text;
  }
}

TEST(ToolCallsTest, ArgumentsAreObjectsWhateverTheSchemaSays) {
  const auto grammar = ToolCallGrammar({{"f", "{}"}});
  ASSERT_TRUE(grammar.ok());
  EXPECT_TRUE(Accepts(**grammar, R"({"name":"f","arguments":{"a":1}})"));
  EXPECT_FALSE(Accepts(**grammar, R"({"name":"f","arguments":1})"));
}

TEST(ToolCallsTest, ReferencesAreThoseOfEachToolsOwnSchema) {
  const auto of = [](const char* type) {
    return std::string(R"({"type": "object", "properties": {"x": {"$ref": "#/$defs/t"}}, "$defs":
                           {"t": {"type": ")") +
           type + R"("}}, "additionalProperties": false})";
  };
  const auto grammar = ToolCallGrammar({{"a", of("integer")}, {"b", of("null")}});
  ASSERT_TRUE(grammar.ok()) << grammar.status();
  EXPECT_TRUE(Accepts(**grammar, R"({"name":"a","arguments":{"x":1}})"));
  EXPECT_TRUE(Accepts(**grammar, R"({"name":"b","arguments":{"x":null}})"));
  EXPECT_FALSE(Accepts(**grammar, R"({"name":"b","arguments":{"x":1}})"));
}

TEST(ToolCallsTest, ErrorsNameTheTool) {
  EXPECT_EQ(ToolCallGrammar({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ToolCallGrammar({{"a", ""}, {"a", ""}}).status().message(),
              HasSubstr("tool 'a': it is declared twice"));
  const auto refused = ToolCallGrammar({{"a", ""}, {"b", R"({"not": {}})"}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(refused.status().message(), "tool 'b': #: 'not' is not supported");
}

}  // namespace
}  // namespace lluda::grammar
