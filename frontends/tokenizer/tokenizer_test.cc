#include "frontends/tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "frontends/tokenizer/stream_decoder.h"

namespace lluda::tokenizer {
namespace {

using Ids = std::vector<int32_t>;

// A small tokenizer: the parts of a tokenizer.json that a test may replace.
struct Parts {
  std::string vocab = R"({"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "Ġ": 5, "Ã": 6, "©": 7})";
  std::string merges = R"(["a b", "ab c"])";
  std::string model_extra;
  std::string added = "[]";
  std::string normalizer = "null";
  std::string pre_tokenizer =
      R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})";
  std::string post_processor = "null";
  std::string decoder = R"({"type": "ByteLevel"})";
  std::string type = "BPE";

  std::string Json() const {
    return "{\"added_tokens\": " + added + ", \"normalizer\": " + normalizer +
           ", \"pre_tokenizer\": " + pre_tokenizer + ", \"post_processor\": " + post_processor +
           ", \"decoder\": " + decoder + ", \"model\": {\"type\": \"" + type + "\", " +
           model_extra + "\"vocab\": " + vocab + ", \"merges\": " + merges + "}}";
  }
};

Tokenizer Make(const Parts& parts) {
  absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromJson(parts.Json(), "t.json");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

std::string Refusal(const Parts& parts) {
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromJson(parts.Json(), "t.json");
  return tokenizer.ok() ? "accepted" : std::string(tokenizer.status().message());
}

TEST(Tokenizer, AppliesMergesByRank) {
  EXPECT_EQ(Make({}).Encode("abcab"), (Ids{4, 3}));
  Parts other_order;
  other_order.vocab = R"({"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4})";
  other_order.merges = R"(["b c", "a b"])";
  EXPECT_EQ(Make(other_order).Encode("abc"), (Ids{0, 4}));
}

TEST(Tokenizer, MergesTheLeftmostOfEqualPairsFirst) {
  Parts parts;
  parts.vocab = R"({"a": 0, "aa": 1})";
  parts.merges = R"(["a a"])";
  EXPECT_EQ(Make(parts).Encode("aaaaa"), (Ids{1, 1, 0}));
}

TEST(Tokenizer, ReadsMergesAsPairsToo) {
  Parts parts;
  parts.merges = R"([["a", "b"], ["ab", "c"]])";
  EXPECT_EQ(Make(parts).Encode("abcab"), (Ids{4, 3}));
}

TEST(Tokenizer, TakesAWholePieceFirstWhereMergesAreIgnored) {
  Parts parts;
  parts.merges = "[]";
  parts.model_extra = R"("ignore_merges": true, )";
  EXPECT_EQ(Make(parts).Encode("abc"), (Ids{4}));
  EXPECT_EQ(Make(parts).Encode("abca"), (Ids{0, 1, 2, 0}));
}

TEST(Tokenizer, DropsAByteWithoutATokenUnlessThereIsAnUnknownToken) {
  EXPECT_EQ(Make({}).Encode("axxb"), (Ids{3})) << "as Hugging Face: a and b become neighbours";
  Parts parts;
  parts.vocab = R"({"a": 0, "b": 1, "?": 2, "ab": 3})";
  parts.merges = R"(["a b"])";
  parts.model_extra = R"("unk_token": "?", )";
  EXPECT_EQ(Make(parts).Encode("axxb"), (Ids{0, 2, 2, 1}));
  parts.model_extra += R"("fuse_unk": true, )";
  EXPECT_EQ(Make(parts).Encode("axxb"), (Ids{0, 2, 1}));
}

TEST(Tokenizer, PrependsABlankWhereTheFileSaysSo) {
  Parts parts;
  parts.pre_tokenizer = R"({"type": "ByteLevel", "use_regex": true})";
  EXPECT_EQ(Make(parts).Encode("ab a"), (Ids{5, 3, 5, 0}));
  EXPECT_EQ(Make(parts).Encode(" ab"), (Ids{5, 3}));
}

TEST(Tokenizer, SplitsByGpt2sExpressionOnlyWithUseRegex) {
  Parts parts;
  parts.vocab = R"({"a": 0, "Ġ": 1, "aĠ": 2})";
  parts.merges = R"(["a Ġ"])";
  EXPECT_EQ(Make(parts).Encode("a a"), (Ids{2, 0}));
  parts.pre_tokenizer = R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})";
  EXPECT_EQ(Make(parts).Encode("a a"), (Ids{0, 1, 0}));
}

