#include "frontends/tokenizer/reader/added_token_reader.h"

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {

absl::StatusOr<AddedToken> ReadPlainToken(const JsonValue& json, bool special) {
  const absl::StatusOr<std::string_view> content = json.String();
  if (!content.ok()) return content.status();
  if (content->empty()) return json.Error("is empty");
  if (content->size() > kLongestAddedToken) {
    return json.Error(Concat("has ", content->size(), " bytes, more than ", kLongestAddedToken));
  }
  AddedToken token;
  token.content = std::string(*content);
  token.special = special;
  token.normalized = !special;
  return token;
}

absl::StatusOr<AddedToken> ReadAddedToken(const JsonValue& json) {
  const absl::StatusOr<JsonValue> content = json.Get("content");
  if (!content.ok()) return content.status();
  const absl::StatusOr<bool> special = json.GetBool("special", false);
  if (!special.ok()) return special.status();
  absl::StatusOr<AddedToken> token = ReadPlainToken(*content, *special);
  if (!token.ok()) return token.status();
  const std::pair<std::string_view, bool*> flags[] = {
      {"lstrip", &token->lstrip},
      {"rstrip", &token->rstrip},
      {"single_word", &token->single_word},
      {"normalized", &token->normalized},
  };
  for (const auto& [key, flag] : flags) {
    const absl::StatusOr<bool> value = json.GetBool(key, *flag);
    if (!value.ok()) return value.status();
    *flag = *value;
  }
  return token;
}

absl::StatusOr<std::vector<AddedToken>> ReadAddedTokenList(const JsonValue& root) {
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
    const absl::StatusOr<JsonValue> id_json = json.Get("id");
    if (!id_json.ok()) return id_json.status();
    const absl::StatusOr<int32_t> id = id_json->Id();
    if (!id.ok()) return id.status();
    token->id = *id;
    if (!contents.insert(token->content).second) {
      return json.Error(Concat(QuoteForMessage(token->content), " is listed twice"));
    }
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

}  // namespace lluda::tokenizer
