#include "engine/generate/scheduler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"

namespace lluda::engine {

absl::StatusOr<std::unique_ptr<Scheduler>> Scheduler::Create(runtime::Executable* executable,
                                                             const runtime::SessionOptions& options,
                                                             runtime::ThreadPool* pool) {
  ASSIGN_OR_RETURN(std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(executable, options));
  if (session->width() != session->vocabulary()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the model gives ", session->width(), " numbers for a token, no logits of its ",
        session->vocabulary(), " tokens: it makes embeddings, no text"));
  }
  return std::unique_ptr<Scheduler>(new Scheduler(executable, std::move(session), pool));
}

void Scheduler::Add(Sequence* sequence, RowReader read_row, absl::string_view prefix_key) {
  waiting_.push_back({sequence, std::move(read_row), std::string(prefix_key)});
}

void Scheduler::Pause(const Sequence* sequence, bool paused) {
  for (Member& member : running_) {
    if (member.sequence == sequence) member.paused = paused;
  }
  for (Member& member : waiting_) {
    if (member.sequence == sequence) member.paused = paused;
  }
}

bool Scheduler::Retire() {
  const auto finished = [&](const Member& member) {
    if (!member.sequence->CheckFinished()) return false;
    cache_->Release(member.slot);
    return true;
  };
  const auto end = std::remove_if(running_.begin(), running_.end(), finished);
  const bool any = end != running_.end();
  running_.erase(end, running_.end());
  return any;
}

absl::Status Scheduler::Admit() {
  const auto cancelled = [](const Member& member) {
    if (member.sequence->cancelled()) member.sequence->Cancel();
    return member.sequence->finished();
  };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), cancelled), waiting_.end());
  while (!waiting_.empty()) {
    Member& member = waiting_.front();
    const Sequence& sequence = *member.sequence;
    if (!running_.empty() &&
        !cache_->HasRoomFor(sequence.tokens(), member.prefix_key, sequence.media())) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const std::optional<SequenceCache::Place> place,
                     cache_->Take(sequence.tokens(), member.prefix_key, sequence.media()));
    if (!place) return absl::OkStatus();
    member.slot = place->slot;
    running_.push_back(std::move(member));
    waiting_.pop_front();
    running_.back().sequence->Reuse(place->shared);
  }
  return absl::OkStatus();
}

bool Scheduler::SetBackFor(absl::Span<const StepPart> parts, absl::Span<Member* const> members) {
  int64_t missing = 0;
  for (const StepPart& part : parts) {
    const int slot = members[part.sequence]->slot;
    missing += session_->PagesMissing(slot, session_->length(slot) + part.tokens);
  }
  if (cache_->FreePages(missing)) return false;
  // The first one alone fits, as all the pages are those of a context at least.
  Member& last = running_.back();
  cache_->GiveUp(last.slot);
  last.sequence->SetBack();
  waiting_.push_front(std::move(last));
  running_.pop_back();
  ++preemptions_;
  return true;
}

absl::Status Scheduler::Fail(absl::Status status) {
  for (const Member& member : running_) cache_->Release(member.slot);
  running_.clear();
  waiting_.clear();
  // What a step that failed has left in the slots is not known.
  Clear();
  return status;
}

void Scheduler::LetGoOfFinished() {
  Retire();
  const auto finished = [](const Member& member) { return member.sequence->CheckFinished(); };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), finished), waiting_.end());
}

absl::StatusOr<bool> Scheduler::RunNext(std::optional<double> seconds) {
  Retire();
  // A sequence may be finished as soon as it has a slot, which is then free for the next one.
  do {
    if (absl::Status status = Admit(); !status.ok()) return Fail(std::move(status));
  } while (Retire());
  for (;;) {
    ASSIGN_OR_RETURN(const StepOutcome outcome, TryStep(seconds));
    if (outcome != StepOutcome::kSetBack) return outcome == StepOutcome::kRun;
  }
}

absl::StatusOr<Scheduler::StepOutcome> Scheduler::TryStep(std::optional<double> seconds) {
  std::vector<StepWish> wishes;
  std::vector<Member*> members;
  StepOutlook outlook;
  for (Member& member : running_) {
    if (member.paused) continue;
    const Sequence& sequence = *member.sequence;
    const auto waiting = static_cast<int64_t>(sequence.waiting().size());
    const int64_t computed = static_cast<int64_t>(sequence.tokens().size()) - waiting;
    if (sequence.decoding()) {
      ++outlook.rows;
      outlook.row_positions += computed;
    } else if (members.size() == static_cast<size_t>(outlook.rows)) {
      outlook.prompt_positions = computed;  // the first prompt
    }
    wishes.push_back({waiting, sequence.decoding()});
    members.push_back(&member);
  }
  if (wishes.empty()) return StepOutcome::kNothing;
  StepLimits limits = {session_->max_step(), session_->max_rows()};
  if (seconds) limits.tokens = times_.MostTokens(outlook, *seconds, limits.tokens);
  const std::vector<StepPart> parts = PlanStep(wishes, limits);
  if (SetBackFor(parts, members)) return StepOutcome::kSetBack;
  if (members.size() == 1 && members[0]->sequence->speculates()) {
    absl::Status status = RunDraftStep(members[0], std::min(limits.tokens, limits.rows));
    if (!status.ok()) return Fail(std::move(status));
    return StepOutcome::kRun;
  }
  const StepShape shape = ShapeOf(parts, members);
  base::Stopwatch watch;
  absl::Status status = RunStep(parts, members);
  if (!status.ok()) return Fail(std::move(status));
  if (seconds) times_.Learn(shape, watch.Lap());
  return StepOutcome::kRun;
}

