#include "runtime/session/state_memory.h"

#include <algorithm>

#include "runtime/machine/memory.h"
#include "runtime/session/page_budget.h"

namespace lluda::runtime {

StateMemory::StateMemory(const Program& program, absl::Span<const int64_t> dims, int slots,
                         int capacity, int pages)
    : program_(program),
      dims_(dims.begin(), dims.end()),
      slots_(slots),
      capacity_(capacity),
      pages_(pages) {
  for (const Tensor& state : program_.states) {
    if (IsShared(state)) {
      page_bytes_ += state.factor;
    } else if (IsPaged(state)) {
      page_bytes_ += state.factor * PageBudget::kPagePositions;
    } else {
      fixed_bytes_ += state.Bytes(dims_);
    }
  }
}

bool StateMemory::IsShared(const Tensor& state) const {
  return pages_ >= 0 && state.symbols == std::vector<int>{pages_};
}

bool StateMemory::IsPaged(const Tensor& state) const {
  const auto has = [&](int symbol) {
    return std::find(state.symbols.begin(), state.symbols.end(), symbol) != state.symbols.end();
  };
  if (state.positions.runs == 0 || state.symbols.size() != 2 || !has(slots_) || !has(capacity_)) {
    return false;
  }
  const int64_t run_page = state.factor / state.positions.runs * PageBudget::kPagePositions;
  return dims_[capacity_] % PageBudget::kPagePositions == 0 && run_page % kSystemPageBytes == 0 &&
         PageBudget::kPagePositions % state.positions.group == 0;
}

StateMemory::Ranges StateMemory::PageRanges(const States& states, int slot, int64_t page) const {
  Ranges ranges;
  for (size_t i = 0; i < program_.states.size(); ++i) {
    const Tensor& state = program_.states[i];
    if (IsShared(state)) {
      ranges.push_back({states.buffer(static_cast<uint32_t>(i)) + page * state.factor,
                        static_cast<size_t>(state.factor)});
    }
    if (IsShared(state) || !IsPaged(state)) continue;
    const int64_t page_bytes = state.factor / state.positions.runs * PageBudget::kPagePositions;
    const int64_t run_bytes = page_bytes * dims_[capacity_] / PageBudget::kPagePositions;
    char* const data = states.buffer(static_cast<uint32_t>(i));
    for (int64_t run = 0; run < state.positions.runs; ++run) {
      const int64_t begin = (slot * state.positions.runs + run) * run_bytes + page * page_bytes;
      ranges.push_back({data + begin, static_cast<size_t>(page_bytes)});
    }
  }
  return ranges;
}

StateMemory::Ranges StateMemory::FixedRanges(const States& states) const {
  Ranges ranges;
  for (size_t i = 0; i < program_.states.size(); ++i) {
    const Tensor& state = program_.states[i];
    if (IsShared(state) || IsPaged(state)) continue;
    ranges.push_back(
        {states.buffer(static_cast<uint32_t>(i)), static_cast<size_t>(state.Bytes(dims_))});
  }
  return ranges;
}

}  // namespace lluda::runtime
