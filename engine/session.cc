#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "frontends/tokenizer/stream_decoder.h"
#include "runtime/stop.h"

namespace lluda::engine {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Turns tokens into the text that may be given out.
class TextOutput {
 public:
  TextOutput(const tokenizer::Tokenizer* tokenizer, runtime::StopStrings stops,
             const std::function<bool(absl::string_view)>* on_text, std::string* text)
      : stops_(std::move(stops)), on_text_(on_text), text_(text) {
    if (tokenizer != nullptr) decoder_.emplace(tokenizer);
  }

  void Add(int32_t token) {
    if (decoder_) Give(stops_.Push(decoder_->Add(token)));
  }

  // Call once, at the end.
  void Finish() {
    if (!decoder_) return;
    Give(stops_.Push(decoder_->Finish()));
    if (!stops_.stopped()) Give(stops_.Flush());
  }

  bool stopped() const { return stops_.stopped(); }
  bool refused() const { return refused_; }

 private:
  void Give(absl::string_view piece) {
    if (piece.empty() || refused_) return;
    text_->append(piece.data(), piece.size());
    if (*on_text_ && !(*on_text_)(piece)) refused_ = true;
  }

  std::optional<tokenizer::StreamDecoder> decoder_;
  runtime::StopStrings stops_;
  const std::function<bool(absl::string_view)>* on_text_;
  std::string* text_;
  bool refused_ = false;
};

}  // namespace

absl::string_view FinishReasonName(FinishReason reason) {
  constexpr absl::string_view kNames[] = {"length", "stop", "context", "cancelled"};
  return kNames[static_cast<size_t>(reason)];
}

absl::StatusOr<std::unique_ptr<Session>> Session::Create(Model* model,
                                                         const SessionOptions& options) {
  runtime::SessionOptions runtime_options;
  runtime_options.context = options.context == 0 ? model->context() : options.context;
  runtime_options.max_step = options.max_step == 0 ? model->max_step() : options.max_step;
  absl::StatusOr<std::unique_ptr<runtime::Session>> runtime =
      runtime::Session::Create(model->executable(), runtime_options);
  if (!runtime.ok()) return runtime.status();
  return std::unique_ptr<Session>(
      new Session(model, *std::move(runtime), runtime_options.max_step));
}

absl::StatusOr<absl::Span<const float>> Session::Activation(absl::string_view name) const {
  const std::vector<runtime::State>& states = model_->executable()->program().states;
  const std::string wanted = absl::StrCat("act_", name);
  for (size_t i = 0; i < states.size(); ++i) {
    if (states[i].name != wanted) continue;
    // [slot, position, ...], of which this session has one slot.
    const auto width = static_cast<size_t>(states[i].factor) / sizeof(float);
    const char* data = runtime_->states().buffer(static_cast<uint32_t>(i));
    return absl::MakeConstSpan(reinterpret_cast<const float*>(data), history_.size() * width);
  }
  return absl::NotFoundError(absl::StrCat("activation '", name, "' is not recorded"));
}

void Session::Clear() {
  runtime_->Truncate(0, 0);
  history_.clear();
}

absl::Status Session::CheckPrompt(absl::Span<const int32_t> prompt) const {
  if (prompt.empty()) return absl::InvalidArgumentError("the prompt is empty");
  if (static_cast<int64_t>(prompt.size()) > context()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the prompt has ", prompt.size(), " tokens, the context holds ", context()));
  }
  for (const int32_t token : prompt) {
    if (token < 0 || token >= vocabulary()) {
      return absl::InvalidArgumentError(absl::StrCat("the prompt has token ", token,
                                                     ", the model knows 0 to ", vocabulary() - 1));
    }
  }
  return absl::OkStatus();
}

int64_t Session::KeepPrefix(absl::Span<const int32_t> prompt) {
  // The last token is computed again, for its logits.
  const size_t limit = std::min(history_.size(), prompt.size() - 1);
  size_t kept = 0;
  while (kept < limit && history_[kept] == prompt[kept]) ++kept;
  runtime_->Truncate(0, static_cast<int64_t>(kept));
  history_.resize(kept);
  return static_cast<int64_t>(kept);
}

