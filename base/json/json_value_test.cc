#include "base/json/json_value.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::base {
namespace {

using testing::ElementsAre;

class JsonValueTest : public testing::Test {
 protected:
  JsonValue Root(const std::string& text) {
    simdjson::dom::element element;
    EXPECT_EQ(parser_.parse(text).get(element), simdjson::SUCCESS);
    return JsonValue(element, "f.json");
  }

  // The error about the member "a" of {"a": text}.
  template <typename Read>
  std::string ErrorOf(const std::string& text, Read read) {
    const auto value = Root("{\"a\": " + text + "}").Get("a");
    EXPECT_TRUE(value.ok()) << value.status();
    return std::string(read(*value).status().message());
  }

  simdjson::dom::parser parser_;
};

TEST_F(JsonValueTest, AnErrorNamesFileAndField) {
  const JsonValue root = Root(R"({"model": {"merges": [["a", "b"], 7], "vocab": {"x\\n": 1}}})");
  const auto merges = root.Get("model")->Get("merges");
  ASSERT_TRUE(merges.ok()) << merges.status();
  const JsonValue second = merges->Item(merges->Array()->at(1).value_unsafe(), 1);
  EXPECT_EQ(second.Array().status(),
            absl::InvalidArgumentError("f.json: field 'model.merges[1]' must be a list, is 7"));
  EXPECT_EQ(second.Error("is empty").message(), "f.json: field 'model.merges[1]' is empty");
  EXPECT_EQ(second.ErrorIn("token 3 is unknown").message(),
            "f.json: field 'model.merges[1]': token 3 is unknown");
  const auto vocab = root.Get("model")->Get("vocab");
  ASSERT_TRUE(vocab.ok()) << vocab.status();
  EXPECT_EQ(vocab->Entry(second.dom(), "x\n").Error("is odd").message(),
            "f.json: field 'model.vocab[\"x\\n\"]' is odd");
}

TEST_F(JsonValueTest, OfAWholeDocumentTheFileIsNamed) {
  EXPECT_EQ(Root("[]").Object().status().message(), "f.json: must be a JSON object, is a list");
  EXPECT_EQ(Root("[]").Get("a").status().message(), "f.json: must be a JSON object, is a list");
}

TEST_F(JsonValueTest, WhatIsAbsentOrNullIsMissingUnlessItIsOptional) {
  const JsonValue root = Root(R"({"a": {"b": null}})");
  EXPECT_EQ(root.Get("x").status().message(), "f.json: field 'x' is missing");
  EXPECT_EQ(root.Get("a")->Get("b").status().message(), "f.json: field 'a.b' is missing");
  EXPECT_FALSE(root.Get("a")->GetOptional("b")->has_value());
  EXPECT_TRUE(*root.Get("a")->GetBool("b", true));
}

TEST_F(JsonValueTest, AnotherTypeIsSaidWithTheValue) {
  EXPECT_EQ(ErrorOf("3", [](const JsonValue& v) { return v.String(); }),
            "f.json: field 'a' must be a string, is 3");
  EXPECT_EQ(ErrorOf("\"yes\"", [](const JsonValue& v) { return v.Bool(); }),
            "f.json: field 'a' must be true or false, is a string");
  EXPECT_EQ(ErrorOf("[\"x\", 1.5]", [](const JsonValue& v) { return v.Strings(); }),
            "f.json: field 'a[1]' must be a string, is 1.5");
  EXPECT_EQ(ErrorOf("[1, {}]", [](const JsonValue& v) { return v.IntOrInts({0, 9}); }),
            "f.json: field 'a[1]' must be a non-negative integer, is an object");
}

TEST_F(JsonValueTest, NumbersOutOfRangeAreRefusedWithTheRange) {
  const auto integer = [](const JsonValue& v) { return v.Int({1, 100}); };
  EXPECT_EQ(ErrorOf("0", integer), "f.json: field 'a' must be a positive integer, is 0");
  EXPECT_EQ(ErrorOf("2.0", integer), "f.json: field 'a' must be a positive integer, is 2.0");
  EXPECT_EQ(ErrorOf("2.00000001", integer),
            "f.json: field 'a' must be a positive integer, is 2.00000001");
  EXPECT_EQ(ErrorOf("0.1", integer), "f.json: field 'a' must be a positive integer, is 0.1");
  EXPECT_EQ(ErrorOf("101", integer),
            "f.json: field 'a' must be a positive integer of at most 100, is 101");
  EXPECT_EQ(ErrorOf("18446744073709551615", integer),
            "f.json: field 'a' must be a positive integer of at most 100, is 18446744073709551615");
  EXPECT_EQ(ErrorOf("0", [](const JsonValue& v) { return v.Number({0, 2, /*open_min=*/true}); }),
            "f.json: field 'a' must be a number above 0 and at most 2, is 0");
}

TEST_F(JsonValueTest, AnIntegerAloneIsAListOfOne) {
  const JsonValue root = Root(R"({"a": 3, "b": [3, 4]})");
  EXPECT_THAT(*root.Get("a")->IntOrInts({0, 9}), ElementsAre(3));
  EXPECT_THAT(*root.Get("b")->IntOrInts({0, 9}), ElementsAre(3, 4));
}

}  // namespace
}  // namespace lluda::base
