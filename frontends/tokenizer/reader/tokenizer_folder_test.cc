// Tokenizer::Load on folders: which added tokens the files give together, and vocab.json with
// merges.txt. What is expected is what transformers' AutoTokenizer gave for the same files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

using testing::HasSubstr;
using Ids = std::vector<int32_t>;

// a 0, b 1, ab 2, x 3, blank 4, < 5, > 6; and the two bytes of é.
constexpr char kVocabulary[] =
    R"({"a": 0, "b": 1, "ab": 2, "x": 3, "Ġ": 4, "<": 5, ">": 6, "Ã": 7, "©": 8})";

std::string TokenizerJson(const std::string& added) {
  return std::string(R"({"added_tokens": [)") + added +
         R"(], "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "ByteLevel",
      "add_prefix_space": false, "use_regex": false}, "decoder": {"type": "ByteLevel"},
      "model": {"type": "BPE", "merges": ["a b"], "vocab": )" +
         kVocabulary + "}}";
}

constexpr char kOneToken[] = R"({"id": 9, "content": "<e>", "special": true})";

class TokenizerFolderTest : public testing::Test {
 protected:
  using Files = std::map<std::string, std::string>;

  // A new folder with these files.
  std::string Folder(const Files& files) {
    const std::filesystem::path folder =
        std::filesystem::path(testing::TempDir()) /
        testing::UnitTest::GetInstance()->current_test_info()->name() / std::to_string(count_++);
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    for (const auto& [name, text] : files) std::ofstream(folder / name) << text;
    return folder.string();
  }

  Tokenizer Load(const Files& files) {
    absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(Folder(files));
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return *std::move(tokenizer);
  }

  // The error, without the folder.
  std::string Refusal(const Files& files) {
    const std::string folder = Folder(files);
    const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Load(folder);
    if (tokenizer.ok()) return "accepted";
    const std::string message(tokenizer.status().message());
    EXPECT_EQ(message.find(folder + "/"), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message.substr(folder.size() + 1);
  }

  // tokenizer.json with <e>, and a config with these members.
  static Files With(const std::string& config, const std::string& added = kOneToken) {
    return {{"tokenizer.json", TokenizerJson(added)},
            {"tokenizer_config.json", "{" + config + "}"}};
  }
  static Files Fast(const std::string& config) {
    return With(R"("tokenizer_class": "PreTrainedTokenizerFast", )" + config);
  }
  static Files Qwen(const std::string& config) {
    return With(R"("tokenizer_class": "Qwen2Tokenizer", "eos_token": "<e>", "unk_token": null,
        "pad_token": "<e>", )" +
                config);
  }

  int count_ = 0;
};

TEST_F(TokenizerFolderTest, ATokenThatOnlyTheConfigListsIsAnAddedToken) {
  const Tokenizer tokenizer =
      Load(Qwen(R"("added_tokens_decoder": {"10": {"content": "<x>", "special": false},
          "9": {"content": "<e>", "special": true}, "11": {"content": "<y>", "special": true}})"));
  EXPECT_EQ(tokenizer.Encode("a<x>b<y>"), (Ids{0, 10, 1, 11}));
  EXPECT_FALSE(tokenizer.IsSpecial(10));
  EXPECT_TRUE(tokenizer.IsSpecial(11));
  EXPECT_EQ(tokenizer.Decode({0, 10, 11}), "a<x>");
}

TEST_F(TokenizerFolderTest, TheConfigMayFillAGapThatTokenizerJsonLeaves) {
  const Files files =
      With(R"("tokenizer_class": "Qwen2Tokenizer", "eos_token": "<f>", "unk_token": null,
          "pad_token": null, "added_tokens_decoder": {"9": {"content": "<e>"}})",
           R"({"id": 10, "content": "<f>", "special": true})");
  EXPECT_EQ(Load(files).Encode("<e><f>"), (Ids{9, 10}));
}