TEST(Tokenizer, RunsTheStepsOfASequenceInTurn) {
  Parts parts;
  parts.vocab = R"({"1": 0, "2": 1, "12": 2, "-": 3, "--": 4})";
  parts.merges = R"(["1 2", "- -"])";
  const std::string byte_level =
      R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";
  parts.pre_tokenizer =
      R"({"type": "Sequence", "pretokenizers": [)"
      R"({"type": "Digits", "individual_digits": true}, )"
      R"({"type": "Split", "pattern": {"String": "-"}, "behavior": "Isolated"}, )" +
      byte_level;
  EXPECT_EQ(Make(parts).Encode("12--"), (Ids{0, 1, 3, 3}));
  parts.pre_tokenizer =
      R"({"type": "Sequence", "pretokenizers": [{"type": "Digits"}, )" + byte_level;
  EXPECT_EQ(Make(parts).Encode("12--"), (Ids{2, 4}));
}

TEST(Tokenizer, NormalisesOnlyWhereTheFileSaysSo) {
  Parts parts;
  EXPECT_EQ(Make(parts).Encode("a\u0301"), (Ids{0})) << "the bytes of the mark have no token";
  parts.normalizer = R"({"type": "Sequence", "normalizers": [{"type": "NFC"}]})";
  parts.vocab = R"({"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "Ã": 5, "¡": 6})";
  EXPECT_EQ(Make(parts).Encode("a\u0301"), (Ids{5, 6}));
}

TEST(Tokenizer, PrependsAndReplacesWhereTheFileSaysSo) {
  Parts parts;
  parts.normalizer = R"({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "c"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "ab"}]})";
  parts.added = R"([{"id": 8, "content": "<s>", "normalized": false}])";
  EXPECT_EQ(Make(parts).Encode("b "), (Ids{2, 1, 3}));
  EXPECT_EQ(Make(parts).Encode(""), (Ids{}));
  EXPECT_EQ(Make(parts).Encode("<s>b"), (Ids{8, 2, 1})) << "each stretch of text has its own";
}

TEST(Tokenizer, WorksOnCharactersWithoutByteLevel) {
  Parts parts;
  parts.vocab = R"({"<u>": 0, "é": 1, "a": 2, "éa": 3, "<0xE6>": 4, "<0x97>": 5, "<0xA5>": 6})";
  parts.merges = R"(["é a"])";
  parts.pre_tokenizer = "null";
  parts.decoder =
      R"({"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]})";
  EXPECT_EQ(Make(parts).Encode("éa日"), (Ids{3})) << "what has no token is left out";
  parts.model_extra = R"("byte_fallback": true, )";
  EXPECT_EQ(Make(parts).Encode("éa日本"), (Ids{3, 4, 5, 6})) << "all bytes of a character, or none";
  EXPECT_EQ(Make(parts).Decode({3, 4, 5, 6}), "éa日");
  parts.model_extra += R"("unk_token": "<u>", "fuse_unk": true, )";
  EXPECT_EQ(Make(parts).Encode("本本日本a"), (Ids{4, 5, 6, 0, 2}))
      << "as Hugging Face: bytes overtake an unknown token, which goes on behind them";
}

TEST(Tokenizer, NeverMakesAnAddedTokenOfTextThatIsNotParsed) {
  Parts parts;
  parts.added = R"([{"id": 8, "content": "ca", "special": true}])";
  parts.model_extra = R"("ignore_merges": true, )";
  EncodeOptions options;
  options.parse_special = false;
  EXPECT_EQ(Make(parts).Encode("ca", options), (Ids{2, 0}));
}

TEST(Tokenizer, PutsTheTemplatesTokensAroundATextOnRequest) {
  Parts parts;
  parts.added = R"([{"id": 8, "content": "<s>", "special": true}])";
  parts.post_processor = R"({"type": "Sequence", "processors": [{"type": "ByteLevel"},
      {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
      {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "x", "type_id": 0}}],
      "special_tokens": {"<s>": {"ids": [8]}, "x": {"ids": [0, 1]}}}]})";
  EncodeOptions options;
  options.add_special_tokens = true;
  EXPECT_EQ(Make(parts).Encode("c", options), (Ids{8, 2, 0, 1}));
  EXPECT_EQ(Make(parts).Encode("c"), (Ids{2}));
}

