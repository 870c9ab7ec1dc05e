#include "frontends/field_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lluda::frontends {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr FieldRow kTable[] = {
    {"size", FieldUse::kUsed},
    {"comment", FieldUse::kIgnored},
    {"shape", FieldUse::kRefused, "round oval"},
    {"holes", FieldUse::kRefused, "0 [] false", "holes in it"},
};

// "key: what", for each refused field of the object.
std::vector<std::string> Refused(const std::string& text) {
  const absl::StatusOr<base::JsonDocument> document = base::JsonDocument::Parse("t", text);
  EXPECT_TRUE(document.ok()) << document.status();
  std::vector<std::string> all;
  const auto odd = [](absl::string_view key) { return absl::StartsWith(key, "odd"); };
  for (const RefusedField& field : RefusedFields(document->root(), kTable, odd)) {
    all.push_back(absl::StrCat(field.key, ": ", field.asks_for));
  }
  return all;
}

TEST(FieldTable, NeutralValuesAndNullAskForNothing) {
  EXPECT_THAT(Refused("{}"), IsEmpty());
  EXPECT_THAT(Refused(R"({"size": {}, "comment": ["x"], "shape": "oval", "holes": 0.0})"),
              IsEmpty());
  EXPECT_THAT(Refused(R"({"shape": null, "holes": []})"), IsEmpty());
  EXPECT_THAT(Refused(R"({"holes": false, "new": {"a": 1}})"), IsEmpty());
}

TEST(FieldTable, RefusedFieldsComeInTheTablesOrderAndThenTheUnknownOnes) {
  EXPECT_THAT(Refused(R"({"odd_size": 3, "holes": [1], "shape": "round oval"})"),
              ElementsAre("shape: 'round oval'", "holes: holes in it", "odd_size: 3"));
  EXPECT_THAT(Refused(R"({"holes": 1, "shape": ""})"), ElementsAre("shape: ''", "holes: 1"));
  EXPECT_THAT(Refused(R"({"holes": true, "shape": ["round"]})"),
              ElementsAre("shape: a list", "holes: true"));
  EXPECT_THAT(Refused(R"({"odd": null, "odd_2": false, "odd_3": {}, "odd_4": {"a": null}})"),
              ElementsAre("odd_4: an object"));
}

TEST(FieldTable, TheFirstRefusedFieldIsTheError) {
  const absl::StatusOr<base::JsonDocument> document =
      base::JsonDocument::Parse("t.json", R"({"holes": 2, "shape": "flat"})");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(
      CheckFields(document->root(), kTable, [](absl::string_view) { return true; }),
      absl::UnimplementedError("t.json: field 'shape' asks for 'flat', which is not supported"));
}

}  // namespace
}  // namespace lluda::frontends