absl::StatusOr<absl::Span<const float>> Session::Append(absl::Span<const int32_t> tokens) {
  absl::StatusOr<absl::Span<const float>> logits = runtime_->Evaluate(tokens);
  if (logits.ok()) history_.insert(history_.end(), tokens.begin(), tokens.end());
  return logits;
}

absl::StatusOr<absl::Span<const float>> Session::Evaluate(absl::Span<const int32_t> tokens) {
  if (absl::Status status = CheckPrompt(tokens); !status.ok()) return status;
  return Append(tokens.subspan(static_cast<size_t>(KeepPrefix(tokens))));
}

absl::StatusOr<Generation> Session::Generate(absl::Span<const int32_t> prompt,
                                             const GenerateOptions& options) {
  const Clock::time_point start = Clock::now();
  if (options.max_new_tokens < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_new_tokens must be at least 0, is ", options.max_new_tokens));
  }
  if (model_->tokenizer() == nullptr && (options.on_text || !options.stop_strings.empty())) {
    return absl::FailedPreconditionError(
        absl::StrCat(model_->folder(), ": has no tokenizer.json, so there is no text"));
  }
  absl::StatusOr<runtime::StopStrings> stops = runtime::StopStrings::Create(options.stop_strings);
  if (!stops.ok()) return stops.status();
  absl::StatusOr<runtime::Sampler> sampler =
      runtime::Sampler::Create(options.sampler, vocabulary());
  if (!sampler.ok()) return sampler.status();
  if (absl::Status status = CheckPrompt(prompt); !status.ok()) return status;
  if (absl::Status status = sampler->AddPrompt(prompt); !status.ok()) return status;

  Generation result;
  const runtime::StopTokens stop_tokens(options.stop_tokens);
  TextOutput output(model_->tokenizer(), *std::move(stops), &options.on_text, &result.text);
  const auto cancelled = [&] {
    return output.refused() || (options.cancel != nullptr && options.cancel->load());
  };
  result.prompt_tokens = static_cast<int64_t>(prompt.size());
  result.reused_tokens = KeepPrefix(prompt);

  absl::Span<const int32_t> waiting = prompt.subspan(static_cast<size_t>(result.reused_tokens));
  Clock::time_point first_token = start;
  while (true) {
    if (static_cast<int64_t>(result.tokens.size()) >= options.max_new_tokens) {
      result.finish = FinishReason::kLength;
      break;
    }
    if (cancelled()) {
      result.finish = FinishReason::kCancelled;
      break;
    }
    if (static_cast<int64_t>(history_.size()) >= context()) {
      result.finish = FinishReason::kContext;
      break;
    }
    // One step at a time, so that a long prompt can be cancelled, too.
    const auto step = waiting.subspan(0, static_cast<size_t>(max_step_));
    absl::StatusOr<absl::Span<const float>> logits = Append(step);
    if (!logits.ok()) return logits.status();
    waiting.remove_prefix(step.size());
    if (!result.tokens.empty()) ++result.decode_steps;
    if (!waiting.empty()) continue;
    result.parallel_calls = model_->executable()->parallel_calls();
    const absl::StatusOr<int32_t> next = sampler->Sample(*logits);
    if (!next.ok()) return next.status();
    if (result.tokens.empty()) {
      first_token = Clock::now();
      result.first_token_seconds = SecondsSince(start);
    }
    if (stop_tokens.Contains(*next)) {
      result.finish = FinishReason::kStop;
      result.stop_token = *next;
      break;
    }
    result.tokens.push_back(*next);
    output.Add(*next);
    if (output.stopped()) {
      result.finish = FinishReason::kStop;
      break;
    }
    waiting = absl::MakeConstSpan(&result.tokens.back(), 1);
  }
  output.Finish();
  if (result.decode_steps > 0) result.decode_seconds = SecondsSince(first_token);
  return result;
}

}  // namespace lluda::engine
