// What of a program's states is taken and given back page by page (page_budget.h), and where a page
// lies: some bytes of every layer, head, and of keys and values.
//
//   const StateMemory memory(program, dims, /*slots=*/2, /*capacity=*/3);
//   memory.Bytes(100);                          // of all states, where slots have 100 pages together
//   memory.PageRanges(states, slot, page);      // {address, bytes} of each piece
//
// A cache that sequences share page by page is one slot of it: its pages lie one behind the other.
//
// States whose pages would be no whole pages of the system's, such as the scales of integers, are
// always there in full.
#ifndef LLUDA_RUNTIME_SESSION_STATE_MEMORY_H_
#define LLUDA_RUNTIME_SESSION_STATE_MEMORY_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "runtime/executable.h"
#include "runtime/program.h"

namespace lluda::runtime {

class StateMemory {
 public:
  // `dims` are the symbols' values that the states are made for, of which `slots` and `capacity`
  // index the numbers of slots and of their positions, and `pages`, if it is not -1, that of pages
  // that are shared. The program must outlive it.
  StateMemory(const Program& program, absl::Span<const int64_t> dims, int slots, int capacity,
              int pages = -1);

  int64_t Bytes(int64_t pages) const { return fixed_bytes_ + pages * page_bytes_; }
  int64_t page_bytes() const { return page_bytes_; }

  using Ranges = std::vector<absl::Span<char>>;
  Ranges PageRanges(const States& states, int slot, int64_t page) const;
  // Of the states that are there in full.
  Ranges FixedRanges(const States& states) const;

 private:
  bool IsShared(const Tensor& state) const;
  bool IsPaged(const Tensor& state) const;

  const Program& program_;
  const std::vector<int64_t> dims_;
  const int slots_, capacity_, pages_;
  int64_t fixed_bytes_ = 0, page_bytes_ = 0;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_SESSION_STATE_MEMORY_H_
