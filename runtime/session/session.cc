#include "runtime/session/session.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/align.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "glog/logging.h"
#include "runtime/machine/memory.h"

namespace lluda::runtime {
namespace {

// Of a state, what a thread touches at a time: some huge pages.
constexpr size_t kTouchedBytes = size_t{8} << 20;

absl::StatusOr<int> FindSymbol(const Program& program, absl::string_view name) {
  for (size_t i = 0; i < program.symbols.size(); ++i) {
    if (program.symbols[i].name == name) return static_cast<int>(i);
  }
  return absl::InvalidArgumentError(absl::StrCat("the program has no symbol ", name));
}

// Whether the entry takes the inputs of `names`, and behind them those for pages.
bool TakesPages(const Entry& step, absl::Span<const char* const> names) {
  std::vector<const char*> all(names.begin(), names.end());
  for (const char* name : step_interface::kPageInputs) all.push_back(name);
  return step.HasInputs(all);
}

bool TakesPages(const Program& program) {
  const Entry* step = program.FindEntry(step_interface::kStep);
  return step != nullptr && (TakesPages(*step, step_interface::kInputs) ||
                             TakesPages(*step, step_interface::kInputsWithMedia));
}

// Where a session's symbols stand among the program's; -1 for those of pages where slots share none.
struct Symbols {
  int tokens, rows, slots, context, pages, places;
};

absl::StatusOr<Symbols> FindSymbols(const Program& program) {
  int symbols[4];
  for (int i = 0; i < 4; ++i) {
    ASSIGN_OR_RETURN(symbols[i], FindSymbol(program, step_interface::kSymbols[i]));
  }
  Symbols found = {symbols[0], symbols[1], symbols[2], symbols[3], -1, -1};
  if (!TakesPages(program)) return found;
  ASSIGN_OR_RETURN(found.pages, FindSymbol(program, step_interface::kPageCount));
  ASSIGN_OR_RETURN(found.places, FindSymbol(program, step_interface::kPlaceCount));
  return found;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> StateDims(const Program& program,
                                               const SessionOptions& options) {
  ASSIGN_OR_RETURN(const Symbols symbols, FindSymbols(program));
  const SymbolRange& slots = program.symbols[symbols.slots];
  const SymbolRange& context = program.symbols[symbols.context];
  if (options.slots < 1 || options.slots > slots.max) {
    return absl::InvalidArgumentError(
        absl::StrCat("slots is ", options.slots, ", must be 1..", slots.max));
  }
  if (options.context < 0 || options.context > context.max) {
    return absl::InvalidArgumentError(
        absl::StrCat("context is ", options.context, ", must be 1..", context.max));
  }
  std::vector<int64_t> dims;
  for (const SymbolRange& symbol : program.symbols) dims.push_back(symbol.min);
  dims[symbols.slots] = options.slots;
  // Kernels read the cache in multiples of the symbol's minimum.
  const int64_t tokens = options.context == 0 ? context.max : options.context;
  dims[symbols.context] = base::RoundUp(tokens, std::max<int64_t>(1, context.min));
  if (symbols.pages >= 0) {
    dims[symbols.places] = PageBudget::PagesOf(dims[symbols.context]);
    dims[symbols.pages] = options.pages == 0 ? options.slots * dims[symbols.places] : options.pages;
  }
  return dims;
}

absl::StatusOr<StateMemory> StateMemoryOf(const Program& program, const SessionOptions& options) {
  ASSIGN_OR_RETURN(const Symbols symbols, FindSymbols(program));
  ASSIGN_OR_RETURN(const std::vector<int64_t> dims, StateDims(program, options));
  return StateMemory(program, dims, symbols.slots, symbols.context, symbols.pages);
}

Session::Session(Executable* executable, const SessionOptions& options)
    : executable_(executable), lengths_(options.slots, 0), written_(options.slots, 0) {
  for (const Tensor& state : executable->program().states) {
    const int64_t ring = state.positions.ring;
    if (ring > 0) ring_ = ring_ == 0 ? ring : std::min(ring_, ring);
  }
}

absl::StatusOr<std::unique_ptr<Session>> Session::Create(Executable* executable,
                                                         const SessionOptions& options) {
  const Program& program = executable->program();
  const Entry* step = program.FindEntry(step_interface::kStep);
  if (step == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("the program has no entry ", step_interface::kStep));
  }
  ASSIGN_OR_RETURN(const Symbols symbols, FindSymbols(program));
  const bool takes_pages = symbols.pages >= 0;
  const bool takes_media = takes_pages ? TakesPages(*step, step_interface::kInputsWithMedia)
                                       : step->HasInputs(step_interface::kInputsWithMedia);
  if (!takes_pages && !takes_media && !step->HasInputs(step_interface::kInputs)) {
    return absl::InvalidArgumentError(absl::StrCat("the program's inputs are not ",
                                                   absl::StrJoin(step_interface::kInputs, ", ")));
  }
  ASSIGN_OR_RETURN(std::vector<int64_t> dims, StateDims(program, options));
  const SymbolRange& tokens = program.symbols[symbols.tokens];
  if (options.max_step < 0 || options.max_step > tokens.max) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_step is ", options.max_step, ", must be 1..", tokens.max));
  }
  std::unique_ptr<Session> session(new Session(executable, options));
  session->step_ = step;
  const Entry* top = program.FindEntry(step_interface::kTop);
  const bool has_top = top != nullptr && (takes_pages ? TakesPages(*top, step_interface::kTopInputs)
                                                      : top->HasInputs(step_interface::kTopInputs));
  if (has_top) {
    ASSIGN_OR_RETURN(session->top_rows_symbol_, FindSymbol(program, step_interface::kTopRowCount));
    session->top_ = top;
  }
  session->tokens_symbol_ = symbols.tokens;
  session->rows_symbol_ = symbols.rows;
  session->slots_symbol_ = symbols.slots;
  session->context_symbol_ = symbols.context;
  session->max_step_ = options.max_step == 0 ? tokens.max : options.max_step;
  session->context_ = options.context == 0 ? program.symbols[symbols.context].max : options.context;
  session->dims_ = std::move(dims);
  session->max_rows_ = program.symbols[symbols.rows].max;
  session->vocabulary_ = step->inputs[0].below;
  session->width_ = step->result.factor / static_cast<int64_t>(sizeof(float));
  if (takes_media) {
    ASSIGN_OR_RETURN(session->media_symbol_, FindSymbol(program, step_interface::kMediaCount));
    const size_t media = std::size(step_interface::kInputsWithMedia) - 1;
    session->media_width_ = step->inputs[media].factor / static_cast<int64_t>(sizeof(float));
  }
  const int64_t slot_pages = PageBudget::PagesOf(session->dims_[symbols.context]);
  const int64_t all_pages = options.slots * slot_pages;
  if (options.pages != 0 && (options.pages < slot_pages || options.pages > all_pages)) {
    return absl::InvalidArgumentError(
        absl::StrCat("pages is ", options.pages, ", must be ", slot_pages, "..", all_pages));
  }
  const int64_t pages = options.pages == 0 ? all_pages : options.pages;
  session->memory_.emplace(program, session->dims_, symbols.slots, symbols.context, symbols.pages);
  if (takes_pages) {
    session->page_symbol_ = symbols.pages;
    session->pool_.emplace(pages);
    session->places_ = slot_pages;
    session->slot_pages_.resize(static_cast<size_t>(options.slots));
    session->table_.assign(static_cast<size_t>(all_pages), 0);
  } else {
    session->pages_.emplace(options.slots, slot_pages, pages);
  }
  ASSIGN_OR_RETURN(session->states_, executable->CreateStates(session->dims_));
  session->gives_back_ = !takes_pages && pages < all_pages;
  if (session->gives_back_ && executable->uses_host_memory()) {
    for (const absl::Span<char> state : session->StateSpans()) {
      UseSmallPages(state.data(), static_cast<int64_t>(state.size()));
    }
  }
  for (auto* input : {&session->tokens_, &session->positions_, &session->slots_, &session->rows_,
                      &session->kept_, &session->token_pages_}) {
    input->reserve(static_cast<size_t>(session->max_step_));
  }
  return session;
}

absl::Status Session::Check(absl::Span<const Chunk> chunks) const {
  if (chunks.empty()) return absl::InvalidArgumentError("no tokens to evaluate");
  std::vector<bool> seen(lengths_.size(), false);
  int64_t missing = 0;  // pages
  for (const Chunk& chunk : chunks) {
    if (chunk.slot < 0 || chunk.slot >= static_cast<int>(lengths_.size())) {
      return absl::InvalidArgumentError(absl::StrCat("no slot ", chunk.slot));
    }
    if (seen[chunk.slot]) {
      return absl::InvalidArgumentError(absl::StrCat("slot ", chunk.slot, " is given twice"));
    }
    seen[chunk.slot] = true;
    if (chunk.tokens.empty()) return absl::InvalidArgumentError("no tokens to evaluate");
    const auto tokens = static_cast<int64_t>(chunk.tokens.size());
    if (chunk.wanted < 0 || chunk.wanted > tokens) {
      return absl::InvalidArgumentError(
          absl::StrCat("results of ", chunk.wanted, " tokens are wanted of ", tokens));
    }
    if (chunk.kept < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the ", chunk.kept, " largest logits are wanted"));
    }
    if (!chunk.media.empty() && media_width_ == 0) {
      return absl::InvalidArgumentError("the program takes no media");
    }
    if (!chunk.media.empty() && chunk.media.size() != chunk.tokens.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("media for ", chunk.media.size(), " tokens are given of ", tokens));
    }
    const int64_t length = lengths_[chunk.slot] + tokens;
    if (length > context_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the sequence needs ", length, " tokens, the context holds ", context_));
    }
    missing += PagesMissing(chunk.slot, length);
    for (int32_t token : chunk.tokens) {
      if (token < 0 || token >= vocabulary_) {
        return absl::InvalidArgumentError(
            absl::StrCat("token ", token, " is outside the vocabulary of ", vocabulary_));
      }
    }
  }
  return CheckPages(missing);
}