StepShape Scheduler::ShapeOf(absl::Span<const StepPart> parts, absl::Span<Member* const> members) {
  StepShape shape;
  for (const StepPart& part : parts) {
    const Sequence& sequence = *members[part.sequence]->sequence;
    const auto held = static_cast<int64_t>(sequence.tokens().size() - sequence.waiting().size());
    shape.tokens += part.tokens;
    shape.positions += held;
    shape.pairs += held * part.tokens;
  }
  return shape;
}

// Who reads the rows sees all of them.
int64_t Scheduler::LogitsNeeded(const Member& member) {
  return member.read_row ? 0 : member.sequence->logits_needed();
}

absl::Status Scheduler::RunStep(absl::Span<const StepPart> parts,
                                absl::Span<Member* const> members) {
  std::vector<runtime::Chunk> chunks;
  for (const StepPart& part : parts) {
    const Member& member = *members[part.sequence];
    chunks.push_back(
        {member.slot, member.sequence->waiting().subspan(0, static_cast<size_t>(part.tokens)),
         part.logits, member.sequence->MediaOfWaiting(part.tokens), LogitsNeeded(member)});
  }
  ASSIGN_OR_RETURN(const absl::Span<const float> logits, session_->Step(chunks));
  const auto width = static_cast<size_t>(session_->width());
  std::vector<Row> rows;
  for (size_t i = 0; i < parts.size(); ++i) {
    Member* member = members[parts[i].sequence];
    cache_->Append(member->slot, chunks[i].tokens);
    member->sequence->MarkComputed(parts[i].tokens, executable_->parallel_calls(),
                                   executable_->computed_columns());
    if (parts[i].logits) rows.push_back({member, logits.subspan(rows.size() * width, width)});
  }
  FeedRows(rows);
  return absl::OkStatus();
}

absl::Status Scheduler::RunDraftStep(Member* member, int64_t max_tokens) {
  // Guesses take no pages away from anybody.
  const int64_t room = runtime::PageBudget::kPagePositions *
                           (session_->used_pages(member->slot) + session_->free_pages()) -
                       session_->length(member->slot);
  const absl::Span<const int32_t> tokens =
      member->sequence->Draft(draft_times_, std::clamp<int64_t>(room, 1, max_tokens));
  const auto count = static_cast<int64_t>(tokens.size());
  const runtime::Chunk chunk{member->slot, tokens, count, {}, LogitsNeeded(*member)};
  base::Stopwatch watch;
  ASSIGN_OR_RETURN(const absl::Span<const float> logits,
                   session_->Step(absl::MakeConstSpan(&chunk, 1)));
  draft_times_.Note(count, watch.Lap());
  const int64_t length = session_->length(member->slot) - count;
  member->sequence->MarkComputed(1, executable_->parallel_calls(), executable_->computed_columns());
  const int64_t own = member->sequence->FeedDraft(logits, &scratch_[0], member->read_row);
  cache_->Append(member->slot, tokens.subspan(0, static_cast<size_t>(own)));
  session_->Truncate(member->slot, length + own);
  return absl::OkStatus();
}

void Scheduler::FeedRows(absl::Span<const Row> rows) {
  const auto feed = [&](int64_t begin, int64_t end, int thread) {
    for (const Row& row :
         rows.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin))) {
      row.member->sequence->Feed(row.logits, &scratch_[static_cast<size_t>(thread)]);
      if (row.member->read_row) row.member->read_row(row.logits);
    }
  };
  const auto count = static_cast<int64_t>(rows.size());
  if (pool_ == nullptr) {
    feed(0, count, 0);
  } else {
    pool_->ParallelFor(count, 1, feed);
  }
}

absl::StatusOr<absl::Span<const float>> Scheduler::Evaluate(absl::Span<const int32_t> tokens,
                                                            absl::Span<const PlacedMedia> media) {
  ASSIGN_OR_RETURN(const std::optional<SequenceCache::Place> place,
                   cache_->Take(tokens, "", media));
  if (!place) return absl::FailedPreconditionError("all slots of the KV cache are taken");
  const auto length = static_cast<int64_t>(tokens.size());
  if (!cache_->FreePages(session_->PagesMissing(place->slot, length))) {
    cache_->Release(place->slot);
    return absl::FailedPreconditionError("all pages of the KV cache are taken");
  }
  const auto shared = static_cast<size_t>(place->shared);
  const auto rest = tokens.subspan(shared);
  const auto rows = RowOfEachToken(media, length);
  runtime::Chunk chunk{place->slot, rest};
  if (!rows.empty()) chunk.media = absl::MakeConstSpan(rows).subspan(shared);
  absl::StatusOr<absl::Span<const float>> logits =
      session_->Evaluate(absl::MakeConstSpan(&chunk, 1));
  if (logits.ok()) cache_->Append(place->slot, rest);
  cache_->Release(place->slot);
  return logits;
}

void Scheduler::Clear() { cache_->Clear(); }

}  // namespace lluda::engine
