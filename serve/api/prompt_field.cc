#include "serve/api/prompt_field.h"

#include <algorithm>
#include <limits>

namespace lluda::api {

Refusal ReadTokens(const Field& field, int64_t vocabulary, size_t least,
                   std::vector<int32_t>* tokens) {
  const int64_t last = std::min<int64_t>(vocabulary - 1, std::numeric_limits<int32_t>::max());
  return ReadList(field, {least, SIZE_MAX}, [&](const Field& item) -> Refusal {
    int64_t id = 0;
    if (Refusal refusal = ReadInt(item, {0, last}, &id)) return refusal;
    tokens->push_back(static_cast<int32_t>(id));
    return std::nullopt;
  });
}

Refusal ReadPrompts(const Field& field, int64_t vocabulary, size_t most,
                    std::vector<Prompt>* prompts) {
  const auto take_text = [&](const Field& item) -> Refusal {
    return ReadString(item, {1, SIZE_MAX}, &prompts->emplace_back().text);
  };
  const auto take_tokens = [&](const Field& item) -> Refusal {
    return ReadTokens(item, vocabulary, /*least=*/1, &prompts->emplace_back().tokens.emplace());
  };
  if (field.value.is_string()) return take_text(field);
  simdjson::dom::array list;
  if (field.value.get_array().get(list)) return WrongType(field, "a string or a list");
  simdjson::dom::element first;
  if (list.at(0).get(first)) return FieldError(field, "invalid_value", "is empty");
  if (first.is_number()) return take_tokens(field);
  return ReadList(field, {1, most}, [&](const Field& item) -> Refusal {
    if (item.value.is_string()) return take_text(item);
    if (!item.value.is_array()) return WrongType(item, "a string or a list of tokens");
    return take_tokens(item);
  });
}

}  // namespace lluda::api