absl::Status Session::CheckPages(int64_t missing) const {
  if (missing <= free_pages()) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("the sequences need ", missing,
                                                   " pages of the KV cache more, it has ",
                                                   free_pages(), " of ", pages()));
}

void Session::UsePages(int slot, int64_t length) {
  if (pool_) {
    std::vector<int32_t>& pages = slot_pages_[slot];
    const auto wanted = static_cast<size_t>(PageBudget::PagesOf(length));
    for (; pages.size() > wanted; pages.pop_back()) pool_->Drop(pages.back());
    while (pages.size() < wanted) AddPage(slot, pool_->Take());
    return;
  }
  for (const PageBudget::Loss& loss : pages_->Use(slot, length)) {
    // A device's own memory is not the system's to take back.
    if (!executable_->uses_host_memory()) continue;
    for (const absl::Span<char> range : memory_->PageRanges(*states_, loss.slot, loss.page)) {
      DiscardPages(range.data(), static_cast<int64_t>(range.size()));
    }
  }
}

StateMemory::Ranges Session::StateSpans() const {
  StateMemory::Ranges spans;
  const std::vector<Tensor>& states = executable_->program().states;
  for (size_t i = 0; i < states.size(); ++i) {
    spans.emplace_back(states_->buffer(static_cast<uint32_t>(i)),
                       static_cast<size_t>(states[i].Bytes(dims_)));
  }
  return spans;
}

