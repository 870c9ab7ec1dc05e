// Sequences of tokens and their KV cache on top of an executable whose step takes tokens,
// positions, slots and the rows whose results are wanted: the next token's logits, or for embeddings
// the hidden state. Of a model that hears it also takes rows that stand for tokens' embeddings.
//
//   auto session = Session::Create(executable, {/*slots=*/1, /*context=*/4096});
//   auto logits = (*session)->Evaluate(prompt);        // of the token after the prompt
//   auto next = (*session)->Evaluate({token});         // one more token
//
// A token's result depends on its own sequence only, to the bit: not on the other slots, nor on how
// the tokens were divided into calls.
//
// Of a program whose step takes a table of pages, a slot's positions lie in pages that it takes one
// by one, and that may be those of other slots, too:
//
//   session->Begin(1, session->PagesOf(0).first(3));              // the first 192 tokens of slot 0
//   session->GoOnInCopy(1, session->PagesOf(0)[3], 20);           // and 20 more
#ifndef LLUDA_RUNTIME_SESSION_SESSION_H_
#define LLUDA_RUNTIME_SESSION_SESSION_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/step_interface.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/session/page_budget.h"
#include "runtime/session/page_pool.h"
#include "runtime/session/state_memory.h"

namespace lluda::runtime {

struct SessionOptions {
  int slots = 1;         // sequences held at a time
  int64_t context = 0;   // tokens a sequence can hold; 0: as many as the program allows
  int64_t max_step = 0;  // tokens computed in one step; 0: as many as the program allows
  // Pages of positions (page_budget.h) that all slots have together; at least those of a context. 0:
  // as many as they could fill.
  int64_t pages = 0;
};

// The symbols' values that a session of this program makes its states for. InvalidArgument as for
// Session::Create.
absl::StatusOr<std::vector<int64_t>> StateDims(const Program& program,
                                               const SessionOptions& options);
// And the memory of its states. The program must outlive it.
absl::StatusOr<StateMemory> StateMemoryOf(const Program& program, const SessionOptions& options);

// Tokens to append to the sequence in `slot`.
struct Chunk {
  int slot = 0;
  absl::Span<const int32_t> tokens;
  // Of how many of its last tokens the results are wanted: the logits of the tokens that follow.
  int64_t wanted = 1;
  // Of each token the row [media_width] that stands for its embedding, null where none does. Empty:
  // for none of them.
  absl::Span<const float* const> media = {};
  // How many of the largest logits of each result are wanted; 0: all of them. Others may be -inf: they
  // are where the program has a step for it, and all chunks of the step that want results say so.
  int64_t kept = 0;
};

class Session {
 public:
  // The executable must be loaded and outlive the session. InvalidArgument when the options exceed
  // what the program was compiled for.
  static absl::StatusOr<std::unique_ptr<Session>> Create(Executable* executable,
                                                         const SessionOptions& options);

  // Appends the chunks' tokens to their sequences in a single step and returns the results [width]
  // that the chunks want, in the order of the tokens. The span is valid until the next call.
  // InvalidArgument for an empty chunk, two chunks of one slot, a token outside the vocabulary,
  // results of more tokens than a chunk has, kept logits below 0, media of another number of tokens or for a program
  // that takes none, more than max_step tokens or more than max_rows results; ResourceExhausted when
  // a sequence would outgrow the context, or all of them the pages that there are. On error no
  // sequence has changed.
  absl::StatusOr<absl::Span<const float>> Step(absl::Span<const Chunk> chunks);
  // The same in as many steps as it takes: neither limit holds.
  absl::StatusOr<absl::Span<const float>> Evaluate(absl::Span<const Chunk> chunks);
  // The same for slot 0.
  absl::StatusOr<absl::Span<const float>> Evaluate(absl::Span<const int32_t> tokens);

  // Tokens in the sequence of a slot.
  int64_t length(int slot = 0) const { return lengths_[slot]; }
  // How many of the first `length` tokens of a slot can be kept where what lies behind them is
  // forgotten: all, or none where a layer with a window has given up what the next token would see.
  // Those of a step are never too many to forget.
  int64_t Keepable(int slot, int64_t length) const;
  // Forgets all but the first `length` tokens of a slot, which can be kept.
  void Truncate(int slot, int64_t length);

  // Makes the first `length` tokens of slot `from`, which has as many and can keep them, those of slot
  // `to`, which forgets what it had. ResourceExhausted if there are not the pages.
  absl::Status CopyPrefix(int from, int to, int64_t length);

  int slots() const { return static_cast<int>(lengths_.size()); }
  int64_t context() const { return context_; }
  int64_t max_step() const { return max_step_; }        // tokens of one step
  int64_t max_rows() const { return max_rows_; }        // rows of results of one step
  int64_t vocabulary() const { return vocabulary_; }    // tokens are below it
  int64_t media_width() const { return media_width_; }  // numbers of a row of media; 0: takes none
  int64_t width() const { return width_; }  // numbers of a result: of logits, the vocabulary
  const States& states() const { return *states_; }
  // The largest Chunk::kept that spares anything: 0 where the program has no step for it.
  int64_t most_kept() const { return top_ == nullptr ? 0 : step_interface::kMostKept; }
  // Of keys and values, and of what else is kept of positions.
  int64_t kv_bytes() const { return memory_->Bytes(pages()); }

