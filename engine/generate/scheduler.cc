#include "engine/generate/scheduler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::engine {

absl::StatusOr<std::unique_ptr<Scheduler>> Scheduler::Create(
    runtime::Executable* executable, const runtime::SessionOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(executable, options));
  if (session->width() != session->vocabulary()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the model gives ", session->width(), " numbers for a token, no logits of its ",
        session->vocabulary(), " tokens: it makes embeddings, no text"));
  }
  return std::unique_ptr<Scheduler>(new Scheduler(executable, std::move(session)));
}

void Scheduler::Add(Sequence* sequence) { waiting_.push_back(sequence); }

bool Scheduler::Retire() {
  const auto finished = [&](const Running& running) {
    if (!running.sequence->CheckFinished()) return false;
    slots_.Release(running.slot);
    return true;
  };
  const auto end = std::remove_if(running_.begin(), running_.end(), finished);
  const bool any = end != running_.end();
  running_.erase(end, running_.end());
  return any;
}

void Scheduler::Admit() {
  const auto cancelled = [](Sequence* sequence) {
    if (sequence->cancelled()) sequence->Cancel();
    return sequence->finished();
  };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), cancelled), waiting_.end());
  while (!waiting_.empty()) {
    Sequence* sequence = waiting_.front();
    const std::optional<PrefixSlots::Place> place = slots_.Take(sequence->tokens());
    if (!place) return;
    session_->Truncate(place->slot, place->shared);
    sequence->Reuse(place->shared);
    running_.push_back({sequence, place->slot});
    waiting_.pop_front();
  }
}

absl::StatusOr<bool> Scheduler::Step() {
  Retire();
  // A sequence may be finished as soon as it has a slot, which is then free for the next one.
  do {
    Admit();
  } while (Retire());
  if (running_.empty()) return false;
  std::vector<StepWish> wishes;
  for (const Running& running : running_) {
    wishes.push_back(
        {static_cast<int64_t>(running.sequence->waiting().size()), running.sequence->decoding()});
  }
  absl::Status status = RunStep(PlanStep(wishes, {session_->max_step(), session_->max_rows()}));
  if (status.ok()) return true;
  for (const Running& running : running_) slots_.Release(running.slot);
  running_.clear();
  waiting_.clear();
  return status;
}

absl::Status Scheduler::RunStep(absl::Span<const StepPart> parts) {
  std::vector<runtime::Chunk> chunks;
  for (const StepPart& part : parts) {
    const Running& running = running_[part.sequence];
    chunks.push_back({running.slot,
                      running.sequence->waiting().subspan(0, static_cast<size_t>(part.tokens)),
                      part.logits});
  }
  ASSIGN_OR_RETURN(const absl::Span<const float> logits, session_->Step(chunks));
  size_t row = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Running& running = running_[parts[i].sequence];
    slots_.Append(running.slot, chunks[i].tokens);
    running.sequence->MarkComputed(parts[i].tokens, executable_->parallel_calls());
    if (!parts[i].logits) continue;
    const auto width = static_cast<size_t>(session_->width());
    running.sequence->Feed(logits.subspan(row++ * width, width), &scratch_);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<const float>> Scheduler::Evaluate(absl::Span<const int32_t> tokens) {
  const std::optional<PrefixSlots::Place> place = slots_.Take(tokens);
  if (!place) return absl::FailedPreconditionError("all slots of the KV cache are taken");
  session_->Truncate(place->slot, place->shared);
  const auto rest = tokens.subspan(static_cast<size_t>(place->shared));
  const runtime::Chunk chunk{place->slot, rest};
  absl::StatusOr<absl::Span<const float>> logits =
      session_->Evaluate(absl::MakeConstSpan(&chunk, 1));
  if (logits.ok()) slots_.Append(place->slot, rest);
  slots_.Release(place->slot);
  return logits;
}

void Scheduler::Clear() {
  slots_.Clear();
  for (int slot = 0; slot < session_->slots(); ++slot) session_->Truncate(slot, 0);
}

}  // namespace lluda::engine
