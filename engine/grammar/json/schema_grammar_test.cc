#include "engine/grammar/json/schema_grammar.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/grammar/grammar_texts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::grammar {
namespace {

using testing::HasSubstr;

struct Case {
  const char* schema;
  std::vector<const char*> allowed;
  std::vector<const char*> refused;
};

void ExpectCases(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto grammar = JsonSchemaGrammar(c.schema);
    ASSERT_TRUE(grammar.ok()) << c.schema << ": " << grammar.status();
    for (const char* text : c.allowed)
      EXPECT_TRUE(Accepts(**grammar, text)) << c.schema << " and " << text;
    for (const char* text : c.refused)
      EXPECT_FALSE(Accepts(**grammar, text)) << c.schema << " and " << text;
  }
}

TEST(SchemaGrammarTest, Types) {
  ExpectCases({
      {R"({"type": "null"})", {"null"}, {"", "nul", "null ", " null", "0", "\"null\""}},
      {R"({"type": "boolean"})", {"true", "false"}, {"True", "1", "null"}},
      {R"({"type": "integer"})",
       {"0", "7", "-1", "120", "999999999999999999"},
       {"-0", "01", "1.0", "1e3", "+1", "1000000000000000000", "-"}},
      {R"({"type": "number"})",
       {"0", "-0", "1.5", "-0.25", "1e5", "2.0E-7", "3e+20"},
       {"1.", ".5", "01", "1e", "1e+", "1e100", "NaN", "--1"}},
      {R"({"type": "string"})",
       {"\"\"", "\"a\"", "\"é日😀\"", "\"\\n\\u00e9\\/\"", "\"\\ud83d\\ude00\"", "\"\x7F\""},
       {"\"", "\"a", "a", "\"\n\"", "\"\\x\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"",
        "\"\xC3\"", "\"\xED\xA0\x80\"", "\"a\"\""}},
      {R"({"type": ["integer", "null"]})", {"5", "null"}, {"true", "5.5"}},
      {R"({"type": "array"})",
       {"[]", "[1, [],{}]", "[null,true]"},
       {"[1 ]", "[ 1]", "[1,]", "[,]"}},
      {R"({"type": "object"})",
       {"{}", "{\"a\":1}", "{\"a\": {\"b\":[]}, \"\":null}"},
       {"{ }", "{\"a\" :1}", "{\"a\":  1}", "{\"a\":1,}", "{a:1}"}},
      {"true", {"1", "\"\"", "[{}]"}, {"", "x"}},
      {"{}", {"1", "null", "{\"x\":[1.5]}"}, {"undefined"}},
  });
}

TEST(SchemaGrammarTest, Objects) {
  ExpectCases({
      {R"({"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "null"}},
           "required": ["b"], "additionalProperties": false})",
       {"{\"b\":1}", "{\"b\": 1, \"a\": null}", "{\"b\":1,\"a\":null}"},
       {"{}", "{\"a\":null}", "{\"a\":null,\"b\":1}", "{\"b\":1,\"c\":2}", "{\"b\":1,\"b\":2}",
        "{\"b\":true}", "{\"b\":1,}", "{,\"b\":1}", "{\"b\":1 }"}},
      {R"({"type": "object", "properties": {"a": {}, "b": {}, "c": {}},
           "additionalProperties": false})",
       {"{}", "{\"a\":1}", "{\"c\":1}", "{\"a\":1,\"c\":2}", "{\"a\":1,\"b\":2,\"c\":3}"},
       {"{\"b\":1,\"a\":2}", "{\"d\":1}"}},
      {R"({"type": "object", "properties": {"ab": {"type": "integer"}, "é": {"type": "integer"}}})",
       {"{}", "{\"ab\":1}", "{\"a\":null}", "{\"abc\":null}", "{\"ab\":1,\"x\":\"y\"}", "{\"é\":1}",
        "{\"éa\":null}", "{\"\":null}", "{\"\\n\":null}"},
       {"{\"ab\":null}", "{\"x\":1,\"ab\":2}", "{\"ab\":1,\"ab\":2}", "{\"\\u0061b\":null}",
        "{\"é\":null}"}},
      {R"({"type": "object", "additionalProperties": {"type": "boolean"}})",
       {"{}", "{\"x\":true,\"y\": false}"},
       {"{\"x\":1}"}},
      {R"({"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}})",
       {"{\"x\":1}", "{\"x\":1,\"y\":2}"},
       {"{}", "{\"y\":2}", "{\"x\":true}"}},
      {R"({"properties": {"a": {"type": "integer"}}})",
       {"5", "\"a\"", "[]", "{\"a\":1}"},
       {"{\"a\":null}"}},
      {R"({"type": "object", "properties": {"a": false, "b": {"type": "null"}},
           "additionalProperties": false})",
       {"{}", "{\"b\":null}"},
       {"{\"a\":1}"}},
      {R"({"type": "object", "properties": {"q\"\\": {"type": "null"}}, "required": ["q\"\\"],
           "additionalProperties": false})",
       {R"({"q\"\\":null})"},
       {}},
  });
}