TEST_F(TokenizerFolderTest, TheFlagsOfAListedTokenCount) {
  const Tokenizer tokenizer =
      Load(Qwen(R"("added_tokens_decoder": {"10": {"content": "<x>", "lstrip": true},
          "11": {"content": "<y>", "rstrip": true}, "12": {"content": "xa", "single_word": true},
          "13": {"content": "e\u0301", "normalized": true},
          "14": {"content": "xe\u0301", "normalized": false}})"));
  EXPECT_EQ(tokenizer.Encode("a <x> b"), (Ids{0, 10, 4, 1}));
  EXPECT_EQ(tokenizer.Encode("a <y> b"), (Ids{0, 4, 11, 1}));
  EXPECT_EQ(tokenizer.Encode("xa axa"), (Ids{12, 4, 0, 3, 0}));
  EXPECT_EQ(tokenizer.Encode("a\u00E9"), (Ids{0, 13}));
  EXPECT_EQ(tokenizer.Encode("x\u00E9 xe\u0301"), (Ids{3, 13, 4, 14}));
}

TEST_F(TokenizerFolderTest, TheConfigsFlagsCountBeforeThoseOfTokenizerJson) {
  const Tokenizer tokenizer =
      Load(Fast(R"("added_tokens_decoder": {"9": {"content": "<e>", "lstrip": true}})"));
  EXPECT_EQ(tokenizer.Encode("a <e>"), (Ids{0, 9}));
  EXPECT_FALSE(tokenizer.IsSpecial(9));
}

TEST_F(TokenizerFolderTest, AListedTokenMayBeOneOfTheVocabulary) {
  const Tokenizer tokenizer =
      Load(Fast(R"("added_tokens_decoder": {"1": {"content": "b", "special": true}})"));
  EXPECT_EQ(tokenizer.Encode("ab"), (Ids{0, 1})) << "cut out before any merge";
  EXPECT_TRUE(tokenizer.IsSpecial(1));
  EXPECT_EQ(tokenizer.vocabulary_size(), 10);
}

TEST_F(TokenizerFolderTest, ATokenThatTheConfigLeavesOutStays) {
  EXPECT_EQ(Load(Fast(R"("added_tokens_decoder": {})")).Encode("a<e>"), (Ids{0, 9}));
}

TEST_F(TokenizerFolderTest, ATokenWithARoleIsSpecialAndGetsAnIdWhereItHasNone) {
  const Tokenizer tokenizer = Load(
      With(R"("tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<p>", "bos_token": "<s>",
          "image_token": "<i>", "eos_token": "<e>", "cls_token": "x", "sep_token": "",
          "mask_token": null, "add_bos_token": false)",
           R"({"id": 9, "content": "<e>", "special": false})"));
  EXPECT_EQ(tokenizer.Encode("<s><e><p><i>x"), (Ids{10, 9, 11, 12, 3}));
  for (const int32_t id : {3, 9, 10, 11, 12}) EXPECT_TRUE(tokenizer.IsSpecial(id)) << id;
}

TEST_F(TokenizerFolderTest, ATokenWithARoleMayHaveFlags) {
  const std::string token = R"("eos_token": {"__type": "AddedToken", "content": "<z>",
      "lstrip": true, "rstrip": false, "normalized": true, "single_word": false})";
  const Tokenizer fast = Load(Fast(token));
  EXPECT_EQ(fast.Encode("a <z> b"), (Ids{0, 10, 4, 1}));
  EXPECT_TRUE(fast.IsSpecial(10));
  const Tokenizer qwen = Load(With(R"("tokenizer_class": "Qwen2Tokenizer", "unk_token": null,
      "pad_token": null, )" + token));
  EXPECT_EQ(qwen.Encode("a <z> b"), (Ids{0, 4, 10, 4, 1})) << "this class takes no flags";
}

TEST_F(TokenizerFolderTest, Qwen2TokenizerHasAnEndOfTextUnlessTheConfigNamesOthers) {
  EXPECT_EQ(Load(With(R"("tokenizer_class": "Qwen2TokenizerFast")")).Encode("<|endoftext|>"),
            (Ids{10}));
  EXPECT_EQ(Load(With("")).Encode("<|endoftext|>"), (Ids{10})) << "the class of Qwen3";
  EXPECT_GT(Load(Qwen(R"("add_bos_token": true)")).Encode("<|endoftext|>").size(), 1u);
  EXPECT_GT(Load({{"tokenizer.json", TokenizerJson("")}}).Encode("<|endoftext|>").size(), 1u);
}

