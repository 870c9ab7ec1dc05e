// Computes several sequences side by side: each step takes tokens of as many as it has room for.
//
//   auto scheduler = Scheduler::Create(model->executable(), {/*slots=*/4});
//   (*scheduler)->Add(first.get());
//   (*scheduler)->Add(second.get());       // at any time; it waits until a slot is free
//   while (*(*scheduler)->Step()) {}       // until all have finished
//   absl::StatusOr<Generation> text = first->TakeResult();
//
// A sequence's result is the same bits as if it were alone, whatever else is computed, in which
// order sequences come, and what the slots held before. A sequence takes the slot that shares the
// longest beginning with it (prefix_slots.h); plan_step.h fills the steps.
#ifndef LLUDA_ENGINE_GENERATE_SCHEDULER_H_
#define LLUDA_ENGINE_GENERATE_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/plan_step.h"
#include "engine/generate/prefix_slots.h"
#include "engine/generate/sequence.h"
#include "runtime/session.h"

namespace lluda::engine {

class Scheduler {
 public:
  // The executable must be loaded and outlive the scheduler. InvalidArgument when the options
  // exceed what the program was compiled for; FailedPrecondition for one that gives no logits.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Create(runtime::Executable* executable,
                                                           const runtime::SessionOptions& options);

  // Computes `sequence` in the steps to come. It must outlive them or be finished by then, and be
  // made for a model of this vocabulary() and context().
  void Add(Sequence* sequence);

  // Lets go of finished sequences, gives free slots to those that wait, and runs one step. Whether
  // there is anything left to do. On an error no sequence can go on: all are let go.
  absl::StatusOr<bool> Step();

  // The logits [vocabulary] of the token after `tokens`, which CheckPrompt has found to be right,
  // valid until the next step. FailedPrecondition if no slot is free.
  absl::StatusOr<absl::Span<const float>> Evaluate(absl::Span<const int32_t> tokens);

  // Forgets what the slots hold. No sequence is being computed.
  void Clear();

  // The tokens whose keys and values the slot holds.
  const std::vector<int32_t>& held(int slot) const { return slots_.tokens(slot); }
  int64_t context() const { return session_->context(); }
  int64_t vocabulary() const { return session_->vocabulary(); }
  int64_t kv_bytes() const { return session_->kv_bytes(); }
  const runtime::States& states() const { return session_->states(); }

 private:
  struct Running {
    Sequence* sequence = nullptr;
    int slot = 0;
  };

  Scheduler(runtime::Executable* executable, std::unique_ptr<runtime::Session> session)
      : executable_(executable), session_(std::move(session)), slots_(session_->slots()) {}

  // Lets go of finished sequences; whether there were any.
  bool Retire();
  // Gives free slots to sequences that wait.
  void Admit();
  absl::Status RunStep(absl::Span<const StepPart> parts);

  runtime::Executable* executable_;
  std::unique_ptr<runtime::Session> session_;
  PrefixSlots slots_;
  SamplerScratch scratch_;  // of all sequences
  std::deque<Sequence*> waiting_;
  std::vector<Running> running_;  // in the order they came
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_SCHEDULER_H_
