// Tokenizers that were written to GGUF files give the ids of the tokenizer.json that they were made
// from.
#include "frontends/gguf/tokenizer_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/files/test_files.h"
#include "frontends/gguf/file/gguf_writer.h"
#include "frontends/gguf/pretokenizers.h"

namespace lluda::frontends::gguf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tokenizer::Tokenizer;

constexpr char kKinds[] = "frontends/tokenizer/testdata/kinds/";
constexpr char kQwen3[] = "reference_data/qwen3_tokenizer/";
constexpr char kTexts[] = "reference_data/qwen3_tokenizer/tok_dev.jsonl";

std::string TextOf(simdjson::dom::element element) {
  std::string_view text;
  EXPECT_EQ(element.get(text), simdjson::SUCCESS);
  return std::string(text);
}

bool IsTrue(simdjson::dom::element element) {
  bool value = false;
  EXPECT_EQ(element.get(value), simdjson::SUCCESS);
  return value;
}

simdjson::dom::element Child(simdjson::dom::element element, std::string_view key) {
  simdjson::dom::element child;
  EXPECT_EQ(element[key].get(child), simdjson::SUCCESS) << key;
  return child;
}

simdjson::dom::array ListOf(simdjson::dom::element element) {
  simdjson::dom::array list;
  EXPECT_EQ(element.get(list), simdjson::SUCCESS);
  return list;
}

simdjson::dom::element Item(simdjson::dom::array list, size_t index) {
  simdjson::dom::element item;
  EXPECT_EQ(list.at(index).get(item), simdjson::SUCCESS);
  return item;
}

int64_t IntOf(simdjson::dom::element element) {
  int64_t value = -1;
  EXPECT_EQ(element.get(value), simdjson::SUCCESS);
  return value;
}

// A tokenizer.json without what a GGUF file cannot say: that a token swallows the space behind it.
std::string JsonWithoutStrips(const std::string& path) {
  return absl::StrReplaceAll(base::ReadAll(path), {{"\"rstrip\": true", "\"rstrip\": false"},
                                                   {"\"rstrip\":true", "\"rstrip\":false"}});
}

struct Parts {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  std::vector<float> scores;
  std::vector<std::string> merges;
};

// What converters make of a tokenizer.json.
Parts PartsOf(const std::string& json) {
  Parts parts;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  EXPECT_EQ(parser.parse(json).get(root), simdjson::SUCCESS);
  std::map<int64_t, std::pair<std::string, int32_t>> tokens;
  simdjson::dom::object vocabulary;
  EXPECT_EQ(Child(Child(root, "model"), "vocab").get(vocabulary), simdjson::SUCCESS);
  for (const simdjson::dom::key_value_pair field : vocabulary) {
    const bool is_byte = field.key.size() == 6 && field.key.substr(0, 3) == "<0x";
    tokens[IntOf(field.value)] = {std::string(field.key), is_byte ? 6 : 1};
  }
  for (const simdjson::dom::element added : ListOf(Child(root, "added_tokens"))) {
    const bool special = IsTrue(Child(added, "special"));
    tokens[IntOf(Child(added, "id"))] = {TextOf(Child(added, "content")), special ? 3 : 4};
  }
  std::map<std::string, float> scores;
  for (const simdjson::dom::element merge : ListOf(Child(Child(root, "model"), "merges"))) {
    std::string left, right;
    if (merge.is_array()) {
      left = TextOf(Item(ListOf(merge), 0));
      right = TextOf(Item(ListOf(merge), 1));
    } else {
      const std::string text = TextOf(merge);
      left = text.substr(0, text.find(' '));
      right = text.substr(text.find(' ') + 1);
    }
    scores.emplace(left + right, -static_cast<float>(parts.merges.size()));
    parts.merges.push_back(absl::StrCat(left, " ", right));
  }
  for (const auto& [id, token] : tokens) {
    EXPECT_EQ(id, static_cast<int64_t>(parts.tokens.size()));
    parts.tokens.push_back(token.first);
    parts.types.push_back(token.second);
    const auto score = scores.find(token.first);
    parts.scores.push_back(score == scores.end() ? -1e9F : score->second);
  }
  return parts;
}