TEST_F(TokenizerFolderTest, ExtraSpecialTokensAreAListOrHaveNames) {
  for (const char* list :
       {R"("additional_special_tokens": ["<z>", "x", "<e>"])",
        R"("extra_special_tokens": ["<z>", "x", "<e>"])",
        R"("extra_special_tokens": [], "additional_special_tokens": ["<z>", "x"])",
        R"("extra_special_tokens": {"first": "<z>", "second": "x"})",
        R"("extra_special_tokens": [{"__type": "AddedToken", "content": "<z>", "special": true},
            "x"])"}) {
    const Tokenizer tokenizer = Load(Qwen(list));
    EXPECT_EQ(tokenizer.Encode("a<z>x"), (Ids{0, 10, 3})) << list;
    EXPECT_TRUE(tokenizer.IsSpecial(10) && tokenizer.IsSpecial(3)) << list;
  }
  const Tokenizer both =
      Load(Qwen(R"("extra_special_tokens": ["<z>"], "additional_special_tokens": ["<w>"])"));
  EXPECT_EQ(both.TokenToId("<z>"), 10);
  EXPECT_EQ(both.TokenToId("<w>"), std::nullopt) << "the newer name counts";
}

TEST_F(TokenizerFolderTest, OlderFilesCountWhereTheConfigListsNoTokens) {
  Files files = Qwen(R"("model_max_length": 7)");
  files["added_tokens.json"] = R"({"<x>": 10, "<y>": 11, "<e>": 9})";
  files["special_tokens_map.json"] =
      R"({"pad_token": {"content": "<y>", "lstrip": false}, "additional_special_tokens": ["<z>"]})";
  const Tokenizer tokenizer = Load(files);
  EXPECT_EQ(tokenizer.Encode("<x><y><z><e>"), (Ids{10, 11, 12, 9}));
  EXPECT_FALSE(tokenizer.IsSpecial(10));
  EXPECT_TRUE(tokenizer.IsSpecial(11));
  EXPECT_TRUE(tokenizer.IsSpecial(12));

  files["tokenizer_config.json"] = R"({"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<e>",
      "unk_token": null, "pad_token": null, "added_tokens_decoder": {"9": {"content": "<e>"}}})";
  EXPECT_EQ(Load(files).vocabulary_size(), 10);
}

TEST_F(TokenizerFolderTest, APrefixSpaceIsTheConfigsForTheClassesThatAreBuiltFromIt) {
  EXPECT_EQ(Load(Qwen(R"("add_prefix_space": true)")).Encode("a"), (Ids{4, 0}));
  EXPECT_EQ(Load(Fast(R"("add_prefix_space": true)")).Encode("a"), (Ids{0}));
}