TEST(Tokenizer, FindsNormalizedTokensInTheNormalisedTextOnly) {
  Parts parts;
  parts.normalizer = R"({"type": "NFC"})";
  parts.added = R"([{"id": 8, "content": "e\u0301", "normalized": true, "special": false}])";
  EXPECT_EQ(Make(parts).Encode("aéb e\u0301"), (Ids{0, 8, 1, 5, 8}));
  parts.added = R"([{"id": 8, "content": "e\u0301", "normalized": false, "special": false}])";
  EXPECT_EQ(Make(parts).Encode("aéb e\u0301"), (Ids{0, 6, 7, 1, 5, 8}));
}

TEST(Tokenizer, MayAddATokenThatTheModelHas) {
  Parts parts;
  parts.added = R"([{"id": 4, "content": "abc", "special": true}])";
  const Tokenizer tokenizer = Make(parts);
  EXPECT_EQ(tokenizer.vocabulary_size(), 8);
  EXPECT_TRUE(tokenizer.IsSpecial(4));
  EXPECT_EQ(tokenizer.Decode({4, 0}), "a");
  EXPECT_EQ(tokenizer.Decode({4, 0}, /*skip_special=*/false), "abca");
}

TEST(Tokenizer, ReadsInvalidUtf8AsReplacementCharacters) {
  Parts parts;
  parts.vocab = R"({"ï": 0, "¿": 1, "½": 2})";
  parts.merges = "[]";
  EXPECT_EQ(Make(parts).Encode("\xFF"), (Ids{0, 1, 2}));
  EXPECT_EQ(Make(parts).Encode("\xE6\x97"), (Ids{0, 1, 2}));
}

TEST(Tokenizer, DecodesBytesThatFormNoCharacterToReplacementCharacters) {
  EXPECT_EQ(Make({}).Decode({0, 6, 7, 7, 6}), "aé\uFFFD\uFFFD");
}

TEST(TokenizerTables, MakeATokenizerThatGivesTheSame) {
  Parts parts;
  parts.vocab = R"({"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "Ġ": 5, "Ã": 6, "©": 7, "<u>": 8})";
  parts.added = R"([{"id": 9, "content": "<s>", "special": true, "rstrip": true}])";
  parts.normalizer = R"({"type": "Sequence", "normalizers": [{"type": "NFC"},
      {"type": "Replace", "pattern": {"String": "zz"}, "content": "c"}]})";
  parts.model_extra = R"("unk_token": "<u>", )";
  parts.pre_tokenizer = R"({"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"String": "ca"}, "behavior": "Isolated"},
      {"type": "Split", "pattern": {"Regex": "b+"}, "behavior": "Isolated"},
      {"type": "ByteLevel", "add_prefix_space": true, "use_regex": true}]})";
  const Tokenizer original = Make(parts);
  const auto copy = Tokenizer::FromTables(original.Tables());
  ASSERT_TRUE(copy.ok()) << copy.status();
  for (const char* text : {"abc", "abcabc abb", "e\u0301 é", "a<s>  b", "zz<s>", "caca"}) {
    const Ids ids = original.Encode(text);
    EXPECT_EQ(copy->Encode(text), ids) << text;
    EXPECT_EQ(copy->Decode(ids), original.Decode(ids)) << text;
  }
  EXPECT_EQ(copy->TokenToId("<s>"), 9);
  EXPECT_TRUE(copy->IsSpecial(9));
}