TEST(SchemaGrammarTest, Arrays) {
  ExpectCases({
      {R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})",
       {"[1]", "[1,2]", "[1, 2, 3]"},
       {"[]", "[1,2,3,4]", "[true]", "[1,]"}},
      {R"({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}],
           "items": false})",
       {"[]", "[1]", "[1,\"\"]"},
       {"[\"\"]", "[1,\"\",2]"}},
      {R"({"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "null"},
           "minItems": 2})",
       {"[1,null]", "[1,null,null]"},
       {"[1]", "[null,null]", "[1,2]"}},
      {R"({"type": "array", "items": false})", {"[]"}, {"[1]"}},
      {R"({"type": "array", "minItems": 2})", {"[1,2]", "[1,2,{}]"}, {"[]", "[1]"}},
      {R"({"type": "array", "items": {"type": "null"}, "maxItems": 0})", {"[]"}, {"[null]"}},
      {R"({"type": "array", "prefixItems": [{"type": "null"}, {"type": "null"}], "maxItems": 1})",
       {"[]", "[null]"},
       {"[null,null]"}},
  });
}

TEST(SchemaGrammarTest, Strings) {
  ExpectCases({
      {R"({"type": "string", "minLength": 2, "maxLength": 3})",
       {"\"ab\"", "\"abc\"", "\"日本\"", "\"😀😀😀\"", "\"a\\n\"", "\"\\u0041\\ud83d\\ude00\""},
       {"\"\"", "\"a\"", "\"abcd\"", "\"\\ud83d\\ude00\""}},
      {R"({"type": "string", "maxLength": 0})", {"\"\""}, {"\"a\""}},
      {R"({"type": "string", "pattern": "^[a-c]+$"})",
       {"\"abc\""},
       {"\"\"", "\"abd\"", "\"xabc\""}},
      {R"({"type": "string", "pattern": "b+"})", {"\"b\"", "\"abc\"", "\"é\\nbb\""}, {"\"ac\""}},
      {R"({"type": "string", "pattern": "^x|y$"})", {"\"xa\"", "\"ay\""}, {"\"ax\"", "\"ya\""}},
      {R"({"type": "string", "pattern": "^\"\\\\\\n$"})", {R"("\"\\\n")"}, {"\"\\\"\""}},
      {R"({"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4})",
       {"\"ab\"", "\"abcd\""},
       {"\"a\"", "\"abcde\"", "\"AB\""}},
      {R"({"type": "string", "pattern": "^[^a]$"})",
       {"\"b\"", "\"\\u0001\"", "\"\\t\"", "\"é\""},
       {"\"a\"", "\"\""}},
      {R"({"type": "string", "format": "date"})",
       {"\"2024-02-29\"", "\"2000-02-29\"", "\"0004-02-29\"", "\"1999-12-31\""},
       {"\"2023-02-29\"", "\"1900-02-29\"", "\"2024-04-31\"", "\"2024-13-01\"", "\"0000-01-01\"",
        "\"2024-1-1\"", "\"2024-02-29x\""}},
      {R"({"type": "string", "format": "time"})",
       {"\"23:59:59Z\"", "\"00:00:00.123+05:30\""},
       {"\"24:00:00Z\"", "\"10:60:00Z\"", "\"10:00:00\"", "\"10:00Z\""}},
      {R"({"type": "string", "format": "date-time"})",
       {"\"2024-02-29T12:00:00Z\""},
       {"\"2024-02-30T12:00:00Z\"", "\"2024-02-29 12:00:00Z\"", "\"2024-02-29\""}},
      {R"({"type": "string", "format": "duration"})",
       {"\"P1D\"", "\"P3W\"", "\"P1Y2M3DT4H5M6S\"", "\"PT5M\""},
       {"\"P\"", "\"PT\"", "\"P1DT\"", "\"1D\"", "\"P1W2D\"", "\"PT1H2S\""}},
      {R"({"type": "string", "format": "email"})",
       {"\"a.b+c@example.com\""},
       {"\"a\"", "\"a@\"", "\"@b.c\"", "\"a..b@c.de\"", "\"a@-b.de\"", "\"a@b-.de\""}},
      {R"({"type": "string", "format": "hostname"})",
       {"\"example.com\"", "\"a-b.c1\"", "\"localhost\""},
       {"\"-a.com\"", "\"a-.com\"", "\"a..b\"", "\".a\"", "\"1.2.3.4\"", "\"a_b\""}},
      {R"({"type": "string", "format": "ipv4"})",
       {"\"0.0.0.0\"", "\"255.249.199.9\""},
       {"\"256.0.0.1\"", "\"01.0.0.1\"", "\"1.2.3\"", "\"1.2.3.4.5\""}},
      {R"({"type": "string", "format": "ipv6"})",
       {"\"::\"", "\"::1\"", "\"1::\"", "\"1:2:3:4:5:6:7:8\"", "\"2001:db8::ff00:42:8329\"",
        "\"1:2:3:4:5:6:7::\""},
       {"\":::\"", "\"1::2::3\"", "\"1:2:3:4:5:6:7\"", "\"1:2:3:4:5:6:7:8:9\"", "\"12345::\"",
        "\"1:2:3:4:5:6:7:8::\""}},
      {R"({"type": "string", "format": "uuid"})",
       {"\"123e4567-e89b-12d3-A456-426614174000\""},
       {"\"123e4567e89b12d3a456426614174000\"", "\"123e4567-e89b-12d3-a456-42661417400\""}},
  });
}

