// Mutates small files of tokenizers, reproducibly: each must end in a one-line error or in a
// tokenizer that works.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutate_text.h"
#include "frontends/tokenizer/stream_decoder.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

constexpr int kIterations = 20000;
constexpr int kFolderIterations = 1000;

constexpr std::string_view kSeeds[] = {
    R"({"added_tokens":[{"id":5,"content":"<s>","special":true,"lstrip":true,"rstrip":true,
"single_word":true,"normalized":false},{"id":6,"content":"\u00e9","special":false}],
"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split",
"pattern":{"Regex":"(?i:'s)|[^\\r\\n\\p{L}]?\\p{L}+|\\p{N}{1,3}|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},
"behavior":"Isolated","invert":false},{"type":"Digits","individual_digits":true},
{"type":"ByteLevel","add_prefix_space":true,"use_regex":true}]},"post_processor":null,
"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","unk_token":null,"ignore_merges":true,
"vocab":{"a":0,"b":1,"ab":2,"aba":3,"Ã":4},"merges":["a b","ab a"]}})",
    R"({"pre_tokenizer":{"type":"ByteLevel"},"decoder":{"type":"ByteLevel"},"model":{"type":"BPE",
"unk_token":"b","fuse_unk":true,"vocab":{"a":0,"b":1,"aa":2,"aaaa":3},
"merges":[["a","a"],["aa","aa"]]}})",
    R"({"added_tokens":[{"id":1,"content":"<s>","special":true}],"normalizer":{"type":"Sequence",
"normalizers":[{"type":"Prepend","prepend":"_"},{"type":"Replace","pattern":{"String":" "},
"content":"_"}]},"pre_tokenizer":null,"decoder":{"type":"Sequence","decoders":[{"type":"Replace",
"pattern":{"String":"_"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip",
"content":" ","start":1,"stop":0}]},"post_processor":{"type":"TemplateProcessing","single":[
{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"special_tokens":
{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},"model":{"type":"BPE","unk_token":"<u>",
"fuse_unk":true,"byte_fallback":true,"vocab":{"<u>":0,"<s>":1,"<0xC3>":2,"<0xA9>":3,"_":4,"a":5,
"_a":6,"b":7,"日":8},"merges":["_ a"]}})",
    R"({"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"_"},"pre_tokenizer":
{"type":"Sequence","pretokenizers":[{"type":"Metaspace","replacement":"_","prepend_scheme":"first",
"split":true},{"type":"Split","pattern":{"String":"a"},"behavior":"MergedWithPrevious",
"invert":true}]},"decoder":{"type":"Metaspace","replacement":"_","prepend_scheme":"first",
"split":true},"model":{"type":"BPE","byte_fallback":true,"vocab":{"_":0,"a":1,"_a":2,"<0x0A>":3,
"b":4},"merges":["_ a"]}})",
};

struct NamedText {
  std::string_view name;
  std::string_view text;
};
using Folder = std::vector<NamedText>;

constexpr std::string_view kVocabulary = R"({"a":0,"b":1,"ab":2,"Ġ":3,"Ã":4,"©":5,"<s>":6})";

const Folder kFolders[] = {
    {{"vocab.json", kVocabulary},
     {"merges.txt", "#version: 0.2\r\na b\r\n"},
     {"tokenizer_config.json", R"({"tokenizer_class":"GPT2Tokenizer","add_prefix_space":true,
"eos_token":{"__type":"AddedToken","content":"<e>","lstrip":true},"bos_token":null,
"added_tokens_decoder":{"6":{"content":"<s>","special":true,"single_word":true},
"7":{"content":"é","normalized":true,"rstrip":true}},"extra_special_tokens":{"x_token":"b"}})"}},
    {{"vocab.json", kVocabulary},
     {"merges.txt", "a b\n"},
     {"tokenizer_config.json", R"({"additional_special_tokens":["<s>"],"pad_token":"<p>"})"},
     {"added_tokens.json", R"({"<p>":7,"<q>":8,"a":0})"},
     {"special_tokens_map.json", R"({"eos_token":{"content":"<q>"},"unk_token":null})"}},
    {{"tokenizer.json", kSeeds[0]},
     {"tokenizer_config.json", R"({"tokenizer_class":"Qwen2Tokenizer","pad_token":"<s>",
"added_tokens_decoder":{"7":{"content":"<t>","lstrip":true},"6":{"content":"\u00e9"}}})"}},
};

