#include "serve/answer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace lluda::serve {
namespace {

using api::AnswerDelta;
using api::Choice;

api::Likely LikelyOf(const tokenizer::Tokenizer& tokenizer, int32_t id, double log_probability) {
  return {std::string(tokenizer.TokenBytes(id)), log_probability};
}

api::TokenLogprobs LogprobsOf(const tokenizer::Tokenizer& tokenizer,
                              const engine::ServedToken& token) {
  api::TokenLogprobs logprobs;
  logprobs.token = LikelyOf(tokenizer, token.id, token.log_probability);
  for (const engine::TokenChance& chance : token.likeliest) {
    logprobs.likeliest.push_back(LikelyOf(tokenizer, chance.id, chance.log_probability));
  }
  return logprobs;
}

api::ApiError ShuttingDown() { return {503, "draining", "", "the server is shutting down"}; }

template <typename T>
void MoveTo(std::vector<T>* target, std::vector<T>* source) {
  for (T& item : *source) target->push_back(std::move(item));
  source->clear();
}

}  // namespace

// Of one prompt: its first choice is `first` of the answer's.
class Answer::PromptListener : public engine::RequestListener {
 public:
  PromptListener(std::shared_ptr<Answer> answer, int64_t first)
      : answer_(std::move(answer)), first_(first) {}
  void OnToken(int64_t choice, const engine::ServedToken& token) override {
    answer_->OnToken(first_ + choice, token);
  }
  void OnEnd(int64_t choice, const std::string& rest,
             absl::StatusOr<engine::Generation> result) override {
    answer_->OnEnd(first_ + choice, rest, std::move(result));
  }

 private:
  std::shared_ptr<Answer> answer_;
  int64_t first_;
};

Answer::Answer(std::shared_ptr<Call> call, AnswerOptions options)
    : call_(std::move(call)), options_(std::move(options)) {}

void Answer::Start(engine::Service* service, std::vector<engine::ServiceRequest> requests) {
  service_ = service;
  const bool is_chat = options_.endpoint == api::Endpoint::kChat;
  choices_.resize(requests.size() * static_cast<size_t>(options_.choices));
  for (size_t i = 0; i < choices_.size(); ++i) {
    choices_[i].whole.index = static_cast<int64_t>(i);
    if (options_.wants_logprobs) choices_[i].whole.logprobs.emplace();
    if (!is_chat) continue;
    api::SplitOptions split = options_.split;
    absl::StrAppend(&split.call_key, ":", i);
    choices_[i].splitter =
        std::make_unique<api::AnswerSplitter>(options_.tokenizer, std::move(split));
  }
  for (const engine::ServiceRequest& request : requests) {
    prompt_tokens_ += static_cast<int64_t>(request.prompt.size());
    if (!options_.keep_texts) continue;
    prompts_.push_back(options_.tokenizer->Decode(request.prompt, /*skip_special=*/false));
  }
  if (options_.stream) call_->PrepareStream();
  int64_t first = 0;
  for (engine::ServiceRequest& request : requests) {
    const absl::StatusOr<uint64_t> id = service->Submit(
        std::move(request), std::make_shared<PromptListener>(shared_from_this(), first));
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!id.ok()) {
      Fail(api::ErrorOf(id.status()));
      return;
    }
    ids_.push_back(*id);
    if (is_over_) {  // another one has failed meanwhile
      service->Cancel(*id);
      return;
    }
    first += options_.choices;
  }
  call_->responder()->Watch(
      [self = shared_from_this()](http::ClientEvent event) { self->OnClient(event); });
}

void Answer::OnClient(http::ClientEvent event) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_over_) return;
  if (event == http::ClientEvent::kGone) {
    is_over_ = true;
    CancelAll();
    call_->Gone(LogOf("abort"));
    return;
  }
  for (const uint64_t id : ids_) service_->Pause(id, event == http::ClientEvent::kPause);
}

void Answer::Abort() {
  const std::lock_guard<std::mutex> lock(mutex_);
  Fail(ShuttingDown());
}

void Answer::OnToken(int64_t choice, const engine::ServedToken& token) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ChoiceState& state = choices_[static_cast<size_t>(choice)];
  if (is_over_ || state.has_ended) return;
  if (first_token_ == 0) first_token_ = call_->Seconds();
  ++state.tokens;
  if (options_.keep_texts) state.written += token.text;
  if (options_.wants_logprobs) state.logprobs.push_back(LogprobsOf(*options_.tokenizer, token));
  AnswerDelta delta;
  if (state.splitter) {
    delta = state.splitter->Add(token.id, token.text);
  } else {
    delta.content = token.text;
  }
  Take(&state, std::move(delta));
  if (state.splitter && state.splitter->done()) EndChoice(&state, "tool_calls");
}

void Answer::OnEnd(int64_t choice, const std::string& rest,
                   absl::StatusOr<engine::Generation> result) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ChoiceState& state = choices_[static_cast<size_t>(choice)];
  if (is_over_) return;
  if (result.ok() && choice % options_.choices == 0) cached_tokens_ += result->reused_tokens;
  if (result.ok()) queue_seconds_ = std::max(queue_seconds_, result->queue_seconds);
  if (options_.keep_texts && !state.has_ended) state.written += rest;
  if (state.has_ended) return;
  if (!result.ok()) {
    const absl::Status& why = result.status();
    Fail(absl::IsResourceExhausted(why) ? api::GrammarError(options_.constraint_param, why)
                                        : api::ErrorOf(why));
    return;
  }
  if (result->finish == engine::FinishReason::kCancelled) {
    Fail(ShuttingDown());
    return;
  }
  AnswerDelta delta;
  if (state.splitter) {
    delta = state.splitter->Finish(rest);
  } else {
    delta.content = rest;
  }
  Take(&state, std::move(delta));
  const bool is_stop = result->finish == engine::FinishReason::kStop;
  const bool has_calls = state.splitter && state.splitter->calls() > 0;
  EndChoice(&state, !is_stop ? "length" : has_calls ? "tool_calls" : "stop");
}