TEST(SchemaGrammarTest, BoundsOfIntegersAreExact) {
  const std::pair<int, int> kBounds[] = {{0, 0},    {0, 9},    {5, 5},     {-1, 1},      {-120, -7},
                                         {-9, 100}, {99, 101}, {18, 2345}, {-105, 1005}, {10, 99}};
  for (const auto& [min, max] : kBounds) {
    const auto grammar = JsonSchemaGrammar(
        absl::StrCat(R"({"type": "integer", "minimum": )", min, R"(, "maximum": )", max, "}"));
    ASSERT_TRUE(grammar.ok()) << grammar.status();
    for (int i = -3000; i <= 3000; ++i) {
      ASSERT_EQ(Accepts(**grammar, absl::StrCat(i)), min <= i && i <= max)
          << i << " in " << min << " to " << max;
    }
    for (const char* text : {"-0", "00", "007", "-007", "1.0", "", "-"}) {
      EXPECT_FALSE(Accepts(**grammar, text)) << text;
    }
  }
  ExpectCases({
      {R"({"type": "integer", "minimum": 1000000000000000000000000000000})", {}, {"7"}},
      {R"({"type": "integer", "minimum": 3})", {"3", "10", "999999999999999999"}, {"2", "-3", "0"}},
      {R"({"type": "integer", "maximum": -3})", {"-3", "-10"}, {"-2", "0", "3"}},
      {R"({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 6})",
       {"4", "5"},
       {"3", "6"}},
      {R"({"type": "integer", "minimum": 2.5, "maximum": 4.5})", {"3", "4"}, {"2", "5"}},
      {R"({"type": "integer", "minimum": 1e20})",
       {"100000000000000000000", "999999999999999999999"},
       {"99999999999999999999"}},
      {R"({"type": "integer", "exclusiveMinimum": 2.5, "minimum": 1})", {"3"}, {"2"}},
  });
}

