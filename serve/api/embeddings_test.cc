#include "serve/api/embeddings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace lluda::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ReadOptions kOptions = {/*vocabulary=*/100};

// "code param" of what is refused, "" of what is not.
std::string Refused(const std::string& body) {
  EmbeddingsRequest request;
  const Refusal refusal = ReadEmbeddingsRequest(body, kOptions, &request);
  return refusal ? absl::StrCat(refusal->code, " ", refusal->param) : "";
}

TEST(EmbeddingsRequestTest, InputsAreTextsOrTokens) {
  EmbeddingsRequest request;
  ASSERT_FALSE(ReadEmbeddingsRequest(
      R"({"model": "m", "input": ["a", [5, 6]], "dimensions": 3, "encoding_format": "base64",
          "user": "u", "foo": 1})",
      kOptions, &request));
  EXPECT_EQ(request.model, "m");
  ASSERT_EQ(request.inputs.size(), 2u);
  EXPECT_EQ(request.inputs[0].text, "a");
  EXPECT_THAT(*request.inputs[1].tokens, ElementsAre(5, 6));
  EXPECT_EQ(request.dimensions, 3);
  EXPECT_TRUE(request.base64);
  EXPECT_THAT(request.ignored, ElementsAre("foo"));
  EXPECT_EQ(Refused(R"({"input": "a", "encoding_format": "float"})"), "");
}

TEST(EmbeddingsRequestTest, WrongFieldsAreRefusedByName) {
  EXPECT_EQ(Refused(R"({})"), "missing_required_parameter input");
  EXPECT_EQ(Refused(R"({"input": ""})"), "invalid_value input");
  EXPECT_EQ(Refused(R"({"input": []})"), "invalid_value input");
  EXPECT_EQ(Refused(R"({"input": ["a", 5]})"), "invalid_type input[1]");
  EXPECT_EQ(Refused(R"({"input": [100]})"), "invalid_value input[0]");
  EXPECT_EQ(Refused(R"({"input": "a", "dimensions": 0})"), "invalid_value dimensions");
  EXPECT_EQ(Refused(R"({"input": "a", "encoding_format": "int8"})"),
            "unsupported_value encoding_format");
}

TEST(EmbeddingsJsonTest, VectorsAreNumbersOrTheirBytes) {
  EXPECT_THAT(EmbeddingsJson("m", {{0.1f, -1}}, /*base64=*/false, 4),
              HasSubstr(R"("index": 0, "embedding": [0.1, -1]})"));
  // 1 is 0x3f800000, -2 is 0xc0000000.
  EXPECT_THAT(EmbeddingsJson("m", {{1, -2}}, /*base64=*/true, 4),
              HasSubstr(R"("embedding": "AACAPwAAAMA="})"));
}

}  // namespace
}  // namespace lluda::api
