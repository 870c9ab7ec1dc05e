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

#include "frontends/tokenizer/text/json_value.h"
#include "frontends/tokenizer/reader/added_token_merge.h"
#include "frontends/tokenizer/reader/added_token_reader.h"
#include "frontends/tokenizer/reader/bpe_reader.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/reader/pretokenizer_reader.h"
#include "frontends/tokenizer/reader/tokenizer_config.h"
#include "frontends/tokenizer/reader/vocabulary_files.h"
#include "frontends/tokenizer/text/strings.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

constexpr std::string_view kFileName = "tokenizer.json";

// The names of the steps of an optional component, a Sequence (its members in `list`) unrolled.
absl::Status CollectTypes(const JsonValue& json, std::string_view list,
                          std::vector<std::pair<JsonValue, std::string_view>>* types) {
  const absl::StatusOr<std::string_view> type = json.GetString("type");
  if (!type.ok()) return type.status();
  if (*type != "Sequence") {
    types->emplace_back(json, *type);
    return absl::OkStatus();
  }
  const absl::StatusOr<JsonValue> parts = json.Get(list);
  if (!parts.ok()) return parts.status();
  const absl::StatusOr<simdjson::dom::array> array = parts->Array();
  if (!array.ok()) return array.status();
  int index = 0;
  for (const simdjson::dom::element part : *array) {
    absl::Status status = CollectTypes(parts->Child(part, Concat("[", index++, "]")), list, types);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Whether the component `key` is there; an error unless all its steps are of type `only`.
absl::StatusOr<bool> HasOnly(const JsonValue& root, std::string_view key, std::string_view list,
                             std::string_view only) {
  const absl::StatusOr<std::optional<JsonValue>> json = root.GetOptional(key);
  if (!json.ok()) return json.status();
  if (!json->has_value()) return false;
  std::vector<std::pair<JsonValue, std::string_view>> types;
  absl::Status status = CollectTypes(**json, list, &types);
  if (!status.ok()) return status;
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
  const absl::StatusOr<std::string_view> type = model->GetString("type");
  if (!type.ok()) return type.status();
  if (*type != "BPE") {
    return model->Error(Concat("type ", QuoteForMessage(*type), " is not supported"));
  }
  const absl::StatusOr<bool> nfc = HasOnly(root, "normalizer", "normalizers", "NFC");
  if (!nfc.ok()) return nfc.status();
  const absl::StatusOr<bool> post = HasOnly(root, "post_processor", "processors", "ByteLevel");
  if (!post.ok()) return post.status();
  const absl::StatusOr<bool> decoder = HasOnly(root, "decoder", "decoders", "ByteLevel");
  if (!decoder.ok()) return decoder.status();
  if (!*decoder) return root.Error("decoder is missing: not a byte-level BPE");

  const absl::StatusOr<JsonValue> pretokenizer_json = root.Get("pre_tokenizer");
  if (!pretokenizer_json.ok()) return pretokenizer_json.status();
  absl::StatusOr<Pretokenizer> pretokenizer = ReadPretokenizer(*pretokenizer_json);
  if (!pretokenizer.ok()) return pretokenizer.status();
  absl::StatusOr<std::vector<AddedToken>> added_tokens = ReadAddedTokenList(root);
  if (!added_tokens.ok()) return added_tokens.status();
  const absl::StatusOr<JsonValue> vocabulary = model->Get("vocab");
  if (!vocabulary.ok()) return vocabulary.status();
  return TokenizerFile{
      *vocabulary, *std::move(added_tokens), *nfc, *std::move(pretokenizer),
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
  const absl::StatusOr<simdjson::dom::object> object = json.Object();
  if (!object.ok()) return object.status();
  std::vector<VocabularyEntry> entries;
  entries.reserve(object->size());
  for (const simdjson::dom::key_value_pair member : *object) {
    const absl::StatusOr<int32_t> id = ReadId(member.value);
    if (!id.ok()) {
      return json.Child(member.value, Concat("[", QuoteForMessage(member.key), "]"))
          .Error(FromAbsl(id.status().message()));
    }
    entries.push_back({member.key, *id});
  }
  return entries;
}

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
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
  absl::StatusOr<std::vector<VocabularyEntry>> entries = ReadEntries(file.vocabulary);
  if (!entries.ok()) return entries.status();
  const KnownTokens known = Known(*entries, ContentsOf(file.added_tokens, config));
  absl::Status merged = MergeAddedTokens(config, known, &file.added_tokens);
  if (!merged.ok()) return merged;
  // An added token may be one of the model's as well, under the same id.
  for (const AddedToken& token : file.added_tokens) {
    const auto same = known.ids.find(token.content);
    if (same != known.ids.end() && same->second == token.id) continue;
    entries->push_back({token.content, token.id});
  }
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Build(*entries);
  if (!vocabulary.ok()) return file.vocabulary.Error(FromAbsl(vocabulary.status().message()));
  absl::StatusOr<Bpe> bpe = file.read_bpe(*vocabulary);
  if (!bpe.ok()) return bpe.status();

  // Classes that transformers builds anew, from the config, do not ask the tokenizer.json.
  PretokenizerOptions options = file.pretokenizer.options();
  const bool prefix = config.tokenizer_class == TokenizerClass::kOther
                          ? options.add_prefix_space
                          : config.add_prefix_space.value_or(options.add_prefix_space);
  if (prefix != options.add_prefix_space) {
    options.add_prefix_space = prefix;
    absl::StatusOr<Pretokenizer> pretokenizer = Pretokenizer::Create(options);
    if (!pretokenizer.ok()) return pretokenizer.status();
    file.pretokenizer = *std::move(pretokenizer);
  }
  return Tokenizer(*std::move(vocabulary), *std::move(bpe), std::move(file.pretokenizer), file.nfc,
                   file.added_tokens);
}

absl::StatusOr<Tokenizer> TokenizerReader::ReadFolder(const std::filesystem::path& folder) {
  const std::filesystem::path json = folder / std::string(kFileName);
  const bool has_json = Exists(json);
  if (!has_json && !Exists(folder / std::string(kVocabularyFile))) {
    return absl::NotFoundError(
        Concat(json.string(), ": no such file, nor ", kVocabularyFile, " and ", kMergesFile));
  }
  absl::StatusOr<TokenizerConfig> config = ReadTokenizerConfig(folder.string(), has_json);
  if (!config.ok()) return config.status();
  if (!has_json) return ReadVocabularyFiles(folder, *config);
  return ReadJson(JsonFile::Load(json.string()), *config);
}

absl::StatusOr<Tokenizer> TokenizerReader::ReadJson(const absl::StatusOr<JsonFile>& file,
                                                    const TokenizerConfig& config) {
  if (!file.ok()) return file.status();
  absl::StatusOr<TokenizerFile> tokenizer = ReadTokenizerJson(file->root());
  if (!tokenizer.ok()) return tokenizer.status();
  return Read(*std::move(tokenizer), config);
}

absl::StatusOr<Tokenizer> TokenizerReader::ReadVocabularyFiles(const std::filesystem::path& folder,
                                                               const TokenizerConfig& config) {
  absl::StatusOr<Preparation> preparation = PreparationOf(config);
  if (!preparation.ok()) return preparation.status();
  absl::StatusOr<Pretokenizer> pretokenizer = Pretokenizer::Create(preparation->pretokenizer);
  if (!pretokenizer.ok()) return pretokenizer.status();
  absl::StatusOr<JsonFile> vocabulary =
      JsonFile::Load((folder / std::string(kVocabularyFile)).string());
  if (!vocabulary.ok()) return vocabulary.status();
  const std::string merges_name = (folder / std::string(kMergesFile)).string();
  absl::StatusOr<simdjson::padded_string> merges = LoadTokenizerFile(merges_name);
  if (!merges.ok()) return merges.status();
  return Read({vocabulary->root(),
               {},
               preparation->nfc,
               *std::move(pretokenizer),
               [&](const Vocabulary& tokens) {
                 return ReadMergesText(std::string_view(*merges), merges_name, tokens);
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
