#include "base/json/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"

namespace lluda::base {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

JsonDocument ParseOrDie(absl::string_view text) {
  absl::StatusOr<JsonDocument> document = JsonDocument::Parse("a.json", text);
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

TEST(Json, ReadsFieldsOfEveryKind) {
  const JsonDocument document = ParseOrDie(
      R"({"int": 7, "number": 1.5, "whole": 2, "flag": true, "text": "a\u00e9",
          "object": {"inner": -1}, "texts": ["x", "y"], "one": 3, "many": [4, 5]})");
  const JsonObject root = document.root();
  EXPECT_EQ(*root.Int("int", {0, 10}), 7);
  EXPECT_EQ(*root.Number("number", {0, 2}), 1.5);
  EXPECT_EQ(*root.Number("whole", {0, 2}), 2.0);
  EXPECT_TRUE(*root.Bool("flag"));
  EXPECT_EQ(*root.String("text"), "aé");
  EXPECT_EQ(*root.Object("object")->Int("inner", {-5, 5}), -1);
  EXPECT_THAT(*root.Strings("texts"), ElementsAre("x", "y"));
  EXPECT_THAT(*root.IntOrInts("one", {0, 9}), ElementsAre(3));
  EXPECT_THAT(*root.IntOrInts("many", {0, 9}), ElementsAre(4, 5));
}

TEST(Json, NullIsThereButHasNoValue) {
  const JsonDocument document = ParseOrDie(R"({"null": null, "zero": 0})");
  EXPECT_TRUE(document.root().Has("null"));
  EXPECT_FALSE(document.root().HasValue("null"));
  EXPECT_TRUE(document.root().HasValue("zero"));
  EXPECT_FALSE(document.root().Has("other"));
}

TEST(Json, StaysValidWhenTheDocumentMoves) {
  JsonDocument document = ParseOrDie(R"({"object": {"text": "x"}})");
  const JsonObject object = *document.root().Object("object");
  const JsonDocument moved = std::move(document);
  EXPECT_EQ(*object.String("text"), "x");
  EXPECT_EQ(object.Bool("text").status().message(),
            "a.json: field 'object.text' must be true or false, is a string");
}

TEST(Json, IntErrorsSayWhatWasExpectedAndWhatIsThere) {
  const struct {
    std::string value;
    IntRange range;
    std::string reason;
  } cases[] = {
      {"\"8\"", {1, 9}, "must be a positive integer, is a string"},
      {"null", {1, 9}, "must be a positive integer, is null"},
      {"true", {1, 9}, "must be a positive integer, is true"},
      {"[]", {1, 9}, "must be a positive integer, is a list"},
      {"{}", {1, 9}, "must be a positive integer, is an object"},
      {"1.5", {1, 9}, "must be a positive integer, is 1.5"},
      {"2.0", {1, 9}, "must be a positive integer, is 2.0"},
      {"1e18", {1, 9}, "must be a positive integer, is 1e+18"},
      {"0", {1, 9}, "must be a positive integer, is 0"},
      {"-3", {0, 9}, "must be a non-negative integer, is -3"},
      {"-9", {-8, 9}, "must be an integer of at least -8, is -9"},
      {"10", {1, 9}, "must be a positive integer of at most 9, is 10"},
      {"18446744073709551615",
       {1, 9},
       "must be a positive integer of at most 9, is 18446744073709551615"},
  };
  for (const auto& [value, range, reason] : cases) {
    const JsonDocument document = ParseOrDie(absl::StrCat("{\"size\": ", value, "}"));
    EXPECT_EQ(document.root().Int("size", range).status(),
              absl::InvalidArgumentError(absl::StrCat("a.json: field 'size' ", reason)));
  }
}

TEST(Json, IntegersBeyond64BitsAreDoubles) {
  const auto document = JsonDocument::Parse("a.json", R"({"a": 99999999999999999999})");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(*document->root().Number("a", {0, 1e30}), 1e20);
  EXPECT_EQ(document->root().Int("a", {1, 9}).status().message(),
            "a.json: field 'a' must be a positive integer, is 1e+20");
}

TEST(Json, OtherErrorsSayWhatWasExpectedAndWhatIsThere) {
  const JsonDocument document =
      ParseOrDie(R"({"text": "x", "one": 1, "texts": ["x", 2], "ints": [1, -2], "zero": 0.0})");
  const JsonObject root = document.root();
  EXPECT_EQ(root.Number("text", {0, 1}).status().message(),
            "a.json: field 'text' must be a number of at least 0 and at most 1, is a string");
  EXPECT_EQ(root.Number("zero", {0, 1, true}).status().message(),
            "a.json: field 'zero' must be a number above 0 and at most 1, is 0.0");
  EXPECT_EQ(root.Bool("one").status().message(), "a.json: field 'one' must be true or false, is 1");
  EXPECT_EQ(root.String("one").status().message(), "a.json: field 'one' must be a string, is 1");
  EXPECT_EQ(root.Object("one").status().message(), "a.json: field 'one' must be an object, is 1");
  EXPECT_EQ(root.Strings("one").status().message(),
            "a.json: field 'one' must be a list of strings, is 1");
  EXPECT_EQ(root.Strings("texts").status().message(),
            "a.json: field 'texts[1]' must be a string, is 2");
  EXPECT_EQ(root.IntOrInts("ints", {0, 9}).status().message(),
            "a.json: field 'ints[1]' must be a non-negative integer, is -2");
  EXPECT_EQ(root.IntOrInts("text", {0, 9}).status().message(),
            "a.json: field 'text' must be a non-negative integer, is a string");
  EXPECT_EQ(root.Bool("absent").status().message(), "a.json: field 'absent' is missing");
}

TEST(Json, RefusesTextThatIsNotOneSoundObject) {
  const std::string deep = absl::StrCat(std::string(100'000, '['), std::string(100'000, ']'));
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {"", "a.json: is empty, not JSON"},
      {"   ", "a.json: is not valid JSON: "},
      {"{", "a.json: is not valid JSON: "},
      {"{} {}", "a.json: is not valid JSON: "},
      {"{'a': 1}", "a.json: is not valid JSON: "},
      {"{\"a\": NaN}", "a.json: is not valid JSON: there is NaN, which is no number of JSON"},
      {"{\"a\": 1e999}", "a.json: is not valid JSON: there is 1e999"},
      {"{\"a\": \"\\ud800\"}", "a.json: is not valid JSON: a string has a lone surrogate"},
      {"{\"a\": \"\xff\"}", "a.json: is not valid JSON: "},
      {std::string("{}\0", 3), "a.json: is not valid JSON: "},
      {absl::StrCat("{\"a\": ", deep, "}"), "a.json: is not valid JSON: "},
      {"[]", "a.json: must be a JSON object, is a list"},
      {"7", "a.json: must be a JSON object, is 7"},
      {"{\"a\": 1, \"b\": 2, \"a\": 3}", "a.json: field 'a' appears twice"},
      {"{\"a\": 1, \"\\u0061\": 3}", "a.json: field 'a' appears twice"},
      {"{\"a\": [{\"b\": {\"c\": 1, \"c\": 1}}]}", "a.json: field 'a.b.c' appears twice"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = JsonDocument::Parse("a.json", text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 40);
    EXPECT_THAT(std::string(status.message()), StartsWith(message));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("\n")));
  }
}

TEST(Json, AcceptsNestingUpToTheLimit) {
  const auto nested = [](size_t lists) {
    return absl::StrCat("{\"a\":", std::string(lists, '['), std::string(lists, ']'), "}");
  };
  EXPECT_TRUE(JsonDocument::Parse("a.json", nested(kMaxJsonDepth - 4)).ok());
  EXPECT_FALSE(JsonDocument::Parse("a.json", nested(kMaxJsonDepth + 1)).ok());
}

TEST(Json, LoadNamesTheFile) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("config.json", R"({"a": "x"})");
  absl::StatusOr<JsonDocument> document = JsonDocument::Load(path);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_THAT(std::string(document->root().Bool("a").status().message()), StartsWith(path));
  EXPECT_TRUE(absl::IsNotFound(JsonDocument::Load(folder.PathOf("other.json")).status()));
}

TEST(Json, QuotedNamesFitOnOneLine) {
  EXPECT_EQ(QuoteName("a\nb\"é"), "a\\nb\\\"é");
  EXPECT_LT(QuoteName(std::string(100'000, 'x')).size(), 300u);
}

}  // namespace
}  // namespace lluda::base