GgufWriter WriterOf(const Parts& parts, const std::string& model, const std::string& pre) {
  GgufWriter writer;
  writer.String("tokenizer.ggml.model", model);
  if (!pre.empty()) writer.String("tokenizer.ggml.pre", pre);
  writer.Strings("tokenizer.ggml.tokens", parts.tokens);
  writer.I32s("tokenizer.ggml.token_type", parts.types);
  if (model == "llama") {
    writer.F32s("tokenizer.ggml.scores", parts.scores);
  } else {
    writer.Strings("tokenizer.ggml.merges", parts.merges);
  }
  return writer;
}

absl::StatusOr<Tokenizer> Read(const GgufWriter& writer) {
  const base::TemporaryFolder folder;
  const auto file = GgufFile::Open(folder.Write("m.gguf", writer.Bytes()));
  EXPECT_TRUE(file.ok()) << file.status();
  return ReadTokenizer(*file);
}

std::string ErrorOf(const GgufWriter& writer) {
  const auto tokenizer = Read(writer);
  if (tokenizer.ok()) return "sound";
  const std::string message(tokenizer.status().message());
  return message.substr(message.find("m.gguf"));
}

std::vector<std::string> Texts() {
  std::vector<std::string> texts = {"",
                                    " ",
                                    "  a",
                                    "Hello  world\n\n x",
                                    "<|end|> a<tool>b",
                                    "1234567 12",
                                    "don't DON'T",
                                    "\u00e9\u4e2d\u6587 e\u0301",
                                    "\U0001F600 ok",
                                    "x = (a+b)/c; // **"};
  simdjson::dom::parser parser;
  simdjson::padded_string file;
  EXPECT_EQ(simdjson::padded_string::load(kTexts).get(file), simdjson::SUCCESS);
  simdjson::dom::document_stream lines;
  EXPECT_EQ(parser.parse_many(file).get(lines), simdjson::SUCCESS);
  for (const simdjson::simdjson_result<simdjson::dom::element> line : lines) {
    simdjson::dom::element reference;
    EXPECT_EQ(line.get(reference), simdjson::SUCCESS);
    texts.push_back(TextOf(Child(reference, "text")));
  }
  return texts;
}

void ExpectSame(const Tokenizer& expected, const Tokenizer& read) {
  for (const std::string& text : Texts()) {
    const std::vector<int32_t> ids = expected.Encode(text);
    EXPECT_EQ(read.Encode(text), ids) << text;
    EXPECT_EQ(read.Decode(ids, false), expected.Decode(ids, false)) << text;
    EXPECT_EQ(read.Decode(ids, true), expected.Decode(ids, true)) << text;
  }
}

struct Kind {
  const char* name;
  const char* model;
  const char* pre;
};

class KindTest : public testing::TestWithParam<Kind> {};

TEST_P(KindTest, GivesTheIdsOfItsTokenizerJson) {
  const Kind& kind = GetParam();
  const std::string json = JsonWithoutStrips(absl::StrCat(kKinds, kind.name, ".json"));
  const auto expected = Tokenizer::FromJson(json, kind.name);
  ASSERT_TRUE(expected.ok()) << expected.status();
  GgufWriter writer = WriterOf(PartsOf(json), kind.model, kind.pre);
  writer.Bool("tokenizer.ggml.add_bos_token", false);
  const auto read = Read(writer);
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectSame(*expected, *read);
}

INSTANTIATE_TEST_SUITE_P(
    All, KindTest,
    testing::Values(Kind{"qwen", "gpt2", "qwen2"}, Kind{"llama3", "gpt2", "llama-bpe"},
                    Kind{"smollm2", "gpt2", "smollm"}, Kind{"tekken", "gpt2", "tekken"},
                    Kind{"o200k", "gpt2", "gpt-4o"}, Kind{"llama2", "llama", ""}),
    [](const auto& info) { return info.param.name; });

