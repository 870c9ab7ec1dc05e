#include "base/json/parse_json.h"

#include <gtest/gtest.h>

namespace lluda::base {
namespace {

std::string ParsedAgain(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const simdjson::error_code code = ParseJson(text, 64, &parser, &root)) {
    return WhyInvalid(text, code);
  }
  return simdjson::minify(root);
}

TEST(ParseJson, AnIntegerBeyond64BitsIsTheNearestDouble) {
  EXPECT_EQ(ParsedAgain("[18446744073709551615,-9223372036854775808]"),
            "[18446744073709551615,-9223372036854775808]");
  EXPECT_EQ(ParsedAgain("[1,18446744073709551616,-9223372036854775809,2]"),
            "[1,1.8446744073709552e+19,-9.223372036854776e+18,2]");
  EXPECT_EQ(ParsedAgain(R"({"a":1000000000000000000000000000000,"b":"99999999999999999999"})"),
            R"({"a":1e+30,"b":"99999999999999999999"})");
  EXPECT_EQ(ParsedAgain("99999999999999999999"), "1e+20");
  EXPECT_EQ(ParsedAgain(R"(["\"",99999999999999999999,"\\"])"), R"(["\"",1e+20,"\\"])");
}

TEST(ParseJson, WhatIsWrongIsSaid) {
  EXPECT_EQ(ParsedAgain("[NaN]"), "there is NaN, which is no number of JSON");
  EXPECT_EQ(ParsedAgain(R"({"a":-Infinity})"), "there is -Infinity, which is no number of JSON");
  EXPECT_EQ(ParsedAgain("[nan]"), "there is nan, which is no number of JSON");
  EXPECT_EQ(ParsedAgain("[1e999]"), "there is 1e999, which is beyond a number's 64 bits");
  EXPECT_EQ(ParsedAgain(R"(["a\ud800b"])"), R"(a string has a lone surrogate, \ud800)");
  EXPECT_EQ(ParsedAgain(R"(["\uDC00\uD800"])"), R"(a string has a lone surrogate, \uDC00)");
  EXPECT_EQ(ParsedAgain(R"(["\ud83d\ude00","\ud83d"])"),
            R"(a string has a lone surrogate, \ud83d)");
  EXPECT_EQ(ParsedAgain(R"(["\\ud800",])").find("surrogate"), std::string::npos);
  EXPECT_EQ(ParsedAgain(R"(["NaN",])").find("NaN"), std::string::npos);
  EXPECT_EQ(ParsedAgain(R"(["\ud83d\ude00"])"), "[\"\xF0\x9F\x98\x80\"]");
}

// Texts that end within what is looked for.
TEST(ParseJson, TheBeginningsOfATextAreRefusedOrRead) {
  const std::string text = R"([-Infinity,"\\\ud800\udc00\ud8",123456789012345678901234,"a\)";
  for (size_t size = 0; size <= text.size(); ++size) {
    EXPECT_FALSE(ParsedAgain(std::string_view(text).substr(0, size)).empty()) << size;
  }
}

}  // namespace
}  // namespace lluda::base