// What a mutation may put in: pieces of the syntax, of regular expressions, and numbers at limits.
constexpr std::string_view kFragments[] = {
    "{",        "}",         "[",        "]",        "\"",       ",",           ":",
    "null",     "true",      "-1",       "0",        "1e999",    "2.5",         "4294967296",
    "\"\"",     "\\u0000",   "\\ud800",  "\\\\p{L}", "(?=",      "(?i:",        "{1,9}",
    "*",        "+",         "|",        "\\\\s",    "[^",       "\xFF",        "\xC3",
    "\"a\":0,", "\"b\":7,",  "\"ab\"",   "a b",      "Isolated", "\"content\"", "\"vocab\"",
    "日",       "\\u0301",   "Sequence", "Fuse",     "Removed",  "\"never\"",   "ByteFallback",
    "<0xA9>",   "Metaspace", "_",        " ",
};

constexpr std::string_view kTexts[] = {"", "ab aba 's 12\n\n  é e\u0301<s> <s>x",
                                       "\xFF\xC3\u0301\u0327", "aaaaaaaaaaaaaaaaaaaaaaaaaa"};

// Each id is a token's, and decoding piece by piece gives what decoding at once gives.
void ExpectWorks(const Tokenizer& tokenizer, const std::string& json) {
  for (const std::string_view text : kTexts) {
    EncodeOptions options;
    options.add_special_tokens = true;
    const std::vector<int32_t> ids = tokenizer.Encode(text, options);
    StreamDecoder decoder(&tokenizer, /*skip_special=*/false);
    std::string streamed;
    for (const int32_t id : ids) {
      ASSERT_TRUE(id >= 0 && id < tokenizer.vocabulary_size()) << json;
      streamed += decoder.Add(id);
    }
    streamed += decoder.Finish();
    ASSERT_EQ(streamed, tokenizer.Decode(ids, /*skip_special=*/false)) << json;
    ASSERT_TRUE(simdjson::validate_utf8(streamed.data(), streamed.size())) << json;
  }
}

TEST(FuzzTokenizer, EndsInAnErrorOrAWorkingTokenizer) {
  std::mt19937 random(20240607);
  int accepted = 0;
  for (int i = 0; i < kIterations && !HasFatalFailure(); ++i) {
    const std::string json =
        base::MutateText(std::string(kSeeds[i % std::size(kSeeds)]), kFragments, &random);
    const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromJson(json, "f.json");
    if (tokenizer.ok()) {
      ++accepted;
      ExpectWorks(*tokenizer, json);
    } else {
      const std::string message(tokenizer.status().message());
      ASSERT_EQ(message.find("f.json: "), 0u) << message;
      ASSERT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
  // The mutations must not all be caught by the JSON parser, or nothing behind it is tested.
  EXPECT_GT(accepted, kIterations / 100);
  EXPECT_LT(accepted, kIterations);
}

class FuzzTokenizerFolder : public testing::Test {
 protected:
  // Writes the files, the one numbered `mutated` with `text` in place of its own.
  absl::StatusOr<Tokenizer> Load(const Folder& folder, size_t mutated, const std::string& text) {
    for (size_t i = 0; i < folder.size(); ++i) {
      std::ofstream(path_ / std::string(folder[i].name))
          << (i == mutated ? std::string_view(text) : folder[i].text);
    }
    return Tokenizer::Load(path_.string());
  }

  void Clear() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }

  std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) / "fuzz_folder";
};

TEST_F(FuzzTokenizerFolder, EndsInAnErrorOrAWorkingTokenizer) {
  std::mt19937 random(20250119);
  int accepted = 0, count = 0;
  for (const Folder& folder : kFolders) {
    Clear();
    const absl::StatusOr<Tokenizer> seed = Load(folder, folder.size(), "");
    ASSERT_TRUE(seed.ok()) << seed.status();
    ExpectWorks(*seed, "the seed");
    for (int i = 0; i < kFolderIterations && !HasFatalFailure(); ++i) {
      const size_t which = random() % folder.size();
      const std::string text =
          base::MutateText(std::string(folder[which].text), kFragments, &random);
      const absl::StatusOr<Tokenizer> tokenizer = Load(folder, which, text);
      ++count;
      if (tokenizer.ok()) {
        ++accepted;
        ExpectWorks(*tokenizer, text);
      } else {
        const std::string message(tokenizer.status().message());
        ASSERT_EQ(message.find(path_.string() + "/"), 0u) << message;
        ASSERT_EQ(message.find('\n'), std::string::npos) << message;
        ASSERT_TRUE(simdjson::validate_utf8(message.data(), message.size())) << message;
      }
    }
  }
  EXPECT_GT(accepted, count / 100);
  EXPECT_LT(accepted, count);
}

TEST(FuzzTokenizer, AcceptsTheSeeds) {
  for (const std::string_view seed : kSeeds) {
    const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromJson(seed, "f.json");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    ExpectWorks(*tokenizer, std::string(seed));
  }
}

}  // namespace
}  // namespace lluda::tokenizer
