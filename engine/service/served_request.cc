#include "engine/service/served_request.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::engine {
namespace {

constexpr int64_t kMaxChoices = 16;
constexpr int kMaxLogprobs = 20;

absl::Status CheckRequest(const SequenceModel& model, const ServiceRequest& request) {
  if (request.choices < 1 || request.choices > kMaxChoices) {
    return absl::InvalidArgumentError(
        absl::StrCat("choices must be 1 to ", kMaxChoices, ", is ", request.choices));
  }
  const int top = request.top_logprobs.value_or(0);
  if (top < 0 || top > kMaxLogprobs) {
    return absl::InvalidArgumentError(
        absl::StrCat("top_logprobs must be 0 to ", kMaxLogprobs, ", is ", top));
  }
  const auto tokens = static_cast<int64_t>(request.prompt.size());
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
    ASSIGN_OR_RETURN(choice->sequence, Sequence::Create(model, request.prompt, options));
    choice->reported_tokens = request.prompt.size();
    served->choices.push_back(std::move(choice));
  }
  served->open_choices = request.choices;
  served->prompt_bytes =
      request.choices * static_cast<int64_t>(request.prompt.size() * sizeof(int32_t));
  return served;
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