void Answer::Take(ChoiceState* choice, AnswerDelta delta) {
  if (options_.stream) {
    if (!delta.empty()) SendChunk(choice, std::move(delta), "");
    return;
  }
  choice->whole.text.content += delta.content;
  choice->whole.text.reasoning += delta.reasoning;
  for (api::ToolCall& call : delta.calls) {
    api::AddCall(std::move(call), &choice->whole.text.calls);
  }
  if (options_.wants_logprobs) MoveTo(&*choice->whole.logprobs, &choice->logprobs);
}

void Answer::SendChunk(ChoiceState* choice, AnswerDelta delta, const std::string& finish_reason) {
  Choice chunk;
  chunk.index = choice->whole.index;
  std::string events;
  const bool is_chat = options_.endpoint == api::Endpoint::kChat;
  if (is_chat && !choice->has_begun) {
    events += api::StreamEvent(
        api::ChatChunkJson(options_.head, chunk, /*is_first=*/true, options_.include_usage));
  }
  choice->has_begun = true;
  chunk.text = std::move(delta);
  chunk.finish_reason = finish_reason;
  // A chunk of no tokens has none of their logprobs.
  if (options_.wants_logprobs && !choice->logprobs.empty()) {
    chunk.logprobs = std::exchange(choice->logprobs, {});
  }
  if (is_chat) {
    events += api::StreamEvent(
        api::ChatChunkJson(options_.head, chunk, /*is_first=*/false, options_.include_usage));
  } else {
    events += api::StreamEvent(
        api::CompletionChunkJson(options_.head, chunk, choice->characters, options_.include_usage));
    if (chunk.logprobs) choice->characters += api::CharactersOf(*chunk.logprobs);
  }
  call_->responder()->Write(std::move(events));
}

void Answer::EndChoice(ChoiceState* choice, const std::string& finish_reason) {
  choice->has_ended = true;
  choice->whole.finish_reason = finish_reason;
  if (options_.stream) SendChunk(choice, {}, finish_reason);
  if (++ended_ == static_cast<int64_t>(choices_.size())) Finish();
}

api::Usage Answer::UsageOf() const {
  api::Usage usage;
  usage.prompt_tokens = prompt_tokens_;
  int64_t reasoning = 0;
  bool can_think = false;
  for (const ChoiceState& choice : choices_) {
    usage.completion_tokens += choice.tokens;
    if (!choice.splitter) continue;
    can_think = can_think || choice.splitter->can_think();
    reasoning += choice.splitter->reasoning_tokens();
  }
  if (can_think) usage.reasoning_tokens = reasoning;
  if (options_.cached_tokens) usage.cached_tokens = cached_tokens_;
  return usage;
}

GenerationLog Answer::LogOf(const std::string& finish) const {
  GenerationLog log;
  const api::Usage usage = UsageOf();
  log.prompt_tokens = usage.prompt_tokens;
  log.cached_tokens = cached_tokens_;
  log.generated_tokens = usage.completion_tokens;
  log.queue_seconds = queue_seconds_;
  log.first_token_seconds = first_token_;
  log.prompts = prompts_;
  if (options_.keep_texts) {
    for (const ChoiceState& choice : choices_) log.answers.push_back(choice.written);
  }
  const auto choices = static_cast<int64_t>(choices_.size());
  if (usage.completion_tokens > choices) {
    log.token_seconds = (call_->Seconds() - first_token_) * static_cast<double>(choices) /
                        static_cast<double>(usage.completion_tokens - choices);
  }
  log.seed = options_.seed;
  log.fingerprint = options_.head.fingerprint;
  log.finish = finish;
  return log;
}

void Answer::Finish() {
  is_over_ = true;
  CancelAll();  // what goes on behind an answer that has ended
  const api::Usage usage = UsageOf();
  const GenerationLog log = LogOf(choices_.front().whole.finish_reason);
  const bool is_chat = options_.endpoint == api::Endpoint::kChat;
  if (options_.stream) {
    std::string last;
    if (options_.include_usage) {
      last = api::StreamEvent(
          api::UsageChunkJson(is_chat ? api::kChatChunk : api::kCompletion, options_.head, usage));
    }
    call_->responder()->Write(absl::StrCat(last, api::kStreamEnd));
    call_->EndStream(log);
    return;
  }
  std::vector<Choice> choices;
  for (ChoiceState& state : choices_) {
    if (options_.wants_logprobs) MoveTo(&*state.whole.logprobs, &state.logprobs);
    choices.push_back(std::move(state.whole));
  }
  call_->Respond(JsonResponse(200, is_chat ? api::ChatAnswerJson(options_.head, choices, usage)
                                           : api::CompletionJson(options_.head, choices, usage)),
                 log);
}

void Answer::Fail(const api::ApiError& error) {
  if (std::exchange(is_over_, true)) return;
  CancelAll();
  call_->AddRetryAfter(error, service_->RetryAfterSeconds());
  const GenerationLog log = LogOf("error");
  if (options_.stream) {
    call_->FailStream(error, api::StreamEvent(api::ErrorJson(error)), log);
  } else {
    call_->Refuse(error, log);
  }
}

void Answer::CancelAll() {
  for (const uint64_t id : ids_) service_->Cancel(id);
}

}  // namespace lluda::serve
