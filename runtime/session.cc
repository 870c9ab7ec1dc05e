#include "runtime/session.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace lluda::runtime {
namespace {

absl::StatusOr<int> FindSymbol(const Program& program, absl::string_view name) {
  for (size_t i = 0; i < program.symbols.size(); ++i) {
    if (program.symbols[i].name == name) return static_cast<int>(i);
  }
  return absl::InvalidArgumentError(absl::StrCat("the program has no symbol ", name));
}

// Where a session's symbols stand among the program's.
struct Symbols {
  int tokens, rows, slots, context;
};

absl::StatusOr<Symbols> FindSymbols(const Program& program) {
  int symbols[4];
  const char* const names[4] = {"T", "R", "S", "C"};
  for (int i = 0; i < 4; ++i) {
    absl::StatusOr<int> found = FindSymbol(program, names[i]);
    if (!found.ok()) return found.status();
    symbols[i] = *found;
  }
  return Symbols{symbols[0], symbols[1], symbols[2], symbols[3]};
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> StateDims(const Program& program,
                                               const SessionOptions& options) {
  const absl::StatusOr<Symbols> symbols = FindSymbols(program);
  if (!symbols.ok()) return symbols.status();
  const SymbolRange& slots = program.symbols[symbols->slots];
  const SymbolRange& context = program.symbols[symbols->context];
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
  dims[symbols->slots] = options.slots;
  // The cache is read in blocks of the symbol's minimum.
  const int64_t block = std::max<int64_t>(1, context.min);
  const int64_t tokens = options.context == 0 ? context.max : options.context;
  dims[symbols->context] = (tokens + block - 1) / block * block;
  return dims;
}

Session::Session(Executable* executable, const SessionOptions& options)
    : executable_(executable), lengths_(options.slots, 0) {}

absl::StatusOr<std::unique_ptr<Session>> Session::Create(Executable* executable,
                                                         const SessionOptions& options) {
  const Program& program = executable->program();
  const absl::StatusOr<Symbols> symbols = FindSymbols(program);
  if (!symbols.ok()) return symbols.status();
  const std::vector<std::string> expected = {"tokens", "pos", "slot", "rows"};
  if (program.inputs != expected) {
    return absl::InvalidArgumentError("the program's inputs are not tokens, pos, slot, rows");
  }
  absl::StatusOr<std::vector<int64_t>> dims = StateDims(program, options);
  if (!dims.ok()) return dims.status();
  const SymbolRange& tokens = program.symbols[symbols->tokens];
  if (options.max_step < 0 || options.max_step > tokens.max) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_step is ", options.max_step, ", must be 1..", tokens.max));
  }
  std::unique_ptr<Session> session(new Session(executable, options));
  session->tokens_symbol_ = symbols->tokens;
  session->rows_symbol_ = symbols->rows;
  session->max_step_ = options.max_step == 0 ? tokens.max : options.max_step;
  session->context_ =
      options.context == 0 ? program.symbols[symbols->context].max : options.context;
  session->dims_ = *std::move(dims);
  const int64_t max_rows = program.symbols[symbols->rows].max;
  session->vocabulary_ = program.output_bytes / max_rows / static_cast<int64_t>(sizeof(float));
  absl::StatusOr<std::unique_ptr<States>> states = executable->CreateStates(session->dims_);
  if (!states.ok()) return states.status();
  session->states_ = *std::move(states);
  for (auto* input : {&session->tokens_, &session->positions_, &session->slots_, &session->rows_}) {
    input->reserve(static_cast<size_t>(session->max_step_));
  }
  return session;
}

absl::Status Session::Check(absl::Span<const Chunk> chunks) const {
  if (chunks.empty()) return absl::InvalidArgumentError("no tokens to evaluate");
  std::vector<bool> seen(lengths_.size(), false);
  for (const Chunk& chunk : chunks) {
    if (chunk.slot < 0 || chunk.slot >= static_cast<int>(lengths_.size())) {
      return absl::InvalidArgumentError(absl::StrCat("no slot ", chunk.slot));
    }
    if (seen[chunk.slot]) {
      return absl::InvalidArgumentError(absl::StrCat("slot ", chunk.slot, " is given twice"));
    }
    seen[chunk.slot] = true;
    if (chunk.tokens.empty()) return absl::InvalidArgumentError("no tokens to evaluate");
    const int64_t length = lengths_[chunk.slot] + static_cast<int64_t>(chunk.tokens.size());
    if (length > context_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the sequence needs ", length, " tokens, the context holds ", context_));
    }
    for (int32_t token : chunk.tokens) {
      if (token < 0 || token >= vocabulary_) {
        return absl::InvalidArgumentError(
            absl::StrCat("token ", token, " is outside the vocabulary of ", vocabulary_));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Span<const float>> Session::Evaluate(absl::Span<const int32_t> tokens) {
  const Chunk chunk{0, tokens};
  return Evaluate(absl::MakeConstSpan(&chunk, 1));
}

absl::StatusOr<absl::Span<const float>> Session::Evaluate(absl::Span<const Chunk> chunks) {
  if (absl::Status s = Check(chunks); !s.ok()) return s;
  logits_.resize(chunks.size() * static_cast<size_t>(vocabulary_));
  const int64_t max_rows = executable_->program().symbols[rows_symbol_].max;
  size_t chunk = 0;
  size_t taken = 0;  // tokens of chunks[chunk] that earlier steps have computed
  size_t finished = 0;
  while (chunk < chunks.size()) {
    tokens_.clear();
    positions_.clear();
    slots_.clear();
    rows_.clear();
    while (chunk < chunks.size() && static_cast<int64_t>(tokens_.size()) < max_step_ &&
           static_cast<int64_t>(rows_.size()) < max_rows) {
      const Chunk& current = chunks[chunk];
      tokens_.push_back(current.tokens[taken]);
      positions_.push_back(static_cast<int32_t>(lengths_[current.slot]++));
      slots_.push_back(current.slot);
      if (++taken == current.tokens.size()) {
        rows_.push_back(static_cast<int32_t>(tokens_.size()) - 1);
        taken = 0;
        ++chunk;
      }
    }
    // A step without a finished chunk still computes one row; its logits are overwritten later.
    const size_t wanted = rows_.size();
    if (rows_.empty()) rows_.push_back(static_cast<int32_t>(tokens_.size()) - 1);
    dims_[tokens_symbol_] = static_cast<int64_t>(tokens_.size());
    dims_[rows_symbol_] = static_cast<int64_t>(rows_.size());
    const void* inputs[] = {tokens_.data(), positions_.data(), slots_.data(), rows_.data()};
    float* output = logits_.data() + finished * static_cast<size_t>(vocabulary_);
    if (absl::Status s = executable_->Step(*states_, dims_, inputs, output); !s.ok()) return s;
    finished += wanted;
  }
  return absl::MakeConstSpan(logits_);
}

void Session::Truncate(int slot, int64_t length) {
  CHECK(length >= 0 && length <= lengths_[slot])
      << "truncating " << lengths_[slot] << " tokens to " << length;
  lengths_[slot] = length;
}

}  // namespace lluda::runtime
