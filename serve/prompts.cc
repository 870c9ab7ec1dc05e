#include "serve/prompts.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/turn_ends.h"
#include "serve/constraints.h"

namespace lluda::serve {
namespace {

constexpr int64_t kCompletionTokens = 16;  // where the request does not say

engine::SamplerOptions SamplerOf(const ServedModel& model, const api::GenerationRequest& request,
                                 int64_t seed) {
  engine::SamplerOptions sampler = model.sampler;
  const auto set = [](const std::optional<double>& wanted, float* option) {
    if (wanted) *option = static_cast<float>(*wanted);
  };
  set(request.temperature, &sampler.temperature);
  set(request.top_p, &sampler.top_p);
  set(request.min_p, &sampler.min_p);
  set(request.repetition_penalty, &sampler.repetition_penalty);
  set(request.presence_penalty, &sampler.presence_penalty);
  set(request.frequency_penalty, &sampler.frequency_penalty);
  if (request.top_k) sampler.top_k = *request.top_k;
  for (const api::TokenBias& bias : request.logit_bias) {
    sampler.logit_bias.push_back({bias.token, static_cast<float>(bias.bias)});
  }
  sampler.seed = static_cast<uint64_t>(seed);
  return sampler;
}

engine::GenerateOptions OptionsOf(const ServedModel& model, api::Endpoint endpoint,
                                  const api::GenerationRequest& request, int64_t seed) {
  const bool is_chat = endpoint == api::Endpoint::kChat;
  engine::GenerateOptions options;
  const int64_t context = model.texts.context;
  const int64_t wanted = request.max_completion_tokens.value_or(
      request.max_tokens.value_or(is_chat ? context : kCompletionTokens));
  options.max_new_tokens = std::min(wanted, context);
  options.sampler = SamplerOf(model, request, seed);
  options.stop_strings = request.stop;
  options.continues = !is_chat;
  if (request.ignore_eos) return options;
  options.stop_tokens = model.stop_tokens;
  if (!is_chat) return options;
  for (const int32_t id : tokenizer::TurnEnds(model.tokenizer())) options.stop_tokens.push_back(id);
  return options;
}

std::vector<int32_t> TokensOf(const ServedModel& model, const api::Prompt& prompt) {
  if (prompt.tokens) return *prompt.tokens;
  tokenizer::EncodeOptions options;
  options.add_special_tokens = true;
  return model.tokenizer().Encode(prompt.text, options);
}

api::Refusal CheckTokens(const std::string& field, int64_t tokens) {
  if (tokens > 0) return std::nullopt;
  return api::ApiError{400, "invalid_value", field, absl::StrCat(field, ": becomes no tokens")};
}

// The engine says it with numbers, too; here it has a field, and is said before others wait.
api::Refusal CheckLength(const ServedModel& model, const std::string& field, size_t tokens) {
  const int64_t context = model.texts.context;
  const auto count = static_cast<int64_t>(tokens);
  if (api::Refusal refusal = CheckTokens(field, count)) return refusal;
  if (count < context) return std::nullopt;
  return api::ApiError{400, "context_length_exceeded", field,
                       absl::StrCat(field, ": has ", tokens, " tokens, and the context of ",
                                    context, " has to hold an answer, too")};
}

}  // namespace

api::Refusal InputTexts(const ServedModel& model, const api::EmbeddingsRequest& request,
                        std::vector<std::vector<int32_t>>* texts) {
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    texts->push_back(TokensOf(model, request.inputs[i]));
    const std::string field = request.inputs.size() == 1 ? "input" : absl::StrCat("input[", i, "]");
    const auto tokens = static_cast<int64_t>(texts->back().size());
    if (api::Refusal refusal = CheckTokens(field, tokens)) return refusal;
    if (tokens <= model.texts.context) continue;
    return api::ApiError{
        400, "context_length_exceeded", field,
        absl::StrCat(field, ": has ", tokens, " tokens, the context holds ", model.texts.context)};
  }
  return std::nullopt;
}

api::Refusal RenderChat(const ServedModel& model, const api::GenerationRequest& request,
                        jinja::Text* text) {
  if (!model.chat_template) {
    return api::ApiError{400, "chat_template_missing", "messages",
                         absl::StrCat("messages: the model '", model.id,
                                      "' has no chat template; /v1/completions continues texts")};
  }
  tokenizer::ChatOptions options;
  options.enable_thinking = request.enable_thinking;
  options.now = tokenizer::LocalTime();
  if (request.tool_choice != api::ToolChoice::kNone) options.tools_json = request.tools_json;
  absl::StatusOr<jinja::Text> rendered = model.chat_template->Render(request.messages, options);
  if (!rendered.ok()) {
    return api::ApiError{400, "invalid_value", "messages",
                         absl::StrCat("messages: ", rendered.status().message())};
  }
  *text = *std::move(rendered);
  return std::nullopt;
}

api::Refusal MakeServiceRequests(const ServedModel& model, api::Endpoint endpoint,
                                 const api::GenerationRequest& request, int64_t seed,
                                 std::vector<engine::ServiceRequest>* requests) {
  engine::ServiceRequest wanted;
  wanted.options = OptionsOf(model, endpoint, request, seed);
  wanted.choices = request.choices;
  if (request.wants_logprobs)
    wanted.top_logprobs = static_cast<int>(request.top_logprobs.value_or(0));
  if (endpoint == api::Endpoint::kChat) {
    jinja::Text text;
    if (api::Refusal refusal = RenderChat(model, request, &text)) return refusal;
    wanted.prompt = tokenizer::EncodeChat(model.tokenizer(), text);
    if (api::Refusal refusal = CheckLength(model, "messages", wanted.prompt.size())) return refusal;
    if (api::Refusal refusal =
            MakeConstraint(model, endpoint, request, wanted.prompt, &wanted.options.constraint)) {
      return refusal;
    }
    requests->push_back(std::move(wanted));
    return std::nullopt;
  }
  if (api::Refusal refusal =
          MakeConstraint(model, endpoint, request, {}, &wanted.options.constraint)) {
    return refusal;
  }
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    const bool is_one = request.prompts.size() == 1;
    wanted.prompt = TokensOf(model, request.prompts[i]);
    const std::string field = is_one ? "prompt" : absl::StrCat("prompt[", i, "]");
    if (api::Refusal refusal = CheckLength(model, field, wanted.prompt.size())) return refusal;
    requests->push_back(wanted);
  }
  return std::nullopt;
}

}  // namespace lluda::serve