StateMemory::Ranges Session::RangesInUse() const {
  StateMemory::Ranges ranges;
  if (gives_back_) {
    ranges = memory_->FixedRanges(*states_);
    for (int slot = 0; slot < slots(); ++slot) {
      for (int64_t page = 0; page < pages_->held(slot); ++page) {
        const StateMemory::Ranges more = memory_->PageRanges(*states_, slot, page);
        ranges.insert(ranges.end(), more.begin(), more.end());
      }
    }
    return ranges;
  }
  for (absl::Span<char> state : StateSpans()) {
    UseHugePages(state.data(), static_cast<int64_t>(state.size()));
    for (; !state.empty(); state.remove_prefix(ranges.back().size())) {
      ranges.push_back(state.first(std::min(state.size(), kTouchedBytes)));
    }
  }
  return ranges;
}

void Session::TouchMemory(ThreadPool* pool) {
  if (!executable_->uses_host_memory()) return;
  const StateMemory::Ranges ranges = RangesInUse();
  pool->ParallelFor(static_cast<int64_t>(ranges.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const absl::Span<char> range = ranges[static_cast<size_t>(i)];
      std::memset(range.data(), 0, range.size());
    }
  });
}

absl::StatusOr<absl::Span<const float>> Session::Evaluate(absl::Span<const int32_t> tokens) {
  const Chunk chunk{0, tokens};
  return Evaluate(absl::MakeConstSpan(&chunk, 1));
}

