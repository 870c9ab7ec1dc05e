// The real Qwen3 tokenizer against what Hugging Face's library gives with it, and its work on
// hostile texts.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "frontends/tokenizer/stream_decoder.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

constexpr char kFolder[] = "reference_data/qwen3_tokenizer";
constexpr char kReference[] = "reference_data/qwen3_tokenizer/tok_dev.jsonl";

class Qwen3TokenizerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<Tokenizer> loaded = Tokenizer::Load(kFolder);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    tokenizer_ = new Tokenizer(*std::move(loaded));
  }
  static void TearDownTestSuite() {
    delete tokenizer_;
    tokenizer_ = nullptr;
  }
  void SetUp() override { ASSERT_NE(tokenizer_, nullptr); }

  static std::string Stream(const std::vector<int32_t>& ids, bool skip_special) {
    StreamDecoder decoder(tokenizer_, skip_special);
    std::string text;
    for (const int32_t id : ids) {
      const std::string part = decoder.Add(id);
      EXPECT_TRUE(simdjson::validate_utf8(part.data(), part.size()));
      text += part;
    }
    return text + decoder.Finish();
  }

  static Tokenizer* tokenizer_;
};

Tokenizer* Qwen3TokenizerTest::tokenizer_ = nullptr;

TEST_F(Qwen3TokenizerTest, AgreesWithHuggingFaceOnEveryReferenceLine) {
  simdjson::dom::parser parser;
  simdjson::padded_string file;
  ASSERT_EQ(simdjson::padded_string::load(kReference).get(file), simdjson::SUCCESS);
  simdjson::dom::document_stream lines;
  ASSERT_EQ(parser.parse_many(file).get(lines), simdjson::SUCCESS);
  int count = 0;
  for (const simdjson::simdjson_result<simdjson::dom::element> line : lines) {
    simdjson::dom::element reference;
    ASSERT_EQ(line.get(reference), simdjson::SUCCESS);
    std::string_view text;
    std::string_view decoded;
    simdjson::dom::array id_list;
    ASSERT_EQ(reference["text"].get(text), simdjson::SUCCESS);
    ASSERT_EQ(reference["decoded"].get(decoded), simdjson::SUCCESS);
    ASSERT_EQ(reference["ids"].get(id_list), simdjson::SUCCESS);
    std::vector<int32_t> ids;
    for (const simdjson::dom::element element : id_list) {
      int64_t id = 0;
      ASSERT_EQ(element.get(id), simdjson::SUCCESS);
      ids.push_back(static_cast<int32_t>(id));
    }
    EXPECT_EQ(tokenizer_->Encode(text), ids) << text;
    EXPECT_EQ(tokenizer_->Decode(ids, /*skip_special=*/false), decoded) << text;
    EXPECT_EQ(Stream(ids, /*skip_special=*/false), decoded) << text;
    ++count;
  }
  EXPECT_EQ(count, 224);
}

TEST_F(Qwen3TokenizerTest, KnowsItsTokens) {
  EXPECT_EQ(tokenizer_->vocabulary_size(), 151669);
  EXPECT_EQ(tokenizer_->TokenToId("<|im_end|>"), 151645);
  EXPECT_EQ(tokenizer_->TokenToId("Ġworld"), 1879);
  EXPECT_EQ(tokenizer_->TokenToId(" world"), std::nullopt);
  EXPECT_EQ(tokenizer_->TokenBytes(1879), " world");
  EXPECT_TRUE(tokenizer_->IsSpecial(151645));
  EXPECT_FALSE(tokenizer_->IsSpecial(151667)) << "<think> is added, but not special";
}

TEST_F(Qwen3TokenizerTest, LeavesSpecialTokensInTheTextUnparsedOnRequest) {
  EncodeOptions options;
  options.parse_special = false;
  EXPECT_EQ(tokenizer_->Encode("<|im_end|>", options),
            (std::vector<int32_t>{27, 91, 318, 6213, 91, 29}));
  EXPECT_EQ(tokenizer_->Encode("<think>", options), (std::vector<int32_t>{151667}));
}

TEST_F(Qwen3TokenizerTest, DecodesAnIdBeyondTheVocabularyToNothing) {
  EXPECT_EQ(tokenizer_->Decode({9707, 151935, -1, 1879}), "Hello world");
}

// Texts that took other tokenizers quadratic time, or overflowed their stack.
struct Run {
  const char* name;
  const char* unit;
};

class HostileRunTest : public Qwen3TokenizerTest, public testing::WithParamInterface<Run> {};

TEST_P(HostileRunTest, TakesWorkLinearInTheText) {
  constexpr size_t kBytes = 1 << 20;
  std::string text;
  while (text.size() < kBytes) text += GetParam().unit;
  EncodeWork work;
  EncodeOptions options;
  options.work = &work;
  const std::vector<int32_t> ids = tokenizer_->Encode(text, options);
  // A merge looks at three candidates and removes one of n tokens; n at first are looked at twice.
  EXPECT_LE(work.merge_candidates, static_cast<int64_t>(8 * text.size()));
  EXPECT_LE(work.regex_matches, static_cast<int64_t>(text.size()));
  EXPECT_EQ(Stream(ids, /*skip_special=*/false), tokenizer_->Decode(ids, /*skip_special=*/false));
  EXPECT_GE(tokenizer_->Decode(ids, /*skip_special=*/false).size(), kBytes);
}

INSTANTIATE_TEST_SUITE_P(
    All, HostileRunTest,
    testing::Values(Run{"Letter", "x"}, Run{"Dot", "."}, Run{"Blank", " "}, Run{"Newline", "\n"},
                    Run{"Ideograph", "日"}, Run{"BlankLine", " \t\n"}, Run{"Digit", "7"},
                    Run{"WindowsLine", "\r\n"}, Run{"OrderedMarks", "\u0327\u0301"},
                    Run{"UnorderedMarks", "\u0301\u0327"}, Run{"NewMarks", "\u0898\u0301"},
                    Run{"StartOfSpecial", "<|im_"}, Run{"Special", "<|im_end|>"},
                    Run{"Indented", "\n    x"}),
    [](const testing::TestParamInfo<Run>& info) { return info.param.name; });

}  // namespace
}  // namespace lluda::tokenizer
