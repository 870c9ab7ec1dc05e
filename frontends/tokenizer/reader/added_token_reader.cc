#include "frontends/tokenizer/reader/added_token_reader.h"

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {

absl::StatusOr<AddedToken> ReadPlainToken(const base::JsonValue& json, bool special) {
  ASSIGN_OR_RETURN(const std::string_view content, json.String());
  if (content.empty()) return json.Error("is empty");
  if (content.size() > kLongestAddedToken) {
    return json.Error(Concat("has ", content.size(), " bytes, more than ", kLongestAddedToken));
  }
  AddedToken token;
  token.content = std::string(content);
  token.special = special;
  token.normalized = !special;
  return token;
}

absl::StatusOr<AddedToken> ReadAddedToken(const base::JsonValue& json) {
  ASSIGN_OR_RETURN(const base::JsonValue content, json.Get("content"));
  ASSIGN_OR_RETURN(const bool special, json.GetBool("special", false));
  ASSIGN_OR_RETURN(AddedToken token, ReadPlainToken(content, special));
  const std::pair<std::string_view, bool*> flags[] = {
      {"lstrip", &token.lstrip},
      {"rstrip", &token.rstrip},
      {"single_word", &token.single_word},
      {"normalized", &token.normalized},
  };
  for (const auto& [key, flag] : flags) {
    ASSIGN_OR_RETURN(const bool value, json.GetBool(key, *flag));
    *flag = value;
  }
  return token;
}

absl::StatusOr<std::vector<AddedToken>> ReadAddedTokenList(const base::JsonValue& root) {
  std::vector<AddedToken> tokens;
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> list, root.GetOptional("added_tokens"));
  if (!list.has_value()) return tokens;
  ASSIGN_OR_RETURN(const simdjson::dom::array array, list->Array());
  absl::flat_hash_set<std::string> contents;
  for (const simdjson::dom::element element : array) {
    const base::JsonValue json = list->Item(element, tokens.size());
    ASSIGN_OR_RETURN(AddedToken token, ReadAddedToken(json));
    ASSIGN_OR_RETURN(const base::JsonValue id_json, json.Get("id"));
    ASSIGN_OR_RETURN(token.id, ReadId(id_json));
    if (!contents.insert(token.content).second) {
      return json.ErrorIn(Concat(base::QuoteForMessage(token.content), " is listed twice"));
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace lluda::tokenizer