TEST(TokenizerReaderTest, Qwen3sGivesTheIdsOfItsTokenizerJson) {
  const std::string json = base::ReadAll(absl::StrCat(kQwen3, "tokenizer.json"));
  const auto expected = Tokenizer::FromJson(json, "qwen3");
  ASSERT_TRUE(expected.ok()) << expected.status();
  Parts parts = PartsOf(json);
  // Files have as many tokens as the embedding has rows.
  for (int i = 0; i < 267; ++i) {
    parts.tokens.push_back(absl::StrCat("[PAD", parts.tokens.size(), "]"));
    parts.types.push_back(5);
  }
  const auto read = Read(WriterOf(parts, "gpt2", "qwen2"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->vocabulary_size(), 151936);
  EXPECT_TRUE(read->IsSpecial(151645));
  EXPECT_FALSE(read->IsSpecial(151667)) << "<think> is user-defined";
  ExpectSame(*expected, *read);
}

// Tokens a, b, ab and <s>.
Parts Small() { return {{"a", "b", "ab", "<s>"}, {1, 1, 1, 3}, {-1, -2, -3, 0}, {"a b"}}; }

TEST(TokenizerReaderTest, TheFramesTokensAreThoseThatTheFileAsksFor) {
  GgufWriter writer = WriterOf(Small(), "gpt2", "qwen2");
  writer.U32("tokenizer.ggml.bos_token_id", 3).U32("tokenizer.ggml.eos_token_id", 1);
  writer.Bool("tokenizer.ggml.add_eos_token", true);
  tokenizer::EncodeOptions options;
  options.add_special_tokens = true;
  EXPECT_THAT(Read(writer)->Encode("ab", options), ElementsAre(2, 1));
  writer.Bool("tokenizer.ggml.add_bos_token", true);
  EXPECT_THAT(Read(writer)->Encode("ab", options), ElementsAre(3, 2, 1));
  EXPECT_EQ(ErrorOf(WriterOf(Small(), "gpt2", "llama-bpe")),
            "m.gguf: key 'tokenizer.ggml.bos_token_id': is missing, and "
            "tokenizer.ggml.add_bos_token asks for it");
}

TEST(TokenizerReaderTest, ScoresDecideAndTheLeftmostOfEqualsIsFirst) {
  // "abc" is a, bc by score; "aaa" is aa, a.
  const Parts parts = {{"a", "b", "c", "ab", "bc", "aa", "<unk>"},
                       {1, 1, 1, 1, 1, 1, 2},
                       {0, 0, 0, -5, -4, -6, 0},
                       {}};
  GgufWriter writer = WriterOf(parts, "llama", "");
  writer.Bool("tokenizer.ggml.add_bos_token", false);
  writer.Bool("tokenizer.ggml.add_space_prefix", false).U32("tokenizer.ggml.unknown_token_id", 6);
  const auto tokenizer = Read(writer);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(tokenizer->Encode("abc"), ElementsAre(0, 4));
  EXPECT_THAT(tokenizer->Encode("aaa"), ElementsAre(5, 0));
  EXPECT_THAT(tokenizer->Encode("z"), ElementsAre(6));
}

TEST(TokenizerReaderTest, TokensOfBytesAreWrittenAsBytes) {
  const auto error_of = [](const std::string& text) {
    GgufWriter writer = WriterOf({{text, "a", "<unk>"}, {6, 1, 2}, {0, 0, 0}, {}}, "llama", "");
    writer.Bool("tokenizer.ggml.add_bos_token", false);
    return ErrorOf(writer);
  };
  EXPECT_EQ(error_of("<0x0A>"), "sound");
  for (const char* text : {"<0xZZ>", "<0x0>", "<0x0A0>", "x"}) {
    EXPECT_EQ(error_of(text),
              "m.gguf: key 'tokenizer.ggml.tokens': token 0 is to be a byte, but is no <0x00>")
        << text;
  }
}

TEST(TokenizerReaderTest, WhatIsNotSoundIsRefusedWithItsKey) {
  const auto with = [](Parts parts, const char* pre = "qwen2") {
    return ErrorOf(WriterOf(parts, "gpt2", pre));
  };
  Parts parts = Small();
  EXPECT_EQ(with(parts), "sound");
  EXPECT_THAT(with(parts, ""), HasSubstr("m.gguf: key 'tokenizer.ggml.pre': is missing"));
  EXPECT_THAT(with(parts, "mine"), HasSubstr("key 'tokenizer.ggml.pre': 'mine' is not known"));
  parts.types.pop_back();
  EXPECT_EQ(with(parts), "m.gguf: key 'tokenizer.ggml.token_type': has 3 items for 4 tokens");
  parts = Small();
  parts.types[0] = 9;
  EXPECT_THAT(with(parts), HasSubstr("item 0 must be an integer from 0 to 6"));
  parts = Small();
  parts.merges = {"a b", "ab"};
  EXPECT_THAT(with(parts), HasSubstr("key 'tokenizer.ggml.merges': merge 1: "));
  parts.merges = {"a x"};
  EXPECT_THAT(with(parts), HasSubstr("key 'tokenizer.ggml.merges': merge 0: "));
  parts = Small();
  parts.tokens[1] = "a";
  EXPECT_THAT(with(parts), HasSubstr("key 'tokenizer.ggml.tokens': token \"a\" is listed twice"));
  parts = Small();
  parts.tokens[1] = "\xFF";
  EXPECT_THAT(with(parts), HasSubstr("token 1 is not valid UTF-8"));
  parts.tokens[1] = std::string(2000, 'x');
  EXPECT_THAT(with(parts), HasSubstr("token 1 has 2000 bytes, at most 1024"));
  EXPECT_THAT(ErrorOf(WriterOf(Small(), "bert", "")),
              HasSubstr("'bert' is not supported; supported are gpt2 and llama"));
  EXPECT_THAT(ErrorOf(GgufWriter()), HasSubstr("it has no tokenizer"));
}

TEST(TokenizerReaderTest, IdsAreOfTokens) {
  for (const char* role : {"bos", "eos", "eot", "eom", "unknown", "padding", "seperator", "mask"}) {
    const std::string key = absl::StrCat("tokenizer.ggml.", role, "_token_id");
    for (const char* model : {"gpt2", "llama"}) {
      Parts parts = Small();
      parts.scores.assign(parts.tokens.size(), 0);
      for (const uint32_t id : {4u, 0xFFFFFFFFu}) {
        GgufWriter writer = WriterOf(parts, model, "qwen2");
        writer.U32(key, id);
        EXPECT_EQ(ErrorOf(writer),
                  absl::StrCat("m.gguf: key '", key, "': must be an integer from 0 to 3, is ", id))
            << model;
      }
    }
  }
}

TEST(TokenizerReaderTest, ThereAreAsManyTokensAsRowsOfTheEmbedding) {
  GgufWriter writer = WriterOf(Small(), "gpt2", "qwen2");
  writer.Tensor("token_embd.weight", 0, {1, 5}, std::string(20, '\0'));
  EXPECT_EQ(ErrorOf(writer),
            "m.gguf: key 'tokenizer.ggml.tokens': has 4 tokens, but token_embd.weight 5 rows");
}

TEST(TokenizerReaderTest, TheEmbeddingMayBeInAnyPartOfASplitFile) {
  const base::TemporaryFolder folder;
  GgufWriter first = WriterOf(Small(), "gpt2", "qwen2");
  first.U16("split.no", 0).U16("split.count", 2);
  const std::string path = folder.Write("m-00001-of-00002.gguf", first.Bytes());
  GgufWriter second;
  second.U16("split.no", 1).U16("split.count", 2);
  second.Tensor("token_embd.weight", 0, {1, 5}, std::string(20, '\0'));
  folder.Write("m-00002-of-00002.gguf", second.Bytes());
  const auto file = GgufFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ReadTokenizer(*file).status().message(),
            absl::StrCat(path,
                         ": key 'tokenizer.ggml.tokens': has 4 tokens, but token_embd.weight "
                         "5 rows"));
}

TEST(PretokenizersTest, EveryNameHasStepsThatCanBeRun) {
  for (const char* name : {"qwen2", "qwen35", "llama-bpe", "smaug-bpe", "tekken", "gpt-4o",
                           "smollm", "gpt-2", "default"}) {
    const PretokenizerRow* row = FindPretokenizer(name);
    ASSERT_NE(row, nullptr) << name;
    const auto steps = tokenizer::Pretokenizer::Create(StepsOf(*row));
    EXPECT_TRUE(steps.ok()) << name << ": " << steps.status();
  }
  EXPECT_EQ(FindPretokenizer("qwen"), nullptr);
}

}  // namespace
}  // namespace lluda::frontends::gguf