absl::StatusOr<absl::Span<const float>> Session::Step(absl::Span<const Chunk> chunks) {
  RETURN_IF_ERROR(Check(chunks));
  int64_t tokens = 0, rows = 0;
  for (const Chunk& chunk : chunks) {
    tokens += static_cast<int64_t>(chunk.tokens.size());
    rows += chunk.wanted;
  }
  if (tokens > max_step_ || rows > max_rows_) {
    return absl::InvalidArgumentError(absl::StrCat("a step of ", tokens, " tokens and ", rows,
                                                   " rows of results, must be at most ", max_step_,
                                                   " and ", max_rows_));
  }
  RETURN_IF_ERROR(MakeRoom(std::max<int64_t>(1, rows) * width_));
  RETURN_IF_ERROR(RunStep(chunks, results()));
  return absl::MakeConstSpan(results(), static_cast<size_t>(rows * width_));
}

absl::StatusOr<absl::Span<const float>> Session::Evaluate(absl::Span<const Chunk> chunks) {
  RETURN_IF_ERROR(Check(chunks));
  size_t wanted = 0;
  for (const Chunk& chunk : chunks) wanted += static_cast<size_t>(chunk.wanted);
  const auto width = static_cast<size_t>(width_);
  // A step without a row that is wanted writes one all the same, behind the others.
  RETURN_IF_ERROR(MakeRoom(static_cast<int64_t>((wanted + 1) * width)));
  size_t chunk = 0;
  size_t taken = 0;  // tokens of chunks[chunk] that earlier steps have computed
  size_t finished = 0;
  while (chunk < chunks.size()) {
    pieces_.clear();
    int64_t tokens = 0, rows = 0;
    while (chunk < chunks.size() && tokens < max_step_ && rows < max_rows_) {
      const Chunk& current = chunks[chunk];
      const auto count = static_cast<int64_t>(current.tokens.size());
      const auto begin = static_cast<int64_t>(taken);
      // The first of the tokens from here on whose result is wanted.
      const int64_t first = std::max(begin, count - current.wanted);
      const int64_t end = std::min({count, begin + max_step_ - tokens, first + max_rows_ - rows});
      const auto piece = current.tokens.subspan(taken, static_cast<size_t>(end - begin));
      const bool ends = end == count;
      const auto media =
          current.media.empty() ? current.media : current.media.subspan(taken, piece.size());
      pieces_.push_back(
          {current.slot, piece, std::max<int64_t>(0, end - first), media, current.kept});
      tokens += static_cast<int64_t>(piece.size());
      rows += pieces_.back().wanted;
      taken = ends ? 0 : taken + piece.size();
      chunk += ends ? 1 : 0;
    }
    const size_t row = rows > 0 ? finished : wanted;
    RETURN_IF_ERROR(RunStep(pieces_, results() + row * width));
    finished += static_cast<size_t>(rows);
  }
  return absl::MakeConstSpan(results(), wanted * width);
}

