// Computes several sequences side by side: each step takes tokens of as many as it has room for.
//
//   auto scheduler = Scheduler::Create(model->executable(), {/*slots=*/4});
//   (*scheduler)->Add(first.get());
//   (*scheduler)->Add(second.get());       // at any time; it waits until a slot is free
//   while (*(*scheduler)->Step()) {}       // until all have finished
//   absl::StatusOr<Generation> text = first->TakeResult();
//
// A sequence's result is the same bits as if it were alone, whatever else is computed, in which
// order sequences come, and what the cache held before. A sequence goes on from the longest beginning
// that the cache holds of it (sequence_cache.h); plan_step.h fills the steps.
//
// Where the cache has fewer pages than its slots could fill, and a step needs one that there is not,
// what is remembered of sequences that have ended goes, the oldest first; then the sequence that came
// last is set back: it loses its place, waits, and is computed again like a prompt. The one that came
// first never is, so that something always ends.
#ifndef LLUDA_ENGINE_GENERATE_SCHEDULER_H_
#define LLUDA_ENGINE_GENERATE_SCHEDULER_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/generate/draft/draft_depth.h"
#include "engine/generate/plan_step.h"
#include "engine/generate/sequence.h"
#include "engine/generate/sequence_cache.h"
#include "engine/generate/step_times.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/session/session.h"

namespace lluda::engine {

// Sees each row of logits [vocabulary] that a sequence was fed, just after it: on the thread that
// fed it, at the same time as others see theirs.
using RowReader = std::function<void(absl::Span<const float> logits)>;

class Scheduler {
 public:
  // The executable must be loaded and outlive the scheduler. `pool`, if given, is the one that the
  // executable runs on: tokens are then chosen on all of its threads. InvalidArgument when the
  // options exceed what the program was compiled for; FailedPrecondition for one that gives no
  // logits.
  static absl::StatusOr<std::unique_ptr<Scheduler>> Create(runtime::Executable* executable,
                                                           const runtime::SessionOptions& options,
                                                           runtime::ThreadPool* pool = nullptr);

  // Computes `sequence` in the steps to come. It must outlive them or be let go by then, and be
  // made for a model of this vocabulary() and context(). `read_row` may be empty. What is computed
  // of it is used again for sequences of the same `prefix_key` only.
  void Add(Sequence* sequence, RowReader read_row = {}, absl::string_view prefix_key = "");

  // A paused sequence keeps its slot and is not computed.
  void Pause(const Sequence* sequence, bool paused);

  // Lets go of finished sequences, gives free slots to those that wait, and runs one step. Whether
  // it did: false if there is nothing to compute. On an error no sequence can go on: all are let go.
  absl::StatusOr<bool> Step() { return RunNext(std::nullopt); }
  // The same with only so many tokens of prompts, if there are texts that wait for the step, that it
  // is likely to take no more than `seconds`: by SetCosts, corrected by each step that is run so.
  absl::StatusOr<bool> StepWithin(double seconds) { return RunNext(seconds); }
  void SetCosts(const StepCosts& costs) { times_ = StepTimes(costs); }
  // Whether a step of so many tokens is likely to read weights for as long as it multiplies with them.
  bool IsReading(int64_t tokens) const { return times_.IsReading(tokens); }

  // Lets go of those that have finished, or were cancelled, which otherwise the next step does.
  void LetGoOfFinished();

  // The logits [vocabulary] of the token after `tokens`, which CheckPrompt and CheckMedia have found
  // to be right, valid until the next step. FailedPrecondition if no slot is free.
  absl::StatusOr<absl::Span<const float>> Evaluate(absl::Span<const int32_t> tokens,
                                                   absl::Span<const PlacedMedia> media = {});

  // Forgets what the slots hold. No sequence is being computed.
  void Clear();

  // The tokens whose keys and values the slot holds.
  const std::vector<int32_t>& held(int slot) const { return cache_->tokens(slot); }
  int64_t context() const { return session_->context(); }
  int64_t vocabulary() const { return session_->vocabulary(); }
  int64_t media_width() const { return session_->media_width(); }
  int64_t max_step() const { return session_->max_step(); }
  int slots() const { return session_->slots(); }
  // Slots that neither a running sequence has nor a waiting one will take.
  int free_slots() const {
    return std::max(0, slots() - static_cast<int>(running_.size() + waiting_.size()));
  }
  int64_t kv_bytes() const { return session_->kv_bytes(); }
  // Pages of the cache, and those that are in use, by running sequences or for what is remembered.
  int64_t pages() const { return session_->pages(); }
  int64_t used_pages() const { return session_->pages() - session_->free_pages(); }
  // How often a sequence was set back.
  int64_t preemptions() const { return preemptions_; }
  // Writes to all memory of the cache; nothing was computed yet.
  void TouchMemory(runtime::ThreadPool* pool) { session_->TouchMemory(pool); }
  const runtime::States& states() const { return session_->states(); }

 private:
  struct Member {
    Sequence* sequence = nullptr;
    RowReader read_row;
    std::string prefix_key;
    bool paused = false;
    int slot = 0;  // of a running one
  };
  // A row of logits and whose it is.
  struct Row {
    Member* member = nullptr;
    absl::Span<const float> logits;
  };

  Scheduler(runtime::Executable* executable, std::unique_ptr<runtime::Session> session,
            runtime::ThreadPool* pool)
      : executable_(executable),
        session_(std::move(session)),
        pool_(pool),
        cache_(MakeSequenceCache(session_.get())),
        scratch_(static_cast<size_t>(pool == nullptr ? 1 : pool->threads())) {}

  // Lets go of finished sequences; whether there were any.
  bool Retire();
  // Gives free slots to sequences that wait.
  absl::Status Admit();
  // Gives free pages to the parts; sets sequences back until there are enough. Whether the parts are
  // to be planned anew, as one of the members may be gone.
  bool SetBackFor(absl::Span<const StepPart> parts, absl::Span<Member* const> members);
  // Lets go of all of them.
  absl::Status Fail(absl::Status status);
  absl::StatusOr<bool> RunNext(std::optional<double> seconds);
  enum class StepOutcome : uint8_t { kNothing, kRun, kSetBack };
  // kSetBack: none was run, as a sequence had to make room; the next try may go.
  absl::StatusOr<StepOutcome> TryStep(std::optional<double> seconds);
  // `members` are those that the parts' sequences are numbered by, here and below.
  static StepShape ShapeOf(absl::Span<const StepPart> parts, absl::Span<Member* const> members);
  static int64_t LogitsNeeded(const Member& member);
  absl::Status RunStep(absl::Span<const StepPart> parts, absl::Span<Member* const> members);
  void FeedRows(absl::Span<const Row> rows);
  // A step of a sequence that is alone and writes: with guesses behind its token, of which those
  // that come true are kept.
  absl::Status RunDraftStep(Member* member, int64_t max_tokens);

  runtime::Executable* executable_;
  std::unique_ptr<runtime::Session> session_;
  runtime::ThreadPool* pool_;
  std::unique_ptr<SequenceCache> cache_;
  std::vector<SamplerScratch> scratch_;  // one for each thread
  DraftTimes draft_times_;
  StepTimes times_;
  int64_t preemptions_ = 0;
  std::deque<Member> waiting_;
  std::vector<Member> running_;  // in the order they came
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_SCHEDULER_H_
