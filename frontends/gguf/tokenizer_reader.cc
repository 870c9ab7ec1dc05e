#include "frontends/gguf/tokenizer_reader.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/gguf/pretokenizers.h"
#include "frontends/gguf/tokenizer_keys.h"
#include "frontends/tokenizer/reader/bpe_reader.h"

namespace lluda::frontends::gguf {
namespace {

using tokenizer::AddedToken;
using tokenizer::MergeTable;
using tokenizer::Tokenizer;
using tokenizer::TokenizerTables;
using tokenizer::Vocabulary;

// How SentencePiece writes a space.
constexpr char kSpace[] = "\u2581";
// A token's length is bounded, for each is cut in all ways to find its merges.
constexpr size_t kMostTokenBytes = tokenizer::kLongestAddedToken;

struct Tokens {
  std::vector<absl::string_view> texts;
  std::vector<int64_t> types;  // one for each
};

// The id that a key gives, if it is there: one of the tokens.
absl::StatusOr<std::optional<int32_t>> IdOf(const Metadata& metadata, absl::string_view key,
                                            const Tokens& tokens) {
  if (!metadata.Has(key)) return std::nullopt;
  ASSIGN_OR_RETURN(const int64_t id,
                   metadata.Int(key, 0, static_cast<int64_t>(tokens.texts.size()) - 1));
  return static_cast<int32_t>(id);
}

// Whether the embedding, whichever part has it, has so many rows.
absl::Status CheckRows(const GgufFile& file, size_t tokens) {
  for (const GgufFile::Part& part : file.parts()) {
    for (const Tensor& tensor : part.container.tensors) {
      if (tensor.name != "token_embd.weight") continue;
      const int64_t rows = tensor.shape[0];
      if (rows == static_cast<int64_t>(tokens)) return absl::OkStatus();
      return file.metadata().Error(
          kTokens, absl::StrCat("has ", tokens, " tokens, but ", tensor.name, " ", rows, " rows"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Tokens> ReadTokens(const GgufFile& file) {
  const Metadata& metadata = file.metadata();
  Tokens tokens;
  ASSIGN_OR_RETURN(tokens.texts, metadata.Strings(kTokens));
  const size_t count = tokens.texts.size();
  if (count == 0) return metadata.Error(kTokens, "has no tokens");
  for (size_t id = 0; id < count; ++id) {
    const std::string_view text = base::ToStd(tokens.texts[id]);
    if (text.size() > kMostTokenBytes) {
      return metadata.Error(kTokens, absl::StrCat("token ", id, " has ", text.size(),
                                                  " bytes, at most ", kMostTokenBytes));
    }
    if (base::ReplaceInvalidUtf8(text) != text) {
      return metadata.Error(kTokens, absl::StrCat("token ", id, " is not valid UTF-8"));
    }
  }
  tokens.types.assign(count, kNormal);
  if (metadata.Has(kTypes)) {
    ASSIGN_OR_RETURN(tokens.types, metadata.Ints(kTypes, 0, kLastType));
  }
  if (tokens.types.size() != count) {
    return metadata.Error(
        kTypes, absl::StrCat("has ", tokens.types.size(), " items for ", count, " tokens"));
  }
  for (const char* key : kIdKeys) RETURN_IF_ERROR(IdOf(metadata, key, tokens).status());
  RETURN_IF_ERROR(CheckRows(file, count));
  return tokens;
}

absl::StatusOr<bool> BoolOr(const Metadata& metadata, absl::string_view key, bool absent) {
  if (!metadata.Has(key)) return absent;
  return metadata.Bool(key);
}

// Control and user-defined tokens, which are found whole before anything else.
absl::StatusOr<std::vector<AddedToken>> AddedTokensOf(const Metadata& metadata,
                                                      const Tokens& tokens) {
  std::vector<AddedToken> added;
  for (size_t id = 0; id < tokens.texts.size(); ++id) {
    const int64_t type = tokens.types[id];
    if (type != kControl && type != kUserDefined) continue;
    if (tokens.texts[id].empty()) {
      return metadata.Error(kTokens, absl::StrCat("token ", id, " is to be found, but empty"));
    }
    AddedToken token;
    token.content = std::string(tokens.texts[id]);
    token.id = static_cast<int32_t>(id);
    token.special = type == kControl;
    added.push_back(std::move(token));
  }
  return added;
}

// The tokens that are put around a text. The files of a kind mostly say whether; `bos` is what
// holds where one does not.
absl::Status ReadFrame(const Metadata& metadata, const Tokens& tokens, bool bos,
                       tokenizer::TextFrame* frame) {
  const struct {
    const char* flag;
    const char* id;
    bool absent;
    std::vector<int32_t>* ids;
  } ends[] = {{kAddBos, kBosId, bos, &frame->before}, {kAddEos, kEosId, false, &frame->after}};
  for (const auto& end : ends) {
    ASSIGN_OR_RETURN(const bool add, BoolOr(metadata, end.flag, end.absent));
    ASSIGN_OR_RETURN(const std::optional<int32_t> id, IdOf(metadata, end.id, tokens));
    if (!add) continue;
    if (!id)
      return metadata.Error(end.id, absl::StrCat("is missing, and ", end.flag, " asks for it"));
    end.ids->push_back(*id);
  }
  return absl::OkStatus();
}

absl::StatusOr<Vocabulary> BuildVocabulary(const Metadata& metadata, const Tokens& tokens,
                                           const tokenizer::DecoderSteps& steps) {
  ASSIGN_OR_RETURN(const tokenizer::Decoder decoder, tokenizer::Decoder::Create(steps));
  std::vector<tokenizer::VocabularyEntry> entries;
  entries.reserve(tokens.texts.size());
  for (const absl::string_view text : tokens.texts) {
    entries.push_back({base::ToStd(text), static_cast<int32_t>(entries.size())});
  }
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Build(entries, decoder);
  if (!vocabulary.ok()) return metadata.Error(kTokens, vocabulary.status().message());
  return vocabulary;
}

absl::StatusOr<Tokenizer> ReadByteLevel(const GgufFile& file) {
  const Metadata& metadata = file.metadata();
  if (!metadata.Has(kPre)) {
    return metadata.Error(kPre,
                          "is missing: the file is from before files named how texts are cut, and "
                          "cannot be read right; --tokenizer FOLDER takes another tokenizer");
  }
  ASSIGN_OR_RETURN(const absl::string_view pre, metadata.String(kPre));
  const PretokenizerRow* row = FindPretokenizer(pre);
  if (row == nullptr) {
    return absl::UnimplementedError(
        metadata
            .Error(kPre, absl::StrCat("'", base::QuoteName(pre), "' is not known; known are ",
                                      PretokenizerNames()))
            .message());
  }
  ASSIGN_OR_RETURN(const Tokens tokens, ReadTokens(file));
  TokenizerTables tables;
  tables.bpe.ignore_merges = row->ignore_merges;
  if (row->nfc) tables.normalizer = {tokenizer::NfcStep{}};
  tables.pretokenizer = StepsOf(*row);
  tables.decoder = {tokenizer::ByteLevelDecoding{}};
  ASSIGN_OR_RETURN(tables.added_tokens, AddedTokensOf(metadata, tokens));
  RETURN_IF_ERROR(ReadFrame(metadata, tokens, row->add_bos, &tables.frame));
  ASSIGN_OR_RETURN(Vocabulary vocabulary, BuildVocabulary(metadata, tokens, tables.decoder));
  ASSIGN_OR_RETURN(const std::vector<absl::string_view> merges, metadata.Strings(kMerges));
  tokenizer::MergeBuilder builder(merges.size(), vocabulary);
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto sides = tokenizer::SplitMerge(base::ToStd(merges[i]));
    const absl::Status status =
        sides ? builder.Add(*sides)
              : absl::InvalidArgumentError(tokenizer::NotAMerge(base::ToStd(merges[i])));
    if (!status.ok()) {
      return metadata.Error(kMerges, absl::StrCat("merge ", i, ": ", status.message()));
    }
  }
  return Tokenizer::Create(std::move(vocabulary), std::move(builder).Table(), tables);
}

// Which two tokens become a third, and how soon: those of one score have one rank.
struct ScoredMerge {
  float score;
  int32_t left;
  int32_t right;
  int32_t merged;
};

// Every way to cut a token into two that are tokens themselves.
std::vector<ScoredMerge> MergesOf(const Tokens& tokens, const std::vector<float>& scores,
                                  const Vocabulary& vocabulary) {
  const auto may_merge = [&](int32_t id) {
    const int64_t type = tokens.types[static_cast<size_t>(id)];
    return type != kControl && type != kUserDefined && type != kUnused && type != kUnknown;
  };
  std::vector<ScoredMerge> merges;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    if (!may_merge(id)) continue;
    const std::string_view text = vocabulary.Content(id);
    for (size_t cut = 1; cut < text.size(); ++cut) {
      // Inside a character there is no token to be found.
      if ((static_cast<uint8_t>(text[cut]) & 0xC0) == 0x80) continue;
      const std::optional<int32_t> left = vocabulary.Find(text.substr(0, cut));
      if (!left || !may_merge(*left)) continue;
      const std::optional<int32_t> right = vocabulary.Find(text.substr(cut));
      if (!right || !may_merge(*right)) continue;
      merges.push_back({scores[static_cast<size_t>(id)], *left, *right, id});
    }
  }
  std::stable_sort(merges.begin(), merges.end(),
                   [](const ScoredMerge& a, const ScoredMerge& b) { return a.score > b.score; });
  return merges;
}

absl::StatusOr<std::vector<float>> ReadScores(const Metadata& metadata, size_t tokens) {
  ASSIGN_OR_RETURN(std::vector<float> scores, metadata.Floats(kScores));
  if (scores.size() != tokens) {
    return metadata.Error(kScores,
                          absl::StrCat("has ", scores.size(), " items for ", tokens, " tokens"));
  }
  for (size_t i = 0; i < tokens; ++i) {
    if (std::isnan(scores[i])) return metadata.Error(kScores, absl::StrCat("item ", i, " is NaN"));
  }
  return scores;
}

// Tokens of bytes are written <0x00> to <0xFF>.
absl::Status CheckBytes(const Metadata& metadata, const Tokens& tokens) {
  for (size_t id = 0; id < tokens.texts.size(); ++id) {
    if (tokens.types[id] != kByte) continue;
    absl::string_view text = tokens.texts[id];
    const bool is_byte = absl::ConsumePrefix(&text, "<0x") && absl::ConsumeSuffix(&text, ">") &&
                         text.size() == 2 && absl::ascii_isxdigit(text[0]) &&
                         absl::ascii_isxdigit(text[1]);
    if (is_byte) continue;
    return metadata.Error(kTokens,
                          absl::StrCat("token ", id, " is to be a byte, but is no <0x00>"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Tokenizer> ReadScored(const GgufFile& file) {
  const Metadata& metadata = file.metadata();
  ASSIGN_OR_RETURN(const Tokens tokens, ReadTokens(file));
  RETURN_IF_ERROR(CheckBytes(metadata, tokens));
  ASSIGN_OR_RETURN(const std::vector<float> scores, ReadScores(metadata, tokens.texts.size()));
  ASSIGN_OR_RETURN(const bool prefix, BoolOr(metadata, kSpacePrefix, true));
  TokenizerTables tables;
  tables.bpe.byte_fallback = true;
  tables.bpe.fuse_unknown = true;
  ASSIGN_OR_RETURN(const std::optional<int32_t> unknown, IdOf(metadata, kUnknownId, tokens));
  tables.bpe.unknown_id = unknown.value_or(0);
  if (prefix) tables.normalizer.push_back(tokenizer::PrependStep{kSpace});
  tables.normalizer.push_back(tokenizer::ReplaceStep{" ", kSpace});
  tables.decoder = {tokenizer::ReplaceStep{kSpace, " "}, tokenizer::ByteFallbackDecoding{},
                    tokenizer::FuseStep{}};
  if (prefix) tables.decoder.push_back(tokenizer::StripStep{" ", 1});
  ASSIGN_OR_RETURN(tables.added_tokens, AddedTokensOf(metadata, tokens));
  RETURN_IF_ERROR(ReadFrame(metadata, tokens, /*bos=*/true, &tables.frame));
  ASSIGN_OR_RETURN(Vocabulary vocabulary, BuildVocabulary(metadata, tokens, tables.decoder));
  const std::vector<ScoredMerge> merges = MergesOf(tokens, scores, vocabulary);
  MergeTable table(merges.size());
  int32_t rank = 0;
  for (size_t i = 0; i < merges.size(); ++i) {
    if (i > 0 && merges[i].score != merges[i - 1].score) ++rank;
    table.Set(merges[i].left, merges[i].right, rank, merges[i].merged);
  }
  return Tokenizer::Create(std::move(vocabulary), std::move(table), tables);
}

struct Kind {
  absl::string_view name;
  absl::StatusOr<Tokenizer> (*read)(const GgufFile& file);
};
constexpr Kind kKinds[] = {{"gpt2", ReadByteLevel}, {"llama", ReadScored}};

}  // namespace

absl::StatusOr<Tokenizer> ReadTokenizer(const GgufFile& file) {
  const Metadata& metadata = file.metadata();
  if (!metadata.Has(kModel)) {
    return absl::NotFoundError(
        absl::StrCat(file.path(), ": key '", kModel, "' is missing: it has no tokenizer"));
  }
  ASSIGN_OR_RETURN(const absl::string_view name, metadata.String(kModel));
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return kind.read(file);
  }
  return absl::UnimplementedError(
      metadata
          .Error(kModel, absl::StrCat("'", base::QuoteName(name),
                                      "' is not supported; supported are gpt2 and llama"))
          .message());
}

}  // namespace lluda::frontends::gguf