TEST_F(TokenizerFolderTest, SettingsThatChangeNoIdsAreIgnored) {
  const Tokenizer tokenizer = Load(
      Qwen(R"("add_bos_token": true, "add_eos_token": true, "bos_token": "<e>", "errors": "strict",
          "clean_up_tokenization_spaces": true, "model_max_length": 1e30, "padding_side": "left",
          "split_special_tokens": false, "auto_map": {"AutoTokenizer": ["a", null]},
          "fast_tokenizer_files": ["tokenizer.json"], "unknown_setting": {"x": [1]})"));
  EXPECT_EQ(tokenizer.Encode("a<e>"), (Ids{0, 9}));
}

TEST_F(TokenizerFolderTest, ATokenThatTheVocabularyHasKeepsItsIdThere) {
  // As in transformers' AutoTokenizer, for tokens of both kinds.
  const Tokenizer tokenizer =
      Load(Qwen(R"("added_tokens_decoder": {"10": {"content": "<e>"}, "700": {"content": "a"}})"));
  EXPECT_EQ(tokenizer.Encode("a<e>"), (Ids{0, 9}));
}

TEST_F(TokenizerFolderTest, WhatContradictsItselfOrIsNotSupportedIsRefused) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"("added_tokens_decoder": {"9": {"content": "<f>"}})",
       R"(field 'added_tokens_decoder["9"]': "<f>": id 9 is that of "<e>")"},
      {R"("added_tokens_decoder": {"12": {"content": "<f>"}})",
       R"(field 'added_tokens_decoder["12"]': "<f>": id 12 leaves a gap, as there are 11 tokens)"},
      {R"("added_tokens_decoder": {"x": {"content": "<f>"}})",
       R"(field 'added_tokens_decoder["x"]': the key is not an integer from 0 to 2147483647)"},
      {R"("added_tokens_decoder": {"-1": {"content": "<f>"}})",
       R"(field 'added_tokens_decoder["-1"]': the key is not an integer from 0 to 2147483647)"},
      {R"("added_tokens_decoder": {"10": {"content": ""}})",
       R"(field 'added_tokens_decoder["10"].content' is empty)"},
      {R"("added_tokens_decoder": {"10": {}})",
       R"(field 'added_tokens_decoder["10"].content' is missing)"},
      {R"("added_tokens_decoder": {"10": {"content": "<f>", "lstrip": 1}})",
       R"(field 'added_tokens_decoder["10"].lstrip' must be true or false, is 1)"},
      {R"("added_tokens_decoder": {"10": "<f>"})",
       R"(field 'added_tokens_decoder["10"]' must be an object, is a string)"},
      {R"("added_tokens_decoder": [])",
       "field 'added_tokens_decoder' must be an object, is a list"},
      {R"("eos_token": 7)", "field 'eos_token' must be a string, is 7"},
      {R"("additional_special_tokens": "<f>")",
       "field 'additional_special_tokens' must be a list, is a string"},
      {R"("extra_special_tokens": ["<f>", 7])",
       "field 'extra_special_tokens[1]' must be a string, is 7"},
      {R"("tokenizer_class": 7)", "field 'tokenizer_class' must be a string, is 7"},
      {R"("add_prefix_space": "no")",
       "field 'add_prefix_space' must be true or false, is a string"},
      {R"("split_special_tokens": true)",
       "field 'split_special_tokens': true is not supported: special tokens are always recognised "
       "in a text"},
      {R"("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": true)",
       "field 'clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output': true is "
       "not supported: decoded text is never changed"},
      {R"("fast_tokenizer_files": ["tokenizer.4.0.0.json"])",
       R"(field 'fast_tokenizer_files': "tokenizer.4.0.0.json" is not supported)"},
  };
  for (const auto& [config, message] : kCases) {
    EXPECT_EQ(Refusal(With(config)), std::string("tokenizer_config.json: ") + message);
  }
  EXPECT_THAT(Refusal(Fast(R"("added_tokens_decoder": {"1": {"content": "<f>"}})")),
              HasSubstr("share id 1"));
  EXPECT_EQ(Refusal(With("", R"({"id": 9, "content": "<e>"}, {"id": 9, "content": "<f>"})")),
            "tokenizer.json: field 'model.vocab': tokens \"<e>\" and \"<f>\" share id 9");
}

TEST_F(TokenizerFolderTest, FilesThatAreNoObjectsAreRefused) {
  for (const char* name :
       {"tokenizer_config.json", "added_tokens.json", "special_tokens_map.json"}) {
    Files files = {{"tokenizer.json", TokenizerJson(kOneToken)}};
    files[name] = "[]";
    EXPECT_EQ(Refusal(files), std::string(name) + ": must be a JSON object, is a list");
    files[name] = "{";
    EXPECT_THAT(Refusal(files), testing::StartsWith(std::string(name) + ": is not valid JSON: "));
  }
  Files files = {{"tokenizer.json", TokenizerJson(kOneToken)}};
  files["added_tokens.json"] = R"({"<f>": "10"})";
  EXPECT_EQ(Refusal(files),
            "added_tokens.json: field '[\"<f>\"]' must be a non-negative integer, is a string");
  files["added_tokens.json"] = R"({"<f>": 20})";
  EXPECT_EQ(
      Refusal(files),
      "added_tokens.json: field '[\"<f>\"]': \"<f>\": id 20 leaves a gap, as there are 11 tokens");
}

// --- vocab.json and merges.txt ---

