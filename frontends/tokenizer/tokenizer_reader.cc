// Tokenizer::Load and FromJson: reads the fields of a tokenizer.json and refuses what is not
// supported.
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <simdjson.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "frontends/tokenizer/bpe_reader.h"
#include "frontends/tokenizer/json_value.h"
#include "frontends/tokenizer/pretokenizer_reader.h"
#include "frontends/tokenizer/strings.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::tokenizer {
namespace {

constexpr std::string_view kFileName = "tokenizer.json";

// Far above any tokenizer.json, far below what would exhaust memory.
constexpr uint64_t kLargestFile = uint64_t{512} << 20;

absl::Status ReadError(const std::string& name, simdjson::error_code code) {
  return absl::InvalidArgumentError(
      Concat(name, ": is not valid JSON: ", simdjson::error_message(code)));
}

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

}  // namespace

// Has access to Tokenizer's constructor.
class TokenizerReader {
 public:
  static absl::StatusOr<Tokenizer> Read(const JsonValue& root);

 private:
  static absl::StatusOr<std::vector<AddedToken>> ReadAddedTokens(const JsonValue& root);
  static absl::StatusOr<AddedToken> ReadAddedToken(const JsonValue& json);
  static absl::StatusOr<Vocabulary> ReadVocabulary(const JsonValue& model,
                                                   const std::vector<AddedToken>& added_tokens);
};

absl::StatusOr<Tokenizer> TokenizerReader::Read(const JsonValue& root) {
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

  const absl::StatusOr<std::vector<AddedToken>> added_tokens = ReadAddedTokens(root);
  if (!added_tokens.ok()) return added_tokens.status();
  absl::StatusOr<Vocabulary> vocabulary = ReadVocabulary(*model, *added_tokens);
  if (!vocabulary.ok()) return vocabulary.status();
  absl::StatusOr<Bpe> bpe = ReadBpe(*model, *vocabulary);
  if (!bpe.ok()) return bpe.status();
  return Tokenizer(*std::move(vocabulary), *std::move(bpe), *std::move(pretokenizer), *nfc,
                   *added_tokens);
}

absl::StatusOr<std::vector<AddedToken>> TokenizerReader::ReadAddedTokens(const JsonValue& root) {
  std::vector<AddedToken> tokens;
  const absl::StatusOr<std::optional<JsonValue>> list = root.GetOptional("added_tokens");
  if (!list.ok()) return list.status();
  if (!list->has_value()) return tokens;
  const absl::StatusOr<simdjson::dom::array> array = (*list)->Array();
  if (!array.ok()) return array.status();
  absl::flat_hash_set<std::string> contents;
  for (const simdjson::dom::element element : *array) {
    const JsonValue json = (*list)->Child(element, Concat("[", tokens.size(), "]"));
    absl::StatusOr<AddedToken> token = ReadAddedToken(json);
    if (!token.ok()) return token.status();
    if (!contents.insert(token->content).second) {
      return json.Error(Concat(QuoteForMessage(token->content), " is listed twice"));
    }
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

absl::StatusOr<AddedToken> TokenizerReader::ReadAddedToken(const JsonValue& json) {
  const absl::StatusOr<std::string_view> content = json.GetString("content");
  if (!content.ok()) return content.status();
  if (content->empty()) return json.Error("content is empty");
  if (content->size() > kLongestAddedToken) {
    return json.Error(
        Concat("content has ", content->size(), " bytes, more than ", kLongestAddedToken));
  }
  const absl::StatusOr<JsonValue> id_json = json.Get("id");
  if (!id_json.ok()) return id_json.status();
  const absl::StatusOr<int32_t> id = id_json->Id();
  if (!id.ok()) return id.status();
  AddedToken token;
  token.content = std::string(*content);
  token.id = *id;
  const absl::StatusOr<bool> special = json.GetBool("special", false);
  if (!special.ok()) return special.status();
  token.special = *special;
  const std::pair<std::string_view, bool*> flags[] = {
      {"lstrip", &token.lstrip},
      {"rstrip", &token.rstrip},
      {"single_word", &token.single_word},
  };
  for (const auto& [key, flag] : flags) {
    const absl::StatusOr<bool> value = json.GetBool(key, false);
    if (!value.ok()) return value.status();
    *flag = *value;
  }
  const absl::StatusOr<bool> normalized = json.GetBool("normalized", !token.special);
  if (!normalized.ok()) return normalized.status();
  token.normalized = *normalized;
  return token;
}

absl::StatusOr<Vocabulary> TokenizerReader::ReadVocabulary(
    const JsonValue& model, const std::vector<AddedToken>& added_tokens) {
  const absl::StatusOr<JsonValue> json = model.Get("vocab");
  if (!json.ok()) return json.status();
  const absl::StatusOr<simdjson::dom::object> object = json->Object();
  if (!object.ok()) return object.status();
  // An added token may be one of the model's as well, under the same id.
  absl::flat_hash_map<absl::string_view, int32_t> added;
  for (const AddedToken& token : added_tokens) added.emplace(token.content, token.id);
  std::vector<VocabularyEntry> entries;
  entries.reserve(object->size() + added_tokens.size());
  for (const simdjson::dom::key_value_pair member : *object) {
    const absl::StatusOr<int32_t> id = ReadId(member.value);
    if (!id.ok()) {
      return json->Child(member.value, Concat("[", QuoteForMessage(member.key), "]"))
          .Error(FromAbsl(id.status().message()));
    }
    const auto same = added.find(ToAbsl(member.key));
    if (same != added.end() && same->second == *id) continue;
    entries.push_back({member.key, *id});
  }
  for (const AddedToken& token : added_tokens) entries.push_back({token.content, token.id});
  absl::StatusOr<Vocabulary> vocabulary = Vocabulary::Build(entries);
  if (!vocabulary.ok()) return json->Error(FromAbsl(vocabulary.status().message()));
  return vocabulary;
}

absl::StatusOr<Tokenizer> Tokenizer::FromJson(std::string_view json, const std::string& name) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::error_code code = parser.parse(json.data(), json.size()).get(document);
  if (code != simdjson::SUCCESS) return ReadError(name, code);
  return TokenizerReader::Read(JsonValue(document, name));
}

absl::StatusOr<Tokenizer> Tokenizer::Load(const std::string& path) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  const std::string file = is_folder ? (std::filesystem::path(path) / kFileName).string() : path;
  const std::filesystem::file_status status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) {
    return absl::NotFoundError(Concat(file, ": no such file"));
  }
  // A device or a pipe might never end.
  if (!std::filesystem::is_regular_file(status)) {
    return absl::InvalidArgumentError(Concat(file, ": is not a regular file"));
  }
  const uint64_t size = std::filesystem::file_size(file, error);
  if (error || size > kLargestFile) {
    return absl::InvalidArgumentError(Concat(file, ": is larger than ", kLargestFile, " bytes"));
  }
  simdjson::padded_string text;
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  simdjson::error_code code = simdjson::padded_string::load(file).get(text);
  if (code == simdjson::SUCCESS) code = parser.parse(text).get(document);
  if (code == simdjson::IO_ERROR) {
    return absl::PermissionDeniedError(Concat(file, ": cannot be read"));
  }
  if (code != simdjson::SUCCESS) return ReadError(file, code);
  return TokenizerReader::Read(JsonValue(document, file));
}

}  // namespace lluda::tokenizer
