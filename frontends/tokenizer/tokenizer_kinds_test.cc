// One small tokenizer of each kind that published models have, against what Hugging Face's library
// gives with it; testdata/kinds/make_kinds.py made them. And the work of those that take a whole text
// for one word.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "frontends/tokenizer/stream_decoder.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

constexpr char kKinds[] = "frontends/tokenizer/testdata/kinds/";
constexpr char kTexts[] = "reference_data/qwen3_tokenizer/tok_dev.jsonl";

using Ids = std::vector<int32_t>;

Tokenizer LoadKind(const std::string& name) {
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(absl::StrCat(kKinds, name, ".json"));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

Ids Encode(const Tokenizer& tokenizer, std::string_view text, bool add_special_tokens) {
  EncodeOptions options;
  options.add_special_tokens = add_special_tokens;
  return tokenizer.Encode(text, options);
}

std::string Stream(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamDecoder decoder(&tokenizer, skip_special);
  std::string text;
  for (const int32_t id : ids) {
    const std::string part = decoder.Add(id);
    EXPECT_TRUE(simdjson::validate_utf8(part.data(), part.size()));
    text += part;
  }
  return text + decoder.Finish();
}

// The lines of a JSONL file; valid as long as this object.
class Lines {
 public:
  explicit Lines(const std::string& path) {
    EXPECT_EQ(simdjson::padded_string::load(path).get(file_), simdjson::SUCCESS) << path;
    EXPECT_EQ(parser_.parse_many(file_).get(stream_), simdjson::SUCCESS) << path;
  }
  // Calls `line` with each.
  template <typename Function>
  void ForEach(const Function& line) {
    for (const simdjson::simdjson_result<simdjson::dom::element> element : stream_) {
      simdjson::dom::element value;
      ASSERT_EQ(element.get(value), simdjson::SUCCESS);
      line(value);
    }
  }

 private:
  simdjson::dom::parser parser_;
  simdjson::padded_string file_;
  simdjson::dom::document_stream stream_;
};

std::string TextOf(simdjson::dom::element line, std::string_view key) {
  std::string_view text;
  EXPECT_EQ(line[key].get(text), simdjson::SUCCESS) << key;
  return std::string(text);
}

bool Has(simdjson::dom::element line, std::string_view key) {
  return line[key].error() == simdjson::SUCCESS;
}

Ids IdsOf(simdjson::dom::element line, std::string_view key) {
  simdjson::dom::array list;
  EXPECT_EQ(line[key].get(list), simdjson::SUCCESS) << key;
  Ids ids;
  for (const simdjson::dom::element element : list) {
    int64_t id = -1;
    EXPECT_EQ(element.get(id), simdjson::SUCCESS);
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

// FNV-1a in hexadecimal digits.
std::string Hash(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return absl::StrCat(absl::Hex(hash, absl::kZeroPad16));
}

class KindTest : public testing::TestWithParam<const char*> {};

TEST_P(KindTest, AgreesWithHuggingFace) {
  const Tokenizer tokenizer = LoadKind(GetParam());
  std::vector<std::string> dev_texts;
  Lines(kTexts).ForEach(
      [&](simdjson::dom::element line) { dev_texts.push_back(TextOf(line, "text")); });
  int count = 0;
  Lines(absl::StrCat(kKinds, GetParam(), ".jsonl")).ForEach([&](simdjson::dom::element line) {
    if (Has(line, "tok_dev")) {
      simdjson::dom::array hashes;
      ASSERT_EQ(line["tok_dev"].get(hashes), simdjson::SUCCESS);
      ASSERT_EQ(hashes.size(), dev_texts.size());
      size_t i = 0;
      for (const simdjson::dom::element element : hashes) {
        std::string_view hash;
        ASSERT_EQ(element.get(hash), simdjson::SUCCESS);
        const Ids ids = Encode(tokenizer, dev_texts[i], true);
        EXPECT_EQ(Hash(absl::StrCat(absl::StrJoin(ids, " "), "|", tokenizer.Decode(ids, false))),
                  hash)
            << dev_texts[i];
        ++i;
      }
      return;
    }
    ++count;
    const std::string text = TextOf(line, "text");
    const Ids ids = IdsOf(line, "ids");
    EXPECT_EQ(Encode(tokenizer, text, true), ids) << text;
    EXPECT_EQ(Encode(tokenizer, text, false), Has(line, "plain") ? IdsOf(line, "plain") : ids)
        << text;
    const std::string decoded = TextOf(line, "decoded");
    const std::string clean = Has(line, "clean") ? TextOf(line, "clean") : decoded;
    EXPECT_EQ(tokenizer.Decode(ids, /*skip_special=*/false), decoded) << text;
    EXPECT_EQ(Stream(tokenizer, ids, /*skip_special=*/false), decoded) << text;
    EXPECT_EQ(tokenizer.Decode(ids, /*skip_special=*/true), clean) << text;
    EXPECT_EQ(Stream(tokenizer, ids, /*skip_special=*/true), clean) << text;
  });
  EXPECT_GT(count, 50);
}

TEST_P(KindTest, IsTheSameFromItsTables) {
  const Tokenizer tokenizer = LoadKind(GetParam());
  const absl::StatusOr<Tokenizer> copy = Tokenizer::FromTables(tokenizer.Tables());
  ASSERT_TRUE(copy.ok()) << copy.status();
  Lines(kTexts).ForEach([&](simdjson::dom::element line) {
    const std::string text = TextOf(line, "text");
    const Ids ids = Encode(tokenizer, text, true);
    EXPECT_EQ(Encode(*copy, text, true), ids) << text;
    EXPECT_EQ(copy->Decode(ids), tokenizer.Decode(ids)) << text;
  });
}

TEST_P(KindTest, ReadsInvalidUtf8AsReplacementCharacters) {
  const Tokenizer tokenizer = LoadKind(GetParam());
  EXPECT_EQ(tokenizer.Encode("a\xFF\xE6\x97z"), tokenizer.Encode("a\uFFFD\uFFFDz"));
}

// The tokens of random ids are no text's: bytes that end too early, blanks anywhere.
TEST_P(KindTest, StreamsAnyTokensAsItDecodesThem) {
  const Tokenizer tokenizer = LoadKind(GetParam());
  Ids ids;
  uint32_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 1664525 + 1013904223;
    ids.push_back(static_cast<int32_t>((state >> 8) % tokenizer.vocabulary_size()));
    if (ids.size() < 40) continue;
    EXPECT_EQ(Stream(tokenizer, ids, true), tokenizer.Decode(ids, true));
    ids.clear();
  }
}

INSTANTIATE_TEST_SUITE_P(All, KindTest,
                         testing::Values("gpt2_prefix", "qwen", "llama3", "smollm2", "tekken",
                                         "o200k", "llama2", "mistral", "metaspace", "unknown",
                                         "gemma"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param);
                         });

TEST(KindsTest, TheTokensAroundATextComeOnRequest) {
  const Tokenizer tokenizer = LoadKind("mistral");
  const int32_t begin = *tokenizer.TokenToId("<s>");
  const int32_t end = *tokenizer.TokenToId("</s>");
  Ids ids = tokenizer.Encode("Hello");
  ids.insert(ids.begin(), begin);
  ids.push_back(end);
  EXPECT_EQ(Encode(tokenizer, "Hello", true), ids);
  EXPECT_EQ(Encode(tokenizer, "", true), (Ids{begin, end}));
}

TEST(KindsTest, ATokenOfAByteIsThatByte) {
  const Tokenizer tokenizer = LoadKind("llama2");
  EXPECT_EQ(tokenizer.TokenBytes(*tokenizer.TokenToId("<0x0A>")), "\n");
  EXPECT_EQ(tokenizer.TokenBytes(*tokenizer.TokenToId("<0xE6>")), "\xE6");
  EXPECT_EQ(tokenizer.TokenBytes(*tokenizer.TokenToId("\u2581")), " ");
}

// A whole text is one word to these.
struct WholeText {
  const char* kind;
  const char* unit;
};

class WholeTextTest : public testing::TestWithParam<WholeText> {};

TEST_P(WholeTextTest, TakesWorkLinearInTheText) {
  const Tokenizer tokenizer = LoadKind(GetParam().kind);
  std::string text;
  while (text.size() < (1 << 20)) text += GetParam().unit;
  EncodeWork work;
  EncodeOptions options;
  options.work = &work;
  const Ids ids = tokenizer.Encode(text, options);
  // A merge looks at three candidates and removes one of n tokens; n at first are looked at twice.
  // A blank may become three bytes.
  EXPECT_LE(work.merge_candidates, static_cast<int64_t>(8 * text.size()));
  EXPECT_LE(work.regex_matches, static_cast<int64_t>(text.size()) + 1);
  EXPECT_TRUE(Stream(tokenizer, ids, false) == tokenizer.Decode(ids, false));
}

INSTANTIATE_TEST_SUITE_P(All, WholeTextTest,
                         testing::Values(WholeText{"llama2", "x"}, WholeText{"llama2", "the "},
                                         WholeText{"llama2", "\u65e5"}, WholeText{"gemma", " "},
                                         WholeText{"gemma", "\n"}, WholeText{"mistral", "in "},
                                         WholeText{"metaspace", " "},
                                         WholeText{"unknown", "\u65e5"}));

}  // namespace
}  // namespace lluda::tokenizer
