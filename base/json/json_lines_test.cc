#include "base/json/json_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/status_macros.h"

namespace lluda::base {
namespace {

using ::testing::ElementsAre;

TEST(JsonLinesTest, TakesTheObjectOfEachLineThatHoldsOne) {
  std::vector<int64_t> seen;
  std::vector<std::string> places;
  const absl::Status status =
      ForEachJsonLine("a.jsonl", "{\"n\": 1}\r\n \n{\"n\": 2}\n\n{\"n\": 3}",
                      [&](const JsonObject& object, const std::string& place) {
                        ASSIGN_OR_RETURN(const int64_t n, object.Int("n", {0, 9}));
                        seen.push_back(n);
                        places.push_back(place);
                        return absl::OkStatus();
                      });
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_THAT(places, ElementsAre("a.jsonl:1", "a.jsonl:3", "a.jsonl:5"));
}

TEST(JsonLinesTest, NamesTheLineOfAnErrorAndStopsThere) {
  int seen = 0;
  const absl::Status status = ForEachJsonLine("a.jsonl", "{\"n\": 1}\n\n{\"n\": \"x\"}\n{\"n\": 2}",
                                              [&](const auto& object, const std::string&) {
                                                ++seen;
                                                return object.Int("n", {0, 9}).status();
                                              });
  EXPECT_EQ(status, absl::InvalidArgumentError(
                        "a.jsonl:3: field 'n' must be a non-negative integer, is a string"));
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace lluda::base
