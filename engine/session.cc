#include "engine/session.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"

namespace lluda::engine {

absl::StatusOr<std::unique_ptr<Session>> Session::Create(Model* model,
                                                         const SessionOptions& options) {
  runtime::SessionOptions one;
  one.context = options.context == 0 ? model->context() : options.context;
  one.max_step = options.max_step == 0 ? model->max_step() : options.max_step;
  absl::StatusOr<std::unique_ptr<Scheduler>> scheduler =
      Scheduler::Create(model->executable(), one);
  if (absl::IsFailedPrecondition(scheduler.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(model->folder(), ": ", scheduler.status().message()));
  }
  if (!scheduler.ok()) return scheduler.status();
  return std::unique_ptr<Session>(new Session(model, *std::move(scheduler)));
}

absl::StatusOr<absl::Span<const float>> Session::Activation(absl::string_view name) {
  const std::vector<runtime::Tensor>& states = model_->executable()->program().states;
  const std::string wanted = absl::StrCat(step_interface::kActivationPrefix, name);
  for (size_t i = 0; i < states.size(); ++i) {
    if (states[i].name != wanted) continue;
    // [slot, position, ...], of which this session has one slot.
    const auto width = static_cast<size_t>(states[i].factor) / sizeof(float);
    std::vector<float>& values = activations_[wanted];
    values.resize(history().size() * width);
    RETURN_IF_ERROR(model_->executable()->ReadState(
        scheduler_->states(), static_cast<uint32_t>(i),
        static_cast<int64_t>(values.size() * sizeof(float)), values.data()));
    return absl::MakeConstSpan(values);
  }
  return absl::NotFoundError(absl::StrCat("activation '", name, "' is not recorded"));
}

void Session::Clear() { scheduler_->Clear(); }

absl::Status Session::CheckPrompt(absl::Span<const int32_t> prompt) const {
  return engine::CheckPrompt(sequence_model(), prompt);
}

absl::StatusOr<absl::Span<const float>> Session::Evaluate(absl::Span<const int32_t> tokens) {
  RETURN_IF_ERROR(CheckPrompt(tokens));
  return scheduler_->Evaluate(tokens);
}

absl::StatusOr<absl::Span<const float>> Session::Evaluate(const Prompt& prompt) {
  RETURN_IF_ERROR(CheckPrompt(prompt.tokens));
  RETURN_IF_ERROR(CheckMedia(prompt.media, static_cast<int64_t>(prompt.tokens.size()),
                             scheduler_->media_width()));
  return scheduler_->Evaluate(prompt.tokens, prompt.media);
}

absl::StatusOr<Generation> Session::Generate(absl::Span<const int32_t> prompt,
                                             const GenerateOptions& options) {
  return Run(Sequence::Create(sequence_model(), prompt, options));
}

absl::StatusOr<Generation> Session::Generate(const Prompt& prompt, const GenerateOptions& options) {
  return Run(Sequence::Create(sequence_model(), prompt, options));
}

absl::StatusOr<Generation> Session::Run(absl::StatusOr<std::unique_ptr<Sequence>> sequence) {
  if (absl::IsFailedPrecondition(sequence.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(model_->folder(), ": ", sequence.status().message()));
  }
  if (!sequence.ok()) return sequence.status();
  scheduler_->Add(sequence->get());
  while (true) {
    ASSIGN_OR_RETURN(const bool more, scheduler_->Step());
    if (!more) return (*sequence)->TakeResult();
  }
}

}  // namespace lluda::engine