TEST(SchemaGrammarTest, EnumeratedValues) {
  ExpectCases({
      {R"({"enum": ["red", "re", 1, null, [1, {"a": "b"}], 2.5, "é\n"]})",
       {"\"red\"", "\"re\"", "1", "null", "[1,{\"a\":\"b\"}]", "[1, {\"a\": \"b\"}]", "2.5",
        "\"é\\n\""},
       {"\"r\"", "\"redd\"", "2", "[1]", "true"}},
      {R"({"const": {"k": []}})", {"{\"k\":[]}", "{\"k\": []}"}, {"{}", "{\"k\":[1]}"}},
      {R"({"type": "string", "enum": ["a", 1, null]})", {"\"a\""}, {"1", "null"}},
      {R"({"type": ["string", "null"], "enum": ["a", null]})", {"\"a\"", "null"}, {"\"b\""}},
      {R"({"enum": ["a", "abc", "xy"], "maxLength": 2, "pattern": "[ay]"})",
       {"\"a\"", "\"xy\""},
       {"\"abc\""}},
      {R"({"enum": [1, 5, 9, "x"], "minimum": 4, "maximum": 8})", {"5", "\"x\""}, {"1", "9"}},
      {R"({"enum": [1, 2], "const": 2.0})", {"2"}, {"1", "2.0"}},
  });
}

TEST(SchemaGrammarTest, ChoicesAndReferences) {
  ExpectCases({
      {R"({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]})",
       {"12", "\"a\""},
       {"\"ab\"", "null"}},
      {R"({"type": "integer", "anyOf": [{"type": "number"}, {"type": "string"}]})",
       {"12"},
       {"1.5", "\"a\""}},
      {R"({"anyOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"],
                      "additionalProperties": false},
                     {"type": "object", "properties": {"a": {"const": 2}, "b": {"type": "null"}},
                      "required": ["a", "b"], "additionalProperties": false}]})",
       {"{\"a\":1}", "{\"a\":2,\"b\":null}"},
       {"{\"a\":2}", "{\"a\":1,\"b\":null}"}},
      {R"({"oneOf": [{"type": "integer"}, {"type": "null"}]})", {"1", "null"}, {"true"}},
      {R"({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "x"}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"enum": ["y", "z"]}}, "required": ["kind"]}]})",
       {"{\"kind\":\"x\"}", "{\"kind\":\"z\",\"more\":1}"},
       {"{\"kind\":\"w\"}", "{}"}},
      {R"({"oneOf": [
            {"type": "object", "properties": {"a": {}}, "required": ["a"],
             "additionalProperties": false},
            {"type": "object", "properties": {"b": {}}, "required": ["b"],
             "additionalProperties": false}]})",
       {"{\"a\":1}", "{\"b\":1}"},
       {"{}", "{\"a\":1,\"b\":1}"}},
      {R"({"allOf": [{"type": "null"}], "description": "d"})", {"null"}, {"1"}},
      {R"({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}})", {"null"}, {"1"}},
      {R"({"type": "object", "properties": {"value": {"type": "integer"},
            "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            "required": ["value", "next"], "additionalProperties": false})",
       {"{\"value\":1,\"next\":null}", "{\"value\":1,\"next\":{\"value\":2,\"next\":null}}"},
       {"{\"value\":1,\"next\":{}}", "{\"value\":1}"}},
      {R"({"$ref": "#/$defs/tree", "$defs": {"tree": {"anyOf": [{"type": "integer"},
            {"type": "array", "items": {"$ref": "#/$defs/tree"}}]}}})",
       {"1", "[]", "[[[1]],2]"},
       {"[null]", "[["}},
      // A schema that is itself a choice of itself adds nothing.
      {R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})", {"null"}, {"1"}},
  });
}

TEST(SchemaGrammarTest, AnnotationsAreReadOver) {
  ExpectCases({{R"({"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "x",
                    "title": "t", "description": "d", "default": 1, "examples": [1],
                    "$comment": "c", "deprecated": true, "readOnly": true, "writeOnly": false,
                    "type": "null"})",
                {"null"},
                {"1"}}});
}