  // Pages that nobody uses, and those that `slot` would need more for so many tokens.
  int64_t free_pages() const { return pool_ ? pool_->free() : pages_->free(); }
  int64_t pages() const { return pool_ ? pool_->pages() : pages_->pages(); }
  int64_t used_pages(int slot) const {
    return pool_ ? static_cast<int64_t>(PagesOf(slot).size()) : pages_->used(slot);
  }
  int64_t PagesMissing(int slot, int64_t length) const {
    return std::max<int64_t>(0, PageBudget::PagesOf(length) - used_pages(slot));
  }

  // Whether slots may have pages in common; what follows is only for those.
  bool shares_pages() const { return pool_.has_value(); }
  // Those of a slot, by their places in it.
  absl::Span<const int32_t> PagesOf(int slot) const { return slot_pages_[slot]; }
  // A page that somebody beside slots holds stays as it is when no slot has it any more.
  void HoldPage(int32_t page) { pool_->Hold(page); }
  void DropPage(int32_t page) { pool_->Drop(page); }
  // The slot, which has no tokens, begins with those of these pages, which are full.
  void Begin(int slot, absl::Span<const int32_t> pages);
  // The slot, whose pages are full, goes on in this page, of which it has the first `positions` tokens.
  // No other slot does.
  void GoOnIn(int slot, int32_t page, int64_t positions);
  // The same in a page of its own, to which those tokens are copied. ResourceExhausted if there is
  // none.
  absl::Status GoOnInCopy(int slot, int32_t page, int64_t positions);
  // The slot has this page at a place from now on, with the same tokens that it had there.
  void ReplacePage(int slot, int64_t place, int32_t page);

  // Writes to all memory that it will ever have, on the threads of `pool`, so that the system has
  // none of it left to find. Before the first step.
  void TouchMemory(ThreadPool* pool);

 private:
  Session(Executable* executable, const SessionOptions& options);
  absl::Status Check(absl::Span<const Chunk> chunks) const;
  absl::Status CheckPages(int64_t missing) const;
  // The slot has the memory of so many tokens, which others may have lost.
  void UsePages(int slot, int64_t length);
  // The next page of a slot that shares them.
  void AddPage(int slot, int32_t page);
  // The memory of each state.
  StateMemory::Ranges StateSpans() const;
  // What it will ever have of them, in pieces that threads may touch side by side.
  StateMemory::Ranges RangesInUse() const;
  // Runs one step on chunks that fit it, and writes the results wanted to `output`. If none are, it
  // holds a row all the same, whose content means nothing.
  absl::Status RunStep(absl::Span<const Chunk> chunks, float* output);
  void GatherMedia(absl::Span<const Chunk> chunks);

  Executable* executable_;
  const Entry* step_ = nullptr;
  const Entry* top_ = nullptr;  // null: all logits are computed
  std::unique_ptr<States> states_;
  std::optional<StateMemory> memory_;
  bool gives_back_ = false;  // memory moves from slot to slot, and is the system's in between
  std::optional<PageBudget> pages_;  // of slots with pages of their own
  std::optional<PagePool> pool_;     // else
  std::vector<std::vector<int32_t>> slot_pages_;
  int64_t places_ = 0;          // of pages in a slot
  std::vector<int32_t> table_;  // what the step is given of them: of each slot so many
  std::vector<int64_t> lengths_;
  // Tokens that each slot has had since it was empty, those forgotten since then among them.
  std::vector<int64_t> written_;
  int64_t ring_ = 0;  // cells of the shortest ring of positions; 0: there is none
  int64_t context_ = 0;
  int64_t max_step_ = 0;
  int64_t max_rows_ = 0;
  int64_t vocabulary_ = 0;
  int64_t width_ = 0;
  int64_t media_width_ = 0;
  // Indices of the program's symbols T, R, S, C.
  int tokens_symbol_ = 0, rows_symbol_ = 0, slots_symbol_ = 0, context_symbol_ = 0;
  int top_rows_symbol_ = 0;  // of Q, where there is a top_
  int media_symbol_ = -1;    // of M; -1: the program takes no media
  int page_symbol_ = -1;     // of P; -1: slots share no pages
  std::vector<int64_t> dims_;
  std::vector<int32_t> tokens_, positions_, slots_, rows_, kept_, token_pages_;
  // Of a program that takes media: keep and from, of each token, and the rows, the first zeros.
  std::vector<float> keep_, media_;
  std::vector<int32_t> from_;
  std::vector<Chunk> pieces_;  // of Evaluate, what the next step takes
  // Room for so many numbers of results.
  absl::Status MakeRoom(int64_t numbers);
  float* results() const { return reinterpret_cast<float*>(results_memory_.data()); }
  Memory results_memory_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_SESSION_SESSION_H_
