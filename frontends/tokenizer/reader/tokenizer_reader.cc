// Tokenizer::Load and FromJson: reads the files of a tokenizer and refuses what is not supported.
#include <absl/container/flat_hash_set.h>
#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "frontends/tokenizer/reader/added_token_merge.h"
#include "frontends/tokenizer/reader/added_token_reader.h"
#include "frontends/tokenizer/reader/bpe_reader.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/reader/pretokenizer_reader.h"
#include "frontends/tokenizer/reader/tokenizer_config.h"
#include "frontends/tokenizer/reader/vocabulary_files.h"
#include "frontends/tokenizer/text/json_value.h"
#include "frontends/tokenizer/text/strings.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

constexpr std::string_view kFileName = "tokenizer.json";

// The names of the steps of an optional component, a Sequence (its members in `list`) unrolled.
absl::Status CollectTypes(const JsonValue& json, std::string_view list,
                          std::vector<std::pair<JsonValue, std::string_view>>* types) {
  ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type != "Sequence") {
    types->emplace_back(json, type);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const JsonValue parts, json.Get(list));
  ASSIGN_OR_RETURN(const simdjson::dom::array array, parts.Array());
  int index = 0;
  for (const simdjson::dom::element part : array) {
    RETURN_IF_ERROR(CollectTypes(parts.Child(part, Concat("[", index++, "]")), list, types));
  }
  return absl::OkStatus();
}

// Whether the component `key` is there; an error unless all its steps are of type `only`.
absl::StatusOr<bool> HasOnly(const JsonValue& root, std::string_view key, std::string_view list,
                             std::string_view only) {
  ASSIGN_OR_RETURN(const std::optional<JsonValue> json, root.GetOptional(key));
  if (!json.has_value()) return false;
  std::vector<std::pair<JsonValue, std::string_view>> types;
  RETURN_IF_ERROR(CollectTypes(*json, list, &types));
  for (const auto& [step, type] : types) {
    if (type != only) {
      return step.Error(Concat("type ", QuoteForMessage(type), " is not supported"));
    }
  }
  return !types.empty();
}

// What a tokenizer.json says, or a vocab.json and a merges.txt.
struct TokenizerFile {
  JsonValue vocabulary;  // token to id
  std::vector<AddedToken> added_tokens;
  bool nfc = false;
  Pretokenizer pretokenizer;
  std::function<absl::StatusOr<Bpe>(const Vocabulary&)> read_bpe;
};

absl::StatusOr<TokenizerFile> ReadTokenizerJson(const JsonValue& root) {
  const absl::StatusOr<JsonValue> model = root.Get("model");
  if (!model.ok()) return model.status();
  ASSIGN_OR_RETURN(const std::string_view type, model->GetString("type"));
  if (type != "BPE") {
    return model->Error(Concat("type ", QuoteForMessage(type), " is not supported"));
  }
  ASSIGN_OR_RETURN(const bool nfc, HasOnly(root, "normalizer", "normalizers", "NFC"));
  RETURN_IF_ERROR(HasOnly(root, "post_processor", "processors", "ByteLevel"));
  ASSIGN_OR_RETURN(const bool decoder, HasOnly(root, "decoder", "decoders", "ByteLevel"));
  if (!decoder) return root.Error("decoder is missing: not a byte-level BPE");

  ASSIGN_OR_RETURN(const JsonValue pretokenizer_json, root.Get("pre_tokenizer"));
  ASSIGN_OR_RETURN(Pretokenizer pretokenizer, ReadPretokenizer(pretokenizer_json));
  ASSIGN_OR_RETURN(std::vector<AddedToken> added_tokens, ReadAddedTokenList(root));
  ASSIGN_OR_RETURN(const JsonValue vocabulary, model->Get("vocab"));
  return TokenizerFile{
      vocabulary, std::move(added_tokens), nfc, std::move(pretokenizer),
      [model = *model](const Vocabulary& tokens) { return ReadBpe(model, tokens); }};
}

// Of the tokens in `wanted`, the ids that `entries` give them.
KnownTokens Known(const std::vector<VocabularyEntry>& entries,
                  const absl::flat_hash_set<std::string>& wanted) {
  KnownTokens known;
  known.count = static_cast<int32_t>(entries.size());
  for (const VocabularyEntry& entry : entries) {
    if (wanted.contains(ToAbsl(entry.content))) known.ids.emplace(entry.content, entry.id);
  }
  return known;
}

absl::StatusOr<std::vector<VocabularyEntry>> ReadEntries(const JsonValue& json) {
  ASSIGN_OR_RETURN(const simdjson::dom::object object, json.Object());
  std::vector<VocabularyEntry> entries;
  entries.reserve(object.size());
  for (const simdjson::dom::key_value_pair member : object) {
    const absl::StatusOr<int32_t> id = ReadId(member.value);
    if (!id.ok()) {
      return json.Child(member.value, Concat("[", QuoteForMessage(member.key), "]"))
          .Error(FromAbsl(id.status().message()));
    }
    entries.push_back({member.key, *id});
  }
  return entries;
}