std::map<std::string, std::string> Pair(const std::string& merges, const std::string& config = "") {
  return {{"vocab.json", kVocabulary},
          {"merges.txt", merges},
          {"tokenizer_config.json", "{" + config + "}"}};
}

TEST_F(TokenizerFolderTest, VocabularyAndMergesMakeAQwen2Tokenizer) {
  const Tokenizer tokenizer = Load(Pair("#version: 0.2\na b\n"));
  EXPECT_EQ(tokenizer.Encode("ab a"), (Ids{2, 4, 0}));
  EXPECT_EQ(tokenizer.Encode("e\u0301"), (Ids{7, 8})) << "NFC";
  EXPECT_EQ(tokenizer.Encode("x<|endoftext|>"), (Ids{3, 9}));
  EXPECT_TRUE(tokenizer.IsSpecial(9));
  EXPECT_EQ(Load({{"vocab.json", kVocabulary}, {"merges.txt", "a b"}}).Encode("ab"), (Ids{2}));
}

TEST_F(TokenizerFolderTest, VocabularyAndMergesAreSplitAsTheClassDoes) {
  const std::string vocabulary = R"({"1": 0, "2": 1, "12": 2, "e": 3})";
  const auto encode = [&](const char* name, const char* text) {
    return Load({{"vocab.json", vocabulary},
                 {"merges.txt", "1 2\n"},
                 {"tokenizer_config.json", std::string(R"({"tokenizer_class": ")") + name + "\"}"}})
        .Encode(text);
  };
  EXPECT_EQ(encode("Qwen2Tokenizer", "12"), (Ids{0, 1})) << "digits one by one";
  EXPECT_EQ(encode("GPT2Tokenizer", "12"), (Ids{2}));
  EXPECT_EQ(encode("Qwen2TokenizerFast", "e\u0301"), (Ids{})) << "composed, and no such bytes";
  EXPECT_EQ(encode("GPT2TokenizerFast", "e\u0301"), (Ids{3})) << "no normalisation";
}

TEST_F(TokenizerFolderTest, MergesMayEndLinesAsTheyLikeAndLackTheHeader) {
  for (const char* merges :
       {"a b\n", "a b", "#version: 0.2\r\na b\r\n", "\xEF\xBB\xBF#version\na b", "a b\n\n",
        "a b\n#version: 0.2\n", "\na b\na b\n"}) {
    EXPECT_EQ(Load(Pair(merges)).Encode("ab"), (Ids{2})) << merges;
  }
  EXPECT_EQ(Load(Pair("")).Encode("ab"), (Ids{0, 1}));
}