absl::Status Session::MakeRoom(int64_t numbers) {
  const int64_t bytes = numbers * static_cast<int64_t>(sizeof(float));
  if (bytes <= results_memory_.size()) return absl::OkStatus();
  ASSIGN_OR_RETURN(results_memory_, executable_->AllocateResults(bytes));
  return absl::OkStatus();
}

absl::Status Session::RunStep(absl::Span<const Chunk> chunks, float* output) {
  tokens_.clear();
  positions_.clear();
  slots_.clear();
  rows_.clear();
  kept_.clear();
  token_pages_.clear();
  bool all = false;  // logits of a row
  for (const Chunk& chunk : chunks) {
    UsePages(chunk.slot, lengths_[chunk.slot] + static_cast<int64_t>(chunk.tokens.size()));
    for (const int32_t token : chunk.tokens) {
      const int64_t position = lengths_[chunk.slot]++;
      tokens_.push_back(token);
      positions_.push_back(static_cast<int32_t>(position));
      slots_.push_back(chunk.slot);
      if (pool_) {
        token_pages_.push_back(
            slot_pages_[chunk.slot][static_cast<size_t>(position / PageBudget::kPagePositions)]);
      }
    }
    written_[chunk.slot] = std::max(written_[chunk.slot], lengths_[chunk.slot]);
    const auto end = static_cast<int64_t>(tokens_.size());
    for (int64_t row = end - chunk.wanted; row < end; ++row) {
      rows_.push_back(static_cast<int32_t>(row));
    }
    all |= chunk.wanted > 0 && (chunk.kept == 0 || chunk.kept > most_kept());
    kept_.resize(rows_.size(), static_cast<int32_t>(std::min(chunk.kept, most_kept())));
  }
  if (rows_.empty()) {
    rows_.push_back(static_cast<int32_t>(tokens_.size()) - 1);
    kept_.push_back(1);
  }
  dims_[tokens_symbol_] = static_cast<int64_t>(tokens_.size());
  dims_[rows_symbol_] = static_cast<int64_t>(rows_.size());
  std::vector<const void*> inputs = {tokens_.data(), positions_.data(), slots_.data(),
                                     rows_.data()};
  if (media_symbol_ >= 0) {
    GatherMedia(chunks);
    inputs.insert(inputs.end(), {keep_.data(), from_.data(), media_.data()});
  }
  const auto rows = static_cast<int64_t>(rows_.size());
  const bool fits = top_ != nullptr && rows <= executable_->program().symbols[top_rows_symbol_].max;
  const bool is_top = fits && !all;
  if (is_top) {
    dims_[top_rows_symbol_] = rows;
    inputs.push_back(kept_.data());
  }
  if (pool_) inputs.insert(inputs.end(), {token_pages_.data(), table_.data()});
  return executable_->Run(is_top ? *top_ : *step_, *states_, dims_, inputs, output);
}

void Session::GatherMedia(absl::Span<const Chunk> chunks) {
  keep_.assign(tokens_.size(), 1.0f);
  from_.assign(tokens_.size(), 0);
  media_.assign(static_cast<size_t>(media_width_), 0.0f);
  size_t token = 0;
  int32_t rows = 1;
  for (const Chunk& chunk : chunks) {
    for (size_t i = 0; i < chunk.tokens.size(); ++i, ++token) {
      const float* row = chunk.media.empty() ? nullptr : chunk.media[i];
      if (row == nullptr) continue;
      keep_[token] = 0.0f;
      from_[token] = rows++;
      media_.insert(media_.end(), row, row + media_width_);
    }
  }
  dims_[media_symbol_] = rows;
}

