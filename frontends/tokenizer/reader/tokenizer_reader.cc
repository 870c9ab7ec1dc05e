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

#include "base/json/json_value.h"
#include "base/status_macros.h"
#include "frontends/tokenizer/reader/added_token_merge.h"
#include "frontends/tokenizer/reader/added_token_reader.h"
#include "frontends/tokenizer/reader/bpe_reader.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/reader/step_readers.h"
#include "frontends/tokenizer/reader/tokenizer_config.h"
#include "frontends/tokenizer/reader/vocabulary_files.h"
#include "frontends/tokenizer/text/strings.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

constexpr std::string_view kFileName = "tokenizer.json";

// What a tokenizer.json says, or a vocab.json and a merges.txt.
struct TokenizerFile {
  base::JsonValue vocabulary;  // token to id
  std::vector<AddedToken> added_tokens;
  Normalizer normalizer;
  Pretokenizer pretokenizer;
  Decoder decoder;
  std::function<absl::StatusOr<BpeParts>(const Vocabulary&)> read_bpe;
  std::function<absl::StatusOr<TextFrame>(int32_t vocabulary_size)> read_frame;
};

absl::StatusOr<TokenizerFile> ReadTokenizerJson(const base::JsonValue& root) {
  const absl::StatusOr<base::JsonValue> model = root.Get("model");
  if (!model.ok()) return model.status();
  ASSIGN_OR_RETURN(const std::string_view type, model->GetString("type"));
  if (type != "BPE") {
    return model->ErrorIn(Concat("type ", base::QuoteForMessage(type), " is not supported"));
  }
  ASSIGN_OR_RETURN(Normalizer normalizer, ReadNormalizer(root));
  ASSIGN_OR_RETURN(Pretokenizer pretokenizer, ReadPretokenizer(root));
  ASSIGN_OR_RETURN(Decoder decoder, ReadDecoder(root));
  ASSIGN_OR_RETURN(std::vector<AddedToken> added_tokens, ReadAddedTokenList(root));
  ASSIGN_OR_RETURN(const base::JsonValue vocabulary, model->Get("vocab"));
  return TokenizerFile{
      vocabulary,
      std::move(added_tokens),
      std::move(normalizer),
      std::move(pretokenizer),
      std::move(decoder),
      [model = *model](const Vocabulary& tokens) { return ReadBpe(model, tokens); },
      [root](int32_t vocabulary_size) { return ReadTextFrame(root, vocabulary_size); }};
}

// `steps` with this flag in their ByteLevel.
PretokenizerSteps WithPrefixSpace(PretokenizerSteps steps, bool add_prefix_space) {
  for (PretokenizerStep& step : steps) {
    if (auto* byte_level = std::get_if<ByteLevelStep>(&step)) {
      byte_level->add_prefix_space = add_prefix_space;
    }
  }
  return steps;
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

absl::StatusOr<std::vector<VocabularyEntry>> ReadEntries(const base::JsonValue& json) {
  ASSIGN_OR_RETURN(const simdjson::dom::object object, json.Object());
  std::vector<VocabularyEntry> entries;
  entries.reserve(object.size());
  for (const simdjson::dom::key_value_pair member : object) {
    // The message's field costs more than reading the id.
    uint64_t id;
    if (member.value.get(id) != simdjson::SUCCESS || id > kLargestId) {
      return ReadId(json.Entry(member.value, member.key)).status();
    }
    entries.push_back({member.key, static_cast<int32_t>(id)});
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
  for (AddedToken& token : file.added_tokens) {
    const auto same = known.ids.find(token.content);
    token.in_model = same != known.ids.end() && same->second == token.id;
    if (!token.in_model) entries.push_back({token.content, token.id});
  }
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Build(entries, file.decoder);
  if (!vocabulary.ok()) return file.vocabulary.ErrorIn(vocabulary.status().message());
  ASSIGN_OR_RETURN(BpeParts bpe, file.read_bpe(*vocabulary));
  ASSIGN_OR_RETURN(TextFrame frame, file.read_frame(vocabulary->size()));

  // Classes that transformers builds anew, from the config, do not ask the tokenizer.json.
  if (config.tokenizer_class != TokenizerClass::kOther && config.add_prefix_space.has_value()) {
    ASSIGN_OR_RETURN(file.pretokenizer, Pretokenizer::Create(WithPrefixSpace(
                                            file.pretokenizer.steps(), *config.add_prefix_space)));
  }
  Bpe merger(bpe.options, std::move(bpe.merges), *vocabulary, file.pretokenizer.is_byte_level(),
             file.added_tokens);
  return Tokenizer(*std::move(vocabulary), std::move(merger),
                   {std::move(file.normalizer), std::move(file.pretokenizer),
                    std::move(file.decoder), std::move(frame)},
                   file.added_tokens);
}

absl::StatusOr<Tokenizer> TokenizerReader::ReadFolder(const std::filesystem::path& folder) {
  const std::filesystem::path json = folder / std::string(kFileName);
  const bool has_json = Exists(json);
  if (!has_json && !Exists(folder / std::string(kVocabularyFile))) {
    const std::filesystem::path sentencepiece = folder / "tokenizer.model";
    if (Exists(sentencepiece)) {
      return absl::InvalidArgumentError(
          Concat(sentencepiece.string(),
                 ": is not supported without a tokenizer.json, which the folder lacks; "
                 "transformers' AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) "
                 "writes one"));
    }
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
  ASSIGN_OR_RETURN(Normalizer normalizer, Normalizer::Create(preparation.normalizer));
  ASSIGN_OR_RETURN(Pretokenizer pretokenizer, Pretokenizer::Create(preparation.pretokenizer));
  ASSIGN_OR_RETURN(Decoder decoder, Decoder::Create({ByteLevelDecoding{}}));
  ASSIGN_OR_RETURN(JsonFile vocabulary,
                   JsonFile::Load((folder / std::string(kVocabularyFile)).string()));
  const std::string merges_name = (folder / std::string(kMergesFile)).string();
  ASSIGN_OR_RETURN(simdjson::padded_string merges, LoadTokenizerFile(merges_name));
  return Read({vocabulary.root(),
               {},
               std::move(normalizer),
               std::move(pretokenizer),
               std::move(decoder),
               [&](const Vocabulary& tokens) {
                 return ReadMergesText(std::string_view(merges), merges_name, tokens);
               },
               [](int32_t) { return TextFrame(); }},
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