TEST_F(TokenizerFolderTest, TheConfigsTokensAreAddedToVocabularyAndMergesToo) {
  const Tokenizer listed = Load(
      Pair("a b\n", R"("tokenizer_class": "Qwen2Tokenizer", "eos_token": "<f>", "pad_token": null,
          "unk_token": null, "add_prefix_space": true, "added_tokens_decoder": {
          "9": {"content": "<e>"}, "10": {"content": "<f>", "special": true}})"));
  EXPECT_EQ(listed.Encode("ab<e>b<f>"), (Ids{4, 2, 9, 4, 1, 10}));
  auto files = Pair("a b\n", R"("eos_token": "<f>")");
  files["added_tokens.json"] = R"({"<e>": 9, "<f>": 10, "<|endoftext|>": 11})";
  EXPECT_EQ(Load(files).Encode("ab<e><f><|endoftext|>"), (Ids{2, 9, 10, 11}));
}

TEST_F(TokenizerFolderTest, ASentencePieceModelAloneIsRefusedWithTheWayOut) {
  EXPECT_THAT(Refusal({{"tokenizer.model", "x"}}),
              testing::StartsWith("tokenizer.model: is not supported without a tokenizer.json"));
}

TEST_F(TokenizerFolderTest, TokenizerJsonWinsOverVocabularyAndMerges) {
  auto files = With("");
  files["vocab.json"] = "no JSON at all";
  files["merges.txt"] = "no merge";
  EXPECT_EQ(Load(files).Encode("ab<e>"), (Ids{2, 9}));
}

TEST_F(TokenizerFolderTest, ABadVocabularyOrMergeIsNamed) {
  const std::pair<const char*, const char*> kMerges[] = {
      {"#version: 0.2\na b c\n", "2: \"a b c\" is not two tokens with one space"},
      {"a b\r\n\r\nab\r\n", "3: \"ab\" is not two tokens with one space"},
      {"a b \n", "1: \"a b \" is not two tokens with one space"},
      {"a\tb", "1: \"a\\tb\" is not two tokens with one space"},
      {"# a comment", "1: \"# a comment\" is not two tokens with one space"},
      {"a b\nz b\n", "2: token \"z\" is not in the vocabulary"},
      {"a b\nb a\n", "2: token \"ba\" is not in the vocabulary"},
      {"\xFF b\n", "1: token \"\uFFFD\" is not in the vocabulary"},
  };
  for (const auto& [merges, message] : kMerges) {
    EXPECT_EQ(Refusal(Pair(merges)), std::string("merges.txt:") + message);
  }
  EXPECT_EQ(Refusal({{"vocab.json", "[]"}, {"merges.txt", ""}}),
            "vocab.json: must be a JSON object, is a list");
  EXPECT_EQ(Refusal({{"vocab.json", R"({"a": "0"})"}, {"merges.txt", ""}}),
            "vocab.json: field '[\"a\"]' must be a non-negative integer, is a string");
  EXPECT_EQ(Refusal({{"vocab.json", kVocabulary}}), "merges.txt: no such file");
  EXPECT_EQ(Refusal({{"merges.txt", ""}}),
            "tokenizer.json: no such file, nor vocab.json and merges.txt");
}

TEST_F(TokenizerFolderTest, VocabularyAndMergesOfAnotherClassAreRefused) {
  for (const char* name : {"PreTrainedTokenizerFast", "LlamaTokenizer", "BertTokenizer"}) {
    EXPECT_EQ(Refusal(Pair("a b\n", std::string(R"("tokenizer_class": ")") + name + "\"")),
              std::string("tokenizer_config.json: field 'tokenizer_class': \"") + name +
                  "\" is not supported without a tokenizer.json");
  }
  for (const char* flag : {"add_bos_token", "add_eos_token"}) {
    EXPECT_EQ(Refusal(Pair("a b\n", std::string("\"") + flag + "\": true")),
              std::string("tokenizer_config.json: field '") + flag +
                  "': true is not supported: no token is added to a text without a tokenizer.json");
  }
}

// What a bundle stores of a tokenizer is all of it.
TEST_F(TokenizerFolderTest, TheTablesHoldTheConfigsTokens) {
  const Tokenizer original =
      Load(Qwen(R"("added_tokens_decoder": {"10": {"content": "<x>", "lstrip": true}},
          "extra_special_tokens": ["<z>"])"));
  const absl::StatusOr<Tokenizer> copy = Tokenizer::FromTables(original.Tables());
  ASSERT_TRUE(copy.ok()) << copy.status();
  const Ids ids = original.Encode("a <x><z><e>");
  EXPECT_EQ(ids, (Ids{0, 10, 11, 9}));
  EXPECT_EQ(copy->Encode("a <x><z><e>"), ids);
  EXPECT_EQ(copy->Decode(ids), original.Decode(ids));
}

// As a download that was broken off leaves it: the hub's cache is made of links.
TEST_F(TokenizerFolderTest, ALinkThatLeadsNowhereIsNotAFileLeftOut) {
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"}) {
    Files files = {{"tokenizer.json", TokenizerJson(kOneToken)},
                   {"vocab.json", kVocabulary},
                   {"merges.txt", "a b\n"}};
    files.erase(name);
    const std::string folder = Folder(files);
    const std::string link = folder + "/" + name;
    std::filesystem::create_symlink("nowhere", link);
    EXPECT_EQ(Tokenizer::Load(folder).status().message(),
              link + ": links to a file that is not there");
    std::filesystem::remove(link);
    std::filesystem::create_symlink(name, link);
    EXPECT_EQ(Tokenizer::Load(folder).status().message(),
              link + ": cannot be opened: Too many levels of symbolic links");
  }
}

}  // namespace
}  // namespace lluda::tokenizer