// A link that leads nowhere is there, too: reading it says so.
bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

}  // namespace

// Has access to Tokenizer's constructor.
class TokenizerReader {
 public:
  static absl::StatusOr<Tokenizer> ReadFolder(const std::filesystem::path& folder);
  // `file` as it was loaded, or why it was not.
  static absl::StatusOr<Tokenizer> ReadJson(const absl::StatusOr<JsonFile>& file,
                                            const TokenizerConfig& config);

 private:
  static absl::StatusOr<Tokenizer> Read(TokenizerFile file, const TokenizerConfig& config);
  static absl::StatusOr<Tokenizer> ReadVocabularyFiles(const std::filesystem::path& folder,
                                                       const TokenizerConfig& config);
};

absl::StatusOr<Tokenizer> TokenizerReader::Read(TokenizerFile file, const TokenizerConfig& config) {
  ASSIGN_OR_RETURN(std::vector<VocabularyEntry> entries, ReadEntries(file.vocabulary));
  const KnownTokens known = Known(entries, ContentsOf(file.added_tokens, config));
  RETURN_IF_ERROR(MergeAddedTokens(config, known, &file.added_tokens));
  // An added token may be one of the model's as well, under the same id.
  for (const AddedToken& token : file.added_tokens) {
    const auto same = known.ids.find(token.content);
    if (same != known.ids.end() && same->second == token.id) continue;
    entries.push_back({token.content, token.id});
  }
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Build(entries);
  if (!vocabulary.ok()) return file.vocabulary.Error(FromAbsl(vocabulary.status().message()));
  ASSIGN_OR_RETURN(Bpe bpe, file.read_bpe(*vocabulary));

  // Classes that transformers builds anew, from the config, do not ask the tokenizer.json.
  PretokenizerOptions options = file.pretokenizer.options();
  const bool prefix = config.tokenizer_class == TokenizerClass::kOther
                          ? options.add_prefix_space
                          : config.add_prefix_space.value_or(options.add_prefix_space);
  if (prefix != options.add_prefix_space) {
    options.add_prefix_space = prefix;
    ASSIGN_OR_RETURN(file.pretokenizer, Pretokenizer::Create(options));
  }
  return Tokenizer(*std::move(vocabulary), std::move(bpe), std::move(file.pretokenizer), file.nfc,
                   file.added_tokens);
}

absl::StatusOr<Tokenizer> TokenizerReader::ReadFolder(const std::filesystem::path& folder) {
  const std::filesystem::path json = folder / std::string(kFileName);
  const bool has_json = Exists(json);
  if (!has_json && !Exists(folder / std::string(kVocabularyFile))) {
    return absl::NotFoundError(
        Concat(json.string(), ": no such file, nor ", kVocabularyFile, " and ", kMergesFile));
  }
  ASSIGN_OR_RETURN(TokenizerConfig config, ReadTokenizerConfig(folder.string(), has_json));
  if (!has_json) return ReadVocabularyFiles(folder, config);
  return ReadJson(JsonFile::Load(json.string()), config);
}

absl::StatusOr<Tokenizer> TokenizerReader::ReadJson(const absl::StatusOr<JsonFile>& file,
                                                    const TokenizerConfig& config) {
  if (!file.ok()) return file.status();
  ASSIGN_OR_RETURN(TokenizerFile tokenizer, ReadTokenizerJson(file->root()));
  return Read(std::move(tokenizer), config);
}

absl::StatusOr<Tokenizer> TokenizerReader::ReadVocabularyFiles(const std::filesystem::path& folder,
                                                               const TokenizerConfig& config) {
  ASSIGN_OR_RETURN(Preparation preparation, PreparationOf(config));
  ASSIGN_OR_RETURN(Pretokenizer pretokenizer, Pretokenizer::Create(preparation.pretokenizer));
  ASSIGN_OR_RETURN(JsonFile vocabulary,
                   JsonFile::Load((folder / std::string(kVocabularyFile)).string()));
  const std::string merges_name = (folder / std::string(kMergesFile)).string();
  ASSIGN_OR_RETURN(simdjson::padded_string merges, LoadTokenizerFile(merges_name));
  return Read({vocabulary.root(),
               {},
               preparation.nfc,
               std::move(pretokenizer),
               [&](const Vocabulary& tokens) {
                 return ReadMergesText(std::string_view(merges), merges_name, tokens);
               }},
              config);
}

absl::StatusOr<Tokenizer> Tokenizer::FromJson(std::string_view json, const std::string& name) {
  return TokenizerReader::ReadJson(JsonFile::Parse(json, name), TokenizerConfig());
}

absl::StatusOr<Tokenizer> Tokenizer::Load(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return TokenizerReader::ReadFolder(path);
  return TokenizerReader::ReadJson(JsonFile::Load(path), TokenizerConfig());
}

}  // namespace lluda::tokenizer