TEST(TokenizerTables, AreRefusedWhereTheyDoNotFitTogether) {
  const Tokenizer original = Make({});
  const auto refusal = [](const TokenizerTables& tables) {
    const auto tokenizer = Tokenizer::FromTables(tables);
    return tokenizer.ok() ? "accepted" : std::string(tokenizer.status().message());
  };
  const TokenizerTables good = original.Tables();
  TokenizerTables bad = good;
  bad.vocabulary.text = bad.vocabulary.text.subspan(1);
  EXPECT_EQ(refusal(bad), "the tokens' offsets do not fit their text");
  std::vector<uint32_t> offsets(good.vocabulary.offsets.begin(), good.vocabulary.offsets.end());
  std::swap(offsets[1], offsets[4]);
  bad = good;
  bad.vocabulary.offsets = offsets;
  EXPECT_EQ(refusal(bad), "the tokens' offsets do not fit their text");
  const std::vector<int32_t> full(good.vocabulary.slots.size(), 0);
  bad = good;
  bad.vocabulary.slots = full;  // a search would never end
  EXPECT_EQ(refusal(bad), "the tokens' hash table does not fit them");
  std::vector<MergeSlot> merges(good.merges.begin(), good.merges.end());
  for (MergeSlot& slot : merges) slot.merged = slot.merged < 0 ? -1 : 99;
  bad = good;
  bad.merges = merges;
  EXPECT_EQ(refusal(bad), "the table of merges does not fit the vocabulary");
  bad = good;
  bad.pretokenizer = {SplitStep{true, "("}};
  EXPECT_NE(refusal(bad), "accepted");
  bad = good;
  bad.normalizer = {ReplaceStep{}};
  EXPECT_EQ(refusal(bad), "the pattern is empty");
  bad = good;
  bad.decoder = {FuseStep{}, ByteFallbackDecoding{}};
  EXPECT_EQ(refusal(bad), "ByteFallback after Fuse is not supported");
  bad = good;
  bad.frame.after = {99};
  EXPECT_EQ(refusal(bad), "a token around texts is outside the vocabulary");
  bad = good;
  bad.vocabulary.offsets = {};
  EXPECT_EQ(refusal(bad), "the tokens' offsets do not fit their text");
}

