#include "tools/run/token_report.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;

class TokenReportTest : public testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = tokenizer::Tokenizer::Load("reference_data/stories");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    tokenizer_ = *std::move(tokenizer);
  }

  absl::Status Lines(absl::string_view input) {
    return TokenLines(*tokenizer_, "in.jsonl", input, {}, [this](absl::string_view text) {
      written_.emplace_back(text);
      return absl::OkStatus();
    });
  }

  std::optional<tokenizer::Tokenizer> tokenizer_;
  std::vector<std::string> written_;
};

TEST_F(TokenReportTest, ALineHasTheDocumentsFieldsWithoutItsSchema) {
  ASSERT_TRUE(Lines("\n{\"text\": \"Once upon\", \"more\": 1}\n\n").ok());
  ASSERT_EQ(written_.size(), 1u);
  const std::string schema = "\"schema\": \"lluda.tokenize/1\", ";
  std::string document = TokensJson(*tokenizer_, "Once upon", {});
  ASSERT_THAT(document, HasSubstr(schema));
  EXPECT_EQ(written_[0], document.erase(document.find(schema), schema.size()));
  EXPECT_THAT(document, HasSubstr("\"decoded\": \"Once upon\""));
}

TEST_F(TokenReportTest, ManyLinesAreWrittenInPieces) {
  std::string input;
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&input, "{\"text\": \"line ", i, "\"}\n");
  ASSERT_TRUE(Lines(input).ok());
  EXPECT_GT(written_.size(), 1u);
  for (const std::string& piece : written_) EXPECT_LT(piece.size(), size_t{1} << 17);
}

TEST_F(TokenReportTest, ALineThatIsNoObjectWithTextIsNamed) {
  EXPECT_THAT(std::string(Lines("{\"text\": \"a\"}\n{\"txt\": \"a\"}\n").message()),
              HasSubstr("in.jsonl:2: field 'text' is missing"));
  EXPECT_THAT(std::string(Lines("\n\n[]\n").message()), HasSubstr("in.jsonl:3: "));
}

TEST_F(TokenReportTest, AnErrorOfWritingEndsIt) {
  const absl::Status status =
      TokenLines(*tokenizer_, "in", "{\"text\": \"a\"}", {},
                 [](absl::string_view) { return absl::UnavailableError("full"); });
  EXPECT_EQ(status.message(), "full");
}

}  // namespace
}  // namespace lluda::tools
