#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status_macros.h"
#include "frontends/tokenizer/reader/component.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/reader/step_readers.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// Appends the ids that `special_tokens` gives the token that a template's piece names.
absl::Status AddSpecialToken(const base::JsonValue& processor, const base::JsonValue& piece,
                             int32_t vocabulary_size, std::vector<int32_t>* ids) {
  ASSIGN_OR_RETURN(const std::string_view name, piece.GetString("id"));
  ASSIGN_OR_RETURN(const base::JsonValue known, processor.Get("special_tokens"));
  ASSIGN_OR_RETURN(const simdjson::dom::object tokens, known.Object());
  simdjson::dom::element found;
  if (tokens.at_key(name).get(found) != simdjson::SUCCESS) {
    return piece.ErrorIn(Concat(base::QuoteForMessage(name), " is not one of the special_tokens"));
  }
  const base::JsonValue token = known.Entry(found, name);
  ASSIGN_OR_RETURN(const base::JsonValue list, token.Get("ids"));
  ASSIGN_OR_RETURN(const simdjson::dom::array array, list.Array());
  int index = 0;
  for (const simdjson::dom::element element : array) {
    const base::JsonValue entry = list.Item(element, index++);
    ASSIGN_OR_RETURN(const int32_t id, ReadId(entry));
    if (id >= vocabulary_size) {
      return entry.ErrorIn(Concat("token ", id, " is not in the vocabulary"));
    }
    ids->push_back(id);
  }
  return absl::OkStatus();
}

// The template of one text: pieces {"Sequence": {"id": "A"}} and {"SpecialToken": {"id": "<s>"}}.
absl::StatusOr<TextFrame> ReadTemplate(const base::JsonValue& processor, int32_t vocabulary_size) {
  ASSIGN_OR_RETURN(const base::JsonValue single, processor.Get("single"));
  ASSIGN_OR_RETURN(const simdjson::dom::array pieces, single.Array());
  TextFrame frame;
  bool has_text = false;
  int index = 0;
  for (const simdjson::dom::element element : pieces) {
    const base::JsonValue piece = single.Item(element, index++);
    ASSIGN_OR_RETURN(const std::optional<base::JsonValue> text, piece.GetOptional("Sequence"));
    if (!text.has_value()) {
      ASSIGN_OR_RETURN(const base::JsonValue token, piece.Get("SpecialToken"));
      RETURN_IF_ERROR(AddSpecialToken(processor, token, vocabulary_size,
                                      has_text ? &frame.after : &frame.before));
      continue;
    }
    ASSIGN_OR_RETURN(const std::string_view id, text->GetString("id"));
    if (id != "A" || has_text) return text->Error("is not the one text \"A\"");
    has_text = true;
  }
  if (!has_text) return single.Error("has no text \"A\"");
  return frame;
}

}  // namespace

absl::StatusOr<TextFrame> ReadTextFrame(const base::JsonValue& root, int32_t vocabulary_size) {
  TextFrame frame;
  bool has_template = false;
  ASSIGN_OR_RETURN(const auto steps, ReadComponent(root, "post_processor", "processors"));
  for (const ComponentStep& step : steps) {
    if (step.type == "ByteLevel") continue;  // It moves offsets, which are not kept.
    if (step.type != "TemplateProcessing") return step.Unsupported();
    if (has_template) return step.json.ErrorIn("a second TemplateProcessing is not supported");
    has_template = true;
    ASSIGN_OR_RETURN(frame, ReadTemplate(step.json, vocabulary_size));
  }
  return frame;
}

}  // namespace lluda::tokenizer