TEST(StreamDecoder, HoldsACharacterBackUntilItIsWhole) {
  const Tokenizer tokenizer = Make({});
  StreamDecoder decoder(&tokenizer);
  EXPECT_EQ(decoder.Add(0), "a");
  EXPECT_EQ(decoder.Add(6), "");
  EXPECT_EQ(decoder.Add(7), "é");
  EXPECT_EQ(decoder.Add(6), "");
  EXPECT_EQ(decoder.Add(1), "\uFFFDb");
  EXPECT_EQ(decoder.Add(6), "");
  EXPECT_EQ(decoder.Finish(), "\uFFFD");
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(StreamDecoder, SkipsSpecialTokensOnRequest) {
  Parts parts;
  parts.added = R"([{"id": 8, "content": "<s>", "special": true}])";
  const Tokenizer tokenizer = Make(parts);
  EXPECT_EQ(StreamDecoder(&tokenizer).Add(8), "");
  EXPECT_EQ(StreamDecoder(&tokenizer, /*skip_special=*/false).Add(8), "<s>");
}

struct BadFile {
  const char* name;
  std::string Parts::* part;
  const char* value;
  const char* message;
};

class BadFileTest : public testing::TestWithParam<BadFile> {};

TEST_P(BadFileTest, IsRefusedWithTheFileTheFieldAndTheReason) {
  Parts parts;
  parts.*GetParam().part = GetParam().value;
  EXPECT_EQ(Refusal(parts), std::string("t.json: ") + GetParam().message);
}

const BadFile kBadFiles[] = {
    {"IdGap", &Parts::vocab, R"({"a": 0, "b": 2})",
     "field 'model.vocab': token \"b\" has id 2, but 2 tokens without a gap have the ids 0 to 1"},
    {"HugeId", &Parts::vocab, R"({"a": 4294967296})",
     "field 'model.vocab[\"a\"]' must be a non-negative integer of at most 2147483647, is "
     "4294967296"},
    {"NegativeId", &Parts::vocab, R"({"a": -1})",
     "field 'model.vocab[\"a\"]' must be a non-negative integer, is -1"},
    {"FractionalId", &Parts::vocab, R"({"a": 0.5})",
     "field 'model.vocab[\"a\"]' must be a non-negative integer, is 0.5"},
    {"SharedId", &Parts::vocab, R"({"a": 0, "b": 0})",
     "field 'model.vocab': tokens \"a\" and \"b\" share id 0"},
    {"DuplicateToken", &Parts::vocab, R"({"a": 0, "a": 1})",
     "field 'model.vocab': token \"a\" is listed twice"},
    {"VocabularyType", &Parts::vocab, "[]", "field 'model.vocab' must be an object, is a list"},
    {"MergesType", &Parts::merges, "{}", "field 'model.merges' must be a list, is an object"},
    {"MergeUnknownLeft", &Parts::merges, R"(["a b", "x b"])",
     "field 'model.merges[1]': token \"x\" is not in the vocabulary"},
    {"MergeUnknownRight", &Parts::merges, R"([["a", "y"]])",
     "field 'model.merges[0]': token \"y\" is not in the vocabulary"},
    {"MergeUnknownResult", &Parts::merges, R"(["b a"])",
     "field 'model.merges[0]': token \"ba\" is not in the vocabulary"},
    {"MergeWithoutBlank", &Parts::merges, R"(["ab"])",
     "field 'model.merges[0]': \"ab\" is not two tokens with one space"},
    {"MergeTwoBlanks", &Parts::merges, R"(["a b c"])",
     "field 'model.merges[0]': \"a b c\" is not two tokens with one space"},
    {"MergeTriple", &Parts::merges, R"([["a", "b", "c"]])",
     "field 'model.merges[0]' is not a pair of two strings"},
    {"MergeNumber", &Parts::merges, "[7]", "field 'model.merges[0]' must be a list, is 7"},
    {"MergePairOfNumbers", &Parts::merges, "[[1, 2]]",
     "field 'model.merges[0]' is not a pair of two strings"},
    {"ModelType", &Parts::type, "WordPiece", "field 'model': type \"WordPiece\" is not supported"},
    {"Unigram", &Parts::type, "Unigram", "field 'model': type \"Unigram\" is not supported"},
    {"Dropout", &Parts::model_extra, R"("dropout": 0.1, )",
     "field 'model.dropout': dropout is not supported"},
    {"SubwordPrefix", &Parts::model_extra, R"("continuing_subword_prefix": "##", )",
     "field 'model.continuing_subword_prefix': \"##\" is not supported"},
    {"UnknownUnknown", &Parts::model_extra, R"("unk_token": "<unk>", )",
     "field 'model.unk_token': token \"<unk>\" is unknown"},
    {"FlagType", &Parts::model_extra, R"("ignore_merges": 1, )",
     "field 'model.ignore_merges' must be true or false, is 1"},
    {"AddedEmpty", &Parts::added, R"([{"id": 8, "content": ""}])",
     "field 'added_tokens[0].content' is empty"},
    {"AddedTwice", &Parts::added, R"([{"id": 8, "content": "x"}, {"id": 9, "content": "x"}])",
     "field 'added_tokens[1]': \"x\" is listed twice"},
    {"AddedWithAnotherId", &Parts::added, R"([{"id": 8, "content": "abc"}])",
     "field 'model.vocab': token \"abc\" is listed twice"},
    {"AddedGap", &Parts::added, R"([{"id": 100, "content": "x"}])",
     "field 'model.vocab': token \"x\" has id 100, but 9 tokens without a gap have the ids 0 to 8"},
    {"AddedWithoutId", &Parts::added, R"([{"content": "x"}])",
     "field 'added_tokens[0].id' is missing"},
    {"AddedFlagType", &Parts::added, R"([{"id": 8, "content": "x", "lstrip": "no"}])",
     "field 'added_tokens[0].lstrip' must be true or false, is a string"},
    {"AddedType", &Parts::added, "[3]", "field 'added_tokens[0]' must be an object, is 3"},
    {"Normalizer", &Parts::normalizer, R"({"type": "NFKC"})",
     "field 'normalizer': type \"NFKC\" is not supported"},
    {"NormalizerInSequence", &Parts::normalizer,
     R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]})",
     "field 'normalizer.normalizers[1]': type \"Lowercase\" is not supported"},
    {"ReplaceByRegex", &Parts::normalizer,
     R"({"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"})",
     "field 'normalizer.pattern.Regex': a regular expression is not supported here"},
    {"ReplaceNothing", &Parts::normalizer,
     R"({"type": "Replace", "pattern": {"String": ""}, "content": "b"})",
     "field 'normalizer': the pattern is empty"},
    {"PostProcessor", &Parts::post_processor, R"({"type": "BertProcessing"})",
     "field 'post_processor': type \"BertProcessing\" is not supported"},
    {"TemplateWithoutText", &Parts::post_processor,
     R"({"type": "TemplateProcessing", "single": [], "special_tokens": {}})",
     "field 'post_processor.single' has no text \"A\""},
    {"TemplateOfAPair", &Parts::post_processor,
     R"({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B"}}]})",
     "field 'post_processor.single[0].Sequence' is not the one text \"A\""},
    {"TemplateUnknownToken", &Parts::post_processor,
     R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}],
         "special_tokens": {}})",
     "field 'post_processor.single[0].SpecialToken': \"<s>\" is not one of the special_tokens"},
    {"TemplateIdOutside", &Parts::post_processor,
     R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}],
         "special_tokens": {"<s>": {"ids": [8]}}})",
     "field 'post_processor.special_tokens[\"<s>\"].ids[0]': token 8 is not in the vocabulary"},
    {"Decoder", &Parts::decoder, R"({"type": "WordPiece"})",
     "field 'decoder': type \"WordPiece\" is not supported"},
    {"DecoderOrder", &Parts::decoder,
     R"({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]})",
     "field 'decoder.decoders[1]': ByteFallback after Fuse is not supported"},
    {"StripOfTheEnd", &Parts::decoder,
     R"({"type": "Strip", "content": " ", "start": 0, "stop": 1})",
     "field 'decoder.stop': 1 is not supported: the end is not stripped"},
    {"NoDecoder", &Parts::decoder, "null", "field 'decoder' is missing"},
    {"PreTokenizer", &Parts::pre_tokenizer, R"({"type": "BertPreTokenizer"})",
     "field 'pre_tokenizer': type \"BertPreTokenizer\" is not supported"},
    {"MetaspaceScheme", &Parts::pre_tokenizer,
     R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"})",
     "field 'pre_tokenizer.prepend_scheme': \"last\" is not supported"},
    {"MetaspaceContradiction", &Parts::pre_tokenizer,
     R"({"type": "Metaspace", "replacement": "_", "add_prefix_space": false})",
     "field 'pre_tokenizer': add_prefix_space false does not match the prepend_scheme"},
    {"MetaspaceReplacement", &Parts::pre_tokenizer, R"({"type": "Metaspace", "replacement": "__"})",
     "field 'pre_tokenizer': the replacement is not one character"},
    {"StepAfterByteLevel", &Parts::pre_tokenizer,
     R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]})",
     "field 'pre_tokenizer.pretokenizers[1]': Digits after ByteLevel is not supported"},
    {"Behavior", &Parts::pre_tokenizer,
     R"({"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Doubled"})",
     "field 'pre_tokenizer.behavior': \"Doubled\" is not supported"},
    {"Regex", &Parts::pre_tokenizer,
     R"json({"type": "Split", "pattern": {"Regex": "a(?=b)"}, "behavior": "Isolated"})json",
     "field 'pre_tokenizer.pattern': the group (?=...) is not supported"},
};