int64_t Session::Keepable(int slot, int64_t length) const {
  // A ring has the widest window and the largest step: until it is full nothing is lost, and then what
  // a step has written takes nothing that the token at the step's start sees.
  const int64_t largest_step = executable_->program().symbols[tokens_symbol_].max;
  const bool all = ring_ == 0 || written_[slot] <= ring_ || written_[slot] - length <= largest_step;
  return all ? length : 0;
}

void Session::Truncate(int slot, int64_t length) {
  CHECK(length >= 0 && length <= lengths_[slot])
      << "truncating " << lengths_[slot] << " tokens to " << length;
  CHECK_EQ(Keepable(slot, length), length) << "of " << written_[slot] << " tokens";
  lengths_[slot] = length;
  if (length == 0) written_[slot] = 0;
  UsePages(slot, length);
}

absl::Status Session::CopyPrefix(int from, int to, int64_t length) {
  CHECK(from != to && length >= 0 && length <= lengths_[from])
      << "copying " << length << " of " << lengths_[from] << " tokens";
  CHECK_EQ(Keepable(from, length), length) << "of " << written_[from] << " tokens";
  RETURN_IF_ERROR(CheckPages(PagesMissing(to, length)));
  lengths_[to] = written_[to] = 0;
  if (pool_) {
    UsePages(to, 0);
    for (int64_t done = 0; done < length; done += PageBudget::kPagePositions) {
      const int32_t page = PagesOf(from)[static_cast<size_t>(done / PageBudget::kPagePositions)];
      RETURN_IF_ERROR(
          GoOnInCopy(to, page, std::min<int64_t>(length - done, PageBudget::kPagePositions)));
    }
    return absl::OkStatus();
  }
  UsePages(to, length);
  RETURN_IF_ERROR(executable_->CopyPositions(*states_, dims_, slots_symbol_, context_symbol_, from,
                                             to, length));
  lengths_[to] = length;
  if (length > 0) written_[to] = written_[from];
  return absl::OkStatus();
}

void Session::Begin(int slot, absl::Span<const int32_t> pages) {
  CHECK(lengths_[slot] == 0 && slot_pages_[slot].empty());
  for (const int32_t page : pages) GoOnIn(slot, page, PageBudget::kPagePositions);
}

void Session::AddPage(int slot, int32_t page) {
  std::vector<int32_t>& pages = slot_pages_[slot];
  table_[static_cast<size_t>(slot * places_) + pages.size()] = page;
  pages.push_back(page);
}

void Session::GoOnIn(int slot, int32_t page, int64_t positions) {
  const auto held = static_cast<int64_t>(slot_pages_[slot].size());
  CHECK_EQ(lengths_[slot], held * PageBudget::kPagePositions);
  CHECK(positions > 0 && positions <= PageBudget::kPagePositions);
  pool_->Hold(page);
  AddPage(slot, page);
  lengths_[slot] += positions;
  written_[slot] = lengths_[slot];
}

absl::Status Session::GoOnInCopy(int slot, int32_t page, int64_t positions) {
  RETURN_IF_ERROR(CheckPages(1));
  const int32_t own = pool_->Take();
  GoOnIn(slot, own, positions);
  pool_->Drop(own);  // by the one who took it
  return executable_->CopyPositions(*states_, dims_, page_symbol_, context_symbol_, page, own,
                                    positions);
}

void Session::ReplacePage(int slot, int64_t place, int32_t page) {
  pool_->Hold(page);
  int32_t& own = slot_pages_[slot][static_cast<size_t>(place)];
  pool_->Drop(own);
  own = page;
  table_[static_cast<size_t>(slot * places_ + place)] = page;
}

}  // namespace lluda::runtime
