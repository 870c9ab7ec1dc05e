#include "engine/service/served_request.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/audio_encoder.h"

namespace lluda::engine {
namespace {

constexpr int64_t kMaxChoices = 16;
constexpr int kMaxLogprobs = 20;

// By how many the prompt grows where its sound is.
int64_t AddedTokens(const ServiceRequest& request) {
  return request.sound == nullptr ? 0 : AudioEncoder::RowsOf(request.sound->frames) - 1;
}

// The prompt with its sound's token for each of the sound's rows.
std::vector<int32_t> WholePrompt(const ServiceRequest& request) {
  std::vector<int32_t> prompt = request.prompt;
  if (request.sound == nullptr) return prompt;
  const auto at = prompt.begin() + request.sound->place;
  prompt.insert(at, static_cast<size_t>(AddedTokens(request)), *at);
  return prompt;
}

absl::Status CheckSound(const SequenceModel& model, const ServiceRequest& request) {
  if (request.sound == nullptr) return absl::OkStatus();
  if (model.media_width == 0) return absl::FailedPreconditionError("the model hears nothing");
  const auto tokens = static_cast<int64_t>(request.prompt.size());
  if (request.sound->place < 0 || request.sound->place >= tokens || request.sound->frames < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a sound of ", request.sound->frames, " frames cannot be in place ",
                     request.sound->place, " of ", tokens, " tokens"));
  }
  return absl::OkStatus();
}

absl::Status CheckRequest(const SequenceModel& model, const ServiceRequest& request) {
  RETURN_IF_ERROR(CheckSound(model, request));
  if (request.choices < 1 || request.choices > kMaxChoices) {
    return absl::InvalidArgumentError(
        absl::StrCat("choices must be 1 to ", kMaxChoices, ", is ", request.choices));
  }
  const int top = request.top_logprobs.value_or(0);
  if (top < 0 || top > kMaxLogprobs) {
    return absl::InvalidArgumentError(
        absl::StrCat("top_logprobs must be 0 to ", kMaxLogprobs, ", is ", top));
  }
  const auto tokens = static_cast<int64_t>(request.prompt.size()) + AddedTokens(request);
  if (tokens >= model.context) {
    return absl::OutOfRangeError(absl::StrCat("the prompt has ", tokens,
                                              " tokens, which leaves none of the context's ",
                                              model.context, " for an answer"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServedRequest>> ServedRequest::Create(
    const SequenceModel& model, const ServiceRequest& request,
    std::shared_ptr<RequestListener> listener) {
  RETURN_IF_ERROR(CheckRequest(model, request));
  auto served = std::make_unique<ServedRequest>();
  served->listener = std::move(listener);
  served->client = request.client;
  served->prefix_key = request.prefix_key;
  served->top_logprobs = request.top_logprobs;
  served->sound = request.sound;
  const std::vector<int32_t> prompt = WholePrompt(request);
  for (int64_t i = 0; i < request.choices; ++i) {
    auto choice = std::make_unique<ServedChoice>();
    choice->request = served.get();
    choice->index = i;
    GenerateOptions options = request.options;
    options.cancel = &served->cancel;
    options.sampler.seed += static_cast<uint64_t>(i);
    options.step_by_step = request.top_logprobs.has_value();
    options.on_text = {};
    if (model.tokenizer != nullptr) {
      options.on_text = [choice = choice.get()](absl::string_view piece) {
        choice->AddText(piece);
        return true;
      };
    }
    ASSIGN_OR_RETURN(choice->sequence, Sequence::Create(model, prompt, options));
    choice->options = std::move(options);
    choice->reported_tokens = prompt.size();
    served->choices.push_back(std::move(choice));
  }
  served->open_choices = request.choices;
  served->prompt_bytes = request.choices * static_cast<int64_t>(prompt.size() * sizeof(int32_t));
  if (request.sound != nullptr) {
    served->prompt_bytes += static_cast<int64_t>(request.sound->features.size() * sizeof(float));
  }
  return served;
}

absl::Status ServedRequest::Hear(const SequenceModel& model,
                                 const std::shared_ptr<const MediaRows>& rows) {
  for (const std::unique_ptr<ServedChoice>& choice : choices) {
    const absl::Span<const int32_t> tokens = choice->sequence->tokens();
    const Prompt prompt = {{tokens.begin(), tokens.end()}, {{sound->place, rows}}};
    ASSIGN_OR_RETURN(choice->sequence, Sequence::Create(model, prompt, choice->options));
  }
  sound.reset();
  return absl::OkStatus();
}

void ServedChoice::AddText(absl::string_view piece) {
  const size_t unreported = sequence->tokens().size() - reported_tokens;
  if (unreported > 0) texts.resize(unreported);
  std::string* const text = unreported > 0 ? &texts.back() : &rest;
  text->append(piece.data(), piece.size());
}

void ServedChoice::ReadRow(absl::Span<const float> logits) {
  const absl::Span<const int32_t> tokens = sequence->tokens();
  if (tokens.size() == reported_tokens) return;  // a stop token, or an error
  chances = ChancesOf(logits, tokens.back(), *request->top_logprobs);
}

}  // namespace lluda::engine