INSTANTIATE_TEST_SUITE_P(All, BadFileTest, testing::ValuesIn(kBadFiles),
                         [](const testing::TestParamInfo<BadFile>& info) {
                           return info.param.name;
                         });

TEST(TokenizerFile, ThatIsTruncatedIsRefusedAtEveryLength) {
  const std::string json = Parts().Json();
  ASSERT_TRUE(Tokenizer::FromJson(json, "t.json").ok());
  for (size_t length = 0; length < json.size(); ++length) {
    const absl::Status status = Tokenizer::FromJson(json.substr(0, length), "t.json").status();
    EXPECT_THAT(std::string(status.message()), testing::StartsWith("t.json: is not valid JSON: "))
        << length;
  }
}

TEST(TokenizerFile, ThatIsNestedTooDeepIsRefused) {
  const std::string json = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(std::string(Tokenizer::FromJson(json, "t.json").status().message()),
              testing::StartsWith("t.json: is not valid JSON: "));
}

TEST(TokenizerFile, IsFoundInAFolderOrByItsName) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "tokenizer";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << Parts().Json();
  EXPECT_TRUE(Tokenizer::Load(folder.string()).ok());
  EXPECT_TRUE(Tokenizer::Load((folder / "tokenizer.json").string()).ok());
}

TEST(TokenizerFile, ThatIsMissingIsNamed) {
  EXPECT_EQ(Tokenizer::Load("/nonexistent").status(),
            absl::NotFoundError("/nonexistent: no such file"));
  const std::string folder = testing::TempDir() + "/no_tokenizer";
  std::filesystem::create_directories(folder);
  EXPECT_EQ(
      Tokenizer::Load(folder).status(),
      absl::NotFoundError(folder + "/tokenizer.json: no such file, nor vocab.json and merges.txt"));
}

TEST(TokenizerFile, ThatIsADeviceIsRefused) {
  EXPECT_EQ(Tokenizer::Load("/dev/zero").status(),
            absl::InvalidArgumentError("/dev/zero: is not a regular file"));
}

}  // namespace
}  // namespace lluda::tokenizer
