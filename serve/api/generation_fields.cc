// The fields of requests for text, a row each.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json/json.h"
#include "serve/api/fields.h"
#include "serve/api/generation_request.h"
#include "serve/api/messages.h"
#include "serve/api/prompt_field.h"

namespace lluda::api {
namespace {

constexpr unsigned kChat = static_cast<unsigned>(Endpoint::kChat);
constexpr unsigned kCompletions = static_cast<unsigned>(Endpoint::kCompletions);
constexpr unsigned kBoth = kChat | kCompletions;

constexpr int64_t kMostTokens = std::numeric_limits<int64_t>::max();
constexpr int64_t kMostLogprobs = 20;
constexpr int64_t kMostOfOnePrompt = 16;
constexpr size_t kMostStops = 16;
constexpr SizeBounds kStopSize = {1, 256};
constexpr SizeBounds kLabelSize = {0, 1024};
constexpr size_t kMostBiases = 1024;
constexpr Bounds kBias = {-100, 100};
constexpr double kLargest = std::numeric_limits<float>::max();

// The request that is being read, and what its fields are held against.
struct Reading {
  const ReadOptions* options;
  GenerationRequest* request;
  TextFormat structured_outputs;  // as they ask for it
};

Refusal Unsupported(const Field& field, absl::string_view code, absl::string_view what) {
  return FieldError(field, code, absl::StrCat("is not supported", what));
}

// --- what readers of rows are made of ---

template <auto Member>
Refusal Text(const Field& field, Reading* out) {
  return ReadString(field, kLabelSize, &(out->request->*Member));
}

// A text that is there for people.
template <typename T>
Refusal Label(const Field& field, T*) {
  std::string text;
  return ReadString(field, {0, SIZE_MAX}, &text);
}

template <auto Member>
Refusal Flag(const Field& field, Reading* out) {
  return ReadBool(field, &(out->request->*Member));
}

template <auto Member>
Refusal Integer(const Field& field, IntBounds bounds, Reading* out) {
  int64_t number = 0;
  if (Refusal refusal = ReadInt(field, bounds, &number)) return refusal;
  out->request->*Member = number;
  return std::nullopt;
}

template <auto Member>
Refusal Real(const Field& field, Bounds bounds, Reading* out) {
  double number = 0;
  if (Refusal refusal = ReadNumber(field, bounds, &number)) return refusal;
  out->request->*Member = number;
  return std::nullopt;
}

// Accepted, for it has no effect on a text.
Refusal Neutral(const Field&, Reading*) { return std::nullopt; }

Refusal Refused(const Field& field, Reading*) {
  return Unsupported(field, "unsupported_parameter", "");
}

// One that is fine as long as it asks for nothing.
Refusal OnlyFalse(const Field& field, Reading*) {
  bool value = false;
  if (Refusal refusal = ReadBool(field, &value)) return refusal;
  return value ? Unsupported(field, "unsupported_parameter", "") : std::nullopt;
}

Refusal OnlyWords(const Field& field, std::initializer_list<absl::string_view> words) {
  std::string word;
  if (Refusal refusal = ReadString(field, kLabelSize, &word)) return refusal;
  if (std::find(words.begin(), words.end(), word) != words.end()) return std::nullopt;
  return FieldError(field, "unsupported_value",
                    absl::StrCat("must be ", absl::StrJoin(words, " or "), ", is \"",
                                 base::QuoteName(word), "\""));
}

// --- readers of single fields ---

Refusal ReadStop(const Field& field, Reading* out) {
  const auto take = [out](const Field& item) -> Refusal {
    return ReadString(item, kStopSize, &out->request->stop.emplace_back());
  };
  if (field.value.is_string()) return take(field);
  if (!field.value.is_array()) return WrongType(field, "a string or a list of strings");
  return ReadList(field, {0, kMostStops}, take);
}

Refusal ReadPrompt(const Field& field, Reading* out) {
  return ReadPrompts(field, out->options->vocabulary, static_cast<size_t>(kMostChoices),
                     &out->request->prompts);
}

Refusal ReadStreamOptions(const Field& field, Reading* out) {
  out->request->has_stream_options = true;
  constexpr FieldRow<Reading> kRows[] = {
      {"include_usage", kEverywhere, &Flag<&GenerationRequest::include_usage>},
      {"include_obfuscation", kEverywhere, &OnlyFalse},
  };
  return ReadByTable(field, absl::MakeConstSpan(kRows), kEverywhere, &out->request->ignored, out);
}

// Of response_format. Two of its types have a schema, each in a place of its own.
struct FormatFields {
  Reading* reading = nullptr;
  std::string type;
  bool has_json_schema = false;
  TextFormat in_json_schema, beside_type;
};

template <TextFormat FormatFields::* Member>
Refusal Schema(const Field& field, FormatFields* out) {
  if (!field.value.is_object()) return WrongType(field, "an object, a JSON schema");
  out->*Member = {TextFormat::kJsonSchema, simdjson::minify(field.value), field.path};
  return std::nullopt;
}

// The schema of {"name": ..., "schema": {...}, "strict": ...}: all of it is enforced in any case.
Refusal ReadJsonSchema(const Field& field, FormatFields* out) {
  out->has_json_schema = true;
  constexpr FieldRow<FormatFields> kRows[] = {
      {"name", kEverywhere, &Label<FormatFields>},
      {"description", kEverywhere, &Label<FormatFields>},
      {"strict", kEverywhere,
       [](const Field& f, FormatFields*) {
         bool strict = false;
         return ReadBool(f, &strict);
       }},
      {"schema", kEverywhere, &Schema<&FormatFields::in_json_schema>},
  };
  return ReadByTable(field, absl::MakeConstSpan(kRows), kEverywhere,
                     &out->reading->request->ignored, out);
}

Refusal ReadFormatType(const Field& field, FormatFields* out) {
  if (Refusal refusal = ReadString(field, kLabelSize, &out->type)) return refusal;
  for (const char* type : {"text", "json_object", "json_schema"}) {
    if (out->type == type) return std::nullopt;
  }
  return WrongValue(field, "text, json_object or json_schema");
}

// {"type": "json_object", "schema": {...}} is how llama.cpp has it.
Refusal ReadResponseFormat(const Field& field, Reading* out) {
  constexpr FieldRow<FormatFields> kRows[] = {
      {"type", kEverywhere, &ReadFormatType},
      {"json_schema", kEverywhere, &ReadJsonSchema},
      {"schema", kEverywhere, &Schema<&FormatFields::beside_type>},
  };
  FormatFields read;
  read.reading = out;
  if (Refusal refusal = ReadByTable(field, absl::MakeConstSpan(kRows), kEverywhere,
                                    &out->request->ignored, &read)) {
    return refusal;
  }
  const auto refuse = [&field](absl::string_view name, absl::string_view code,
                               absl::string_view reason) {
    return FieldError({absl::StrCat(field.path, ".", name), field.value}, code, reason);
  };
  if (read.type.empty()) return refuse("type", "missing_required_parameter", "is missing");
  const bool is_schema = read.type == "json_schema";
  const bool is_object = read.type == "json_object";
  if (read.has_json_schema && !is_schema) {
    return refuse("json_schema", "invalid_value", "is for the type json_schema alone");
  }
  const bool has_schema = read.beside_type.kind != TextFormat::kAny;
  if (has_schema && !is_object) {
    return refuse("schema", "invalid_value", "is for the type json_object alone");
  }
  if (is_schema && read.in_json_schema.kind == TextFormat::kAny) {
    return refuse("json_schema.schema", "missing_required_parameter", "is missing");
  }
  if (is_schema) out->request->format = std::move(read.in_json_schema);
  if (is_object) out->request->format = {TextFormat::kJsonObject, "", field.path};
  if (has_schema) out->request->format = std::move(read.beside_type);
  return std::nullopt;
}

// vLLM's field; of its kinds, the regular expression.
Refusal ReadStructuredOutputs(const Field& field, Reading* out) {
  return ReadObject(field, [out](absl::string_view name, const Field& member) -> Refusal {
    if (name != "regex") return Unsupported(member, "unsupported_value", "");
    out->structured_outputs.kind = TextFormat::kRegex;
    out->structured_outputs.param = member.path;
    return ReadString(member, {1, SIZE_MAX}, &out->structured_outputs.source);
  });
}

Refusal ReadModalities(const Field& field, Reading*) {
  return ReadList(field, {0, 16}, [](const Field& item) { return OnlyWords(item, {"text"}); });
}

// {"ID": BIAS, ...}, as OpenAI has it: tokens' numbers as names.
Refusal ReadBias(const Field& field, Reading* out) {
  std::vector<TokenBias>& biases = out->request->logit_bias;
  const int64_t last =
      std::min<int64_t>(out->options->vocabulary - 1, std::numeric_limits<int32_t>::max());
  return ReadObject(field, [&](absl::string_view name, const Field& member) -> Refusal {
    TokenBias bias;
    const bool is_number = absl::SimpleAtoi(name, &bias.token) && absl::StrCat(bias.token) == name;
    if (!is_number || bias.token < 0 || bias.token > last) {
      return FieldError(member, "invalid_value",
                        absl::StrCat("must be named by a token, 0 to ", last));
    }
    if (biases.size() == kMostBiases) {
      return FieldError(field, "invalid_value",
                        absl::StrCat("has more than ", kMostBiases, " tokens"));
    }
    if (Refusal refusal = ReadNumber(member, kBias, &bias.bias)) return refusal;
    biases.push_back(bias);
    return std::nullopt;
  });
}

Refusal ReadSuffix(const Field& field, Reading*) {
  std::string text;
  if (Refusal refusal = ReadString(field, {0, SIZE_MAX}, &text)) return refusal;
  return text.empty() ? std::nullopt : Unsupported(field, "unsupported_parameter", "");
}

Refusal ReadBestOf(const Field& field, Reading*) {
  int64_t number = 0;
  if (Refusal refusal = ReadInt(field, {1, kMostTokens}, &number)) return refusal;
  return number == 1 ? std::nullopt : Unsupported(field, "unsupported_parameter", "");
}

Refusal ReadEffort(const Field& field, Reading* out) {
  if (Refusal refusal =
          OnlyWords(field, {"none", "minimal", "low", "medium", "high", "xhigh", "max"})) {
    return refusal;
  }
  const std::string_view level = field.value.get_string().value_unsafe();
  // What chat_template_kwargs says is more exact.
  if (!out->request->enable_thinking) out->request->enable_thinking = level != "none";
  return std::nullopt;
}

Refusal ReadTemplateArguments(const Field& field, Reading* out) {
  return ReadObject(field, [out](absl::string_view name, const Field& member) -> Refusal {
    if (name != "enable_thinking") return Unsupported(member, "unsupported_parameter", "");
    bool value = false;
    if (Refusal refusal = ReadBool(member, &value)) return refusal;
    out->request->enable_thinking = value;
    return std::nullopt;
  });
}

Refusal ReadOwn(const Field& field, Reading* out) {
  constexpr FieldRow<Reading> kRows[] = {
      {"cached_tokens", kEverywhere, &Flag<&GenerationRequest::cached_tokens>},
  };
  return ReadByTable(field, absl::MakeConstSpan(kRows), kEverywhere, &out->request->ignored, out);
}

Refusal ReadSalt(const Field& field, Reading* out) {
  std::string salt;
  if (Refusal refusal = ReadString(field, kLabelSize, &salt)) return refusal;
  absl::StrAppend(&out->request->prefix_salt, field.path, "=", salt.size(), ":", salt, ";");
  return std::nullopt;
}

constexpr FieldRow<Reading> kRows[] = {
    {"model", kBoth, &Text<&GenerationRequest::model>},
    {"messages", kChat, [](const Field& f, Reading* r) { return ReadMessages(f, r->request); }},
    {"prompt", kCompletions, &ReadPrompt},
    {"max_completion_tokens", kBoth,
     [](const Field& f, Reading* r) {
       return Integer<&GenerationRequest::max_completion_tokens>(f, {1, kMostTokens}, r);
     }},
    {"max_tokens", kBoth,
     [](const Field& f, Reading* r) {
       return Integer<&GenerationRequest::max_tokens>(f, {1, kMostTokens}, r);
     }},
    {"temperature", kBoth,
     [](const Field& f, Reading* r) {
       return Real<&GenerationRequest::temperature>(f, {0, 2}, r);
     }},
    {"top_p", kBoth,
     [](const Field& f, Reading* r) {
       return Real<&GenerationRequest::top_p>(f, {0, 1, /*open_min=*/true}, r);
     }},
    {"min_p", kBoth,
     [](const Field& f, Reading* r) { return Real<&GenerationRequest::min_p>(f, {0, 1}, r); }},
    {"top_k", kBoth,
     [](const Field& f, Reading* r) {
       return Integer<&GenerationRequest::top_k>(f, {0, kMostTokens}, r);
     }},
    {"presence_penalty", kBoth,
     [](const Field& f, Reading* r) {
       return Real<&GenerationRequest::presence_penalty>(f, {-2, 2}, r);
     }},
    {"frequency_penalty", kBoth,
     [](const Field& f, Reading* r) {
       return Real<&GenerationRequest::frequency_penalty>(f, {-2, 2}, r);
     }},
    {"repetition_penalty", kBoth,
     [](const Field& f, Reading* r) {
       return Real<&GenerationRequest::repetition_penalty>(f, {0, kLargest, /*open_min=*/true}, r);
     }},
    {"seed", kBoth,
     [](const Field& f, Reading* r) {
       return Integer<&GenerationRequest::seed>(
           f, {std::numeric_limits<int64_t>::min(), kMostTokens}, r);
     }},
    {"n", kBoth,
     [](const Field& f, Reading* r) {
       return Integer<&GenerationRequest::choices>(f, {1, kMostOfOnePrompt}, r);
     }},
    {"stop", kBoth, &ReadStop},
    {"ignore_eos", kBoth, &Flag<&GenerationRequest::ignore_eos>},
    {"logit_bias", kBoth, &ReadBias},
    {"logprobs", kChat, &Flag<&GenerationRequest::wants_logprobs>},
    {"logprobs", kCompletions,
     [](const Field& f, Reading* r) {
       r->request->wants_logprobs = true;
       return Integer<&GenerationRequest::top_logprobs>(f, {0, kMostLogprobs}, r);
     }},
    {"top_logprobs", kChat,
     [](const Field& f, Reading* r) {
       return Integer<&GenerationRequest::top_logprobs>(f, {0, kMostLogprobs}, r);
     }},
    {"stream", kBoth, &Flag<&GenerationRequest::stream>},
    {"stream_options", kBoth, &ReadStreamOptions},
    {"response_format", kBoth, &ReadResponseFormat},
    {"structured_outputs", kBoth, &ReadStructuredOutputs},
    {"tools", kChat, [](const Field& f, Reading* r) { return ReadTools(f, r->request); }},
    {"tool_choice", kChat,
     [](const Field& f, Reading* r) { return ReadToolChoice(f, r->request); }},
    {"parallel_tool_calls", kChat, &Flag<&GenerationRequest::parallel_tool_calls>},
    {"reasoning_effort", kChat, &ReadEffort},
    {"chat_template_kwargs", kChat, &ReadTemplateArguments},
    {"echo", kCompletions, &OnlyFalse},
    {"suffix", kCompletions, &ReadSuffix},
    {"best_of", kCompletions, &ReadBestOf},
    {"lluda", kBoth, &ReadOwn},
    {"prompt_cache_key", kBoth, &ReadSalt},
    {"cache_salt", kBoth, &ReadSalt},
    {"user", kBoth, &Neutral},
    {"metadata", kBoth, &Neutral},
    {"safety_identifier", kBoth, &Neutral},
    {"service_tier", kBoth,
     [](const Field& f, Reading*) { return OnlyWords(f, {"auto", "default"}); }},
    {"verbosity", kBoth, [](const Field& f, Reading*) { return OnlyWords(f, {"medium"}); }},
    {"store", kBoth, &OnlyFalse},
    {"modalities", kBoth, &ReadModalities},
    {"audio", kBoth, &Refused},
    {"prediction", kBoth, &Refused},
    {"web_search_options", kBoth, &Refused},
    {"functions", kBoth, &Refused},
    {"function_call", kBoth, &Refused},
    {"moderation", kBoth, &Refused},
    {"prompt_cache_retention", kBoth, &Refused},
};

// --- what fields say together ---

Refusal MergeFormats(Reading* reading) {
  TextFormat& wanted = reading->structured_outputs;
  if (wanted.kind == TextFormat::kAny) return std::nullopt;
  if (reading->request->format.kind != TextFormat::kAny) {
    return ApiError{
        400, "invalid_value", wanted.param,
        absl::StrCat(wanted.param, ": does not go together with ", reading->request->format.param)};
  }
  reading->request->format = std::move(wanted);
  return std::nullopt;
}

Refusal CheckTogether(Endpoint endpoint, const GenerationRequest& request) {
  if (endpoint == Endpoint::kChat && request.messages.empty()) return MissingField("messages");
  if (endpoint == Endpoint::kCompletions && request.prompts.empty()) return MissingField("prompt");
  if (request.has_stream_options && !request.stream) {
    return ApiError{400, "invalid_value", "stream_options",
                    "stream_options: is for streams alone, and stream is not true"};
  }
  if (request.top_logprobs && !request.wants_logprobs) {
    return ApiError{400, "invalid_value", "top_logprobs",
                    "top_logprobs: logprobs must be true with it"};
  }
  const int64_t choices = request.choices * static_cast<int64_t>(request.prompts.size());
  if (choices > kMostChoices) {
    return ApiError{
        400, "invalid_value", "n",
        absl::StrCat("n: ", request.choices, " answers to each of ", request.prompts.size(),
                     " prompts are more than the ", kMostChoices, " that are allowed")};
  }
  if (request.format.kind != TextFormat::kAny && !request.tools.empty() &&
      request.tool_choice != ToolChoice::kNone) {
    return ApiError{
        400, "unsupported_value", request.format.param,
        absl::StrCat(request.format.param, ": does not go together with tools that may be called")};
  }
  if (request.tool_choice != ToolChoice::kRequired) return std::nullopt;
  if (request.tools.empty()) {
    return ApiError{400, request.chosen_tool.empty() ? "invalid_value" : "unknown_tool",
                    "tool_choice", "tool_choice: asks for a call, and there are no tools"};
  }
  const auto is_chosen = [&request](const Tool& tool) { return tool.name == request.chosen_tool; };
  if (request.chosen_tool.empty() ||
      std::any_of(request.tools.begin(), request.tools.end(), is_chosen)) {
    return std::nullopt;
  }
  return ApiError{
      400, "unknown_tool", "tool_choice.function.name",
      absl::StrCat("tool_choice.function.name: there is no tool '", request.chosen_tool, "'")};
}

}  // namespace

Refusal ReadGenerationRequest(Endpoint endpoint, absl::string_view body, const ReadOptions& options,
                              GenerationRequest* request) {
  Reading reading = {&options, request, {}};
  if (Refusal refusal = ReadBody(body, absl::MakeConstSpan(kRows), static_cast<unsigned>(endpoint),
                                 options.strict_fields, &request->ignored, &reading)) {
    return refusal;
  }
  if (Refusal refusal = MergeFormats(&reading)) return refusal;
  return CheckTogether(endpoint, *request);
}

}  // namespace lluda::api