struct Refusal {
  std::string schema;
  absl::StatusCode code;
  const char* message;
};

TEST(SchemaGrammarTest, WhatIsNotSupportedIsRefusedByNameAndPlace) {
  std::vector<Refusal> refusals;
  for (const char* keyword :
       {"not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties",
        "propertyNames", "unevaluatedItems", "unevaluatedProperties", "uniqueItems", "contains",
        "minContains", "minProperties", "maxProperties", "multipleOf", "$dynamicRef",
        "definitions"}) {
    refusals.push_back({absl::StrCat(R"({"properties": {"a/b": {")", keyword, R"(": {}}}})"),
                        absl::StatusCode::kUnimplemented, keyword});
  }
  for (const Refusal& refusal : refusals) {
    const auto grammar = JsonSchemaGrammar(refusal.schema);
    EXPECT_EQ(grammar.status().code(), refusal.code) << refusal.schema;
    EXPECT_EQ(grammar.status().message(),
              absl::StrCat("#/properties/a~1b: '", refusal.message, "' is not supported"));
  }
}

TEST(SchemaGrammarTest, OtherRefusalsSayWhatIsWrong) {
  constexpr auto kUnsupported = absl::StatusCode::kUnimplemented;
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kTooComplex = absl::StatusCode::kResourceExhausted;
  const Refusal kRefusals[] = {
      {R"({"allOf": [{}, {}]})", kUnsupported, "#: 'allOf' of more than one"},
      {R"({"oneOf": [{"type": "string"}, {"type": "string"}]})", kUnsupported, "#: 'oneOf'"},
      {R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", kUnsupported, "#: 'oneOf'"},
      {R"({"oneOf": [{"type": "object", "properties": {"a": {}}}, {"type": "object"}]})",
       kUnsupported, "#: 'oneOf'"},
      {R"({"type": "number", "minimum": 1})", kUnsupported, "#: bounds of numbers"},
      {R"({"maximum": 1})", kUnsupported, "#: bounds of numbers"},
      {R"({"type": "string", "format": "uri"})", kUnsupported, "'format': 'uri'"},
      {R"({"type": "string", "pattern": "(?=a)b"})", kUnsupported, "#: 'pattern': look-ahead"},
      {R"({"$ref": "other.json"})", kUnsupported, "'$ref' to 'other.json' is not supported"},
      {R"({"$ref": "#/properties/a"})", kUnsupported, "'$ref' to '#/properties/a'"},
      {R"({"$ref": "#/$defs/x"})", kInvalid, "'$ref' to '#/$defs/x' names nothing"},
      {R"({"$ref": "#", "minLength": 1})", kUnsupported, "'$ref' beside 'minLength'"},
      {R"({"anyOf": [{}], "oneOf": [{}]})", kUnsupported, "'anyOf' beside 'oneOf'"},
      {R"({"anyOf": [{}], "required": []})", kUnsupported, "'anyOf' beside 'required'"},
      {R"({"foo": 1})", kInvalid, "#: 'foo' is no key of JSON Schema"},
      {R"({"items": {"nullable": true}})", kInvalid, "#/items: 'nullable' is no key"},
      {R"({"type": "int"})", kInvalid,
       R"(#: 'type' must be one of JSON's types or a list of them, is "int")"},
      {R"({"type": "a\"b"})", kInvalid, R"(is "a\"b")"},
      {R"({"type": []})", kInvalid, "#: 'type' must be"},
      {R"({"minLength": -1})", kInvalid, "#: 'minLength' must be a count, is -1"},
      {R"({"minItems": "3"})", kInvalid, "#: 'minItems' must be a count"},
      {R"({"properties": {"a": 5}})", kInvalid, "#: 'properties' must be an object of schemas"},
      {R"({"properties": {"a": {}, "a": {}}})", kInvalid, "#: 'properties' must be"},
      {R"({"required": [1]})", kInvalid, "#: 'required' must be a list of strings"},
      {R"({"exclusiveMinimum": true})", kInvalid, "'exclusiveMinimum' must be a number, is true"},
      {R"({"type": "null", "type": "null"})", kInvalid, "#: 'type' appears twice"},
      {R"({"enum": []})", kInvalid, "#: 'enum' must be"},
      {"[]", kInvalid, "#: the schema must be an object, is a list"},
      {"{", kInvalid, "#: the schema is not valid JSON"},
      {"", kInvalid, "#: the schema is empty"},
      {"false", kInvalid, "#: nothing satisfies it"},
      {R"({"type": "string", "minLength": 3, "maxLength": 2})", kInvalid, "nothing satisfies it"},
      {R"({"type": "string", "pattern": "^a$", "minLength": 2})", kInvalid, "nothing satisfies it"},
      {R"({"type": "integer", "minimum": 3, "maximum": 2})", kInvalid, "nothing satisfies it"},
      {R"({"type": "object", "required": ["a"], "additionalProperties": false})", kInvalid,
       "nothing satisfies it"},
      {R"({"type": "object", "properties": {"a": false}, "required": ["a"]})", kInvalid,
       "nothing satisfies it"},
      {R"({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})", kInvalid,
       "nothing satisfies it"},
      {R"({"$ref": "#"})", kInvalid, "nothing satisfies it"},
      {R"({"type": "array", "minItems": 2, "maxItems": 1})", kInvalid, "nothing satisfies it"},
      {R"({"type": "string", "enum": [1]})", kInvalid, "nothing satisfies it"},
      {R"({"type": "string", "maxLength": 1000000})", kTooComplex, "too complex"},
      {R"({"type": "array", "minItems": 1e12})", kTooComplex, "too complex"},
      {R"({"type": "integer", "minimum": 1e300})", kTooComplex, "'minimum' is beyond 1e30"},
      {std::string(70000, ' ') + "{}", kTooComplex, "bytes"},
  };
  for (const Refusal& refusal : kRefusals) {
    const auto grammar = JsonSchemaGrammar(refusal.schema);
    const std::string shown = refusal.schema.substr(0, 100);
    EXPECT_EQ(grammar.status().code(), refusal.code) << shown << ": " << grammar.status();
    EXPECT_TRUE(absl::StrContains(grammar.status().message(), refusal.message))
        << shown << ": " << grammar.status();
  }
}

TEST(SchemaGrammarTest, DepthAndNodesAreBounded) {
  const auto nested = [](int depth) {
    std::string schema = R"({"type": "null"})";
    for (int i = 1; i < depth; ++i) {
      schema = absl::StrCat(R"({"type": "object", "properties": {"a": )", schema, "}}");
    }
    return schema;
  };
  EXPECT_TRUE(JsonSchemaGrammar(nested(kMaxSchemaDepth)).ok());
  EXPECT_EQ(JsonSchemaGrammar(nested(kMaxSchemaDepth + 1)).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(JsonSchemaGrammar(nested(2000)).status().code(), absl::StatusCode::kResourceExhausted);
  const auto wide = [](int properties) {
    std::string schema = R"({"type": "object", "properties": {)";
    for (int i = 0; i < properties; ++i) absl::StrAppend(&schema, i ? "," : "", "\"", i, "\":{}");
    return schema + "}}";
  };
  EXPECT_TRUE(JsonSchemaGrammar(wide(1000)).ok());
  EXPECT_EQ(JsonSchemaGrammar(wide(3000)).status().code(), absl::StatusCode::kResourceExhausted);
  // Choices of choices multiply.
  std::string doubling = R"({"$ref": "#/$defs/a0", "$defs": {)";
  for (int i = 0; i < 30; ++i) {
    const std::string next = absl::StrCat("{\"$ref\": \"#/$defs/a", i + 1, "\"}");
    absl::StrAppend(&doubling, "\"a", i, "\": {\"anyOf\": [", next, ",", next, "]},");
  }
  doubling += R"("a30": {"type": "null"}}})";
  EXPECT_EQ(JsonSchemaGrammar(doubling).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(SchemaGrammarTest, AnyObject) {
  const auto grammar = JsonObjectGrammar();
  EXPECT_TRUE(Accepts(*grammar, R"({"a": [1, {"b": null}]})"));
  EXPECT_FALSE(Accepts(*grammar, "[]"));
}

}  // namespace
}  // namespace lluda::grammar
