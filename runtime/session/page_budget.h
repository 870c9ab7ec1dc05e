// Which slots of a KV cache have memory, and how much: fewer pages of kPagePositions positions than
// all slots would fill. A slot has the pages of its first positions. Pages that a slot does not use
// move to one that needs them, so that all of them together are never more than were taken at first.
//
//   PageBudget pages(/*slots=*/2, /*slot_pages=*/4, /*pages=*/5);   // slot 0 has 3 of them, slot 1 has 2
//   pages.Use(0, 100);            // 2 of them
//   pages.free();                 // 3
//   auto moves = pages.Use(1, 200);   // needs 4: {slot 0 loses page 2}, and then one that was unused
#ifndef LLUDA_RUNTIME_SESSION_PAGE_BUDGET_H_
#define LLUDA_RUNTIME_SESSION_PAGE_BUDGET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/step_interface.h"

namespace lluda::runtime {

class PageBudget {
 public:
  static constexpr int64_t kPagePositions = step_interface::kPagePositions;
  static int64_t PagesOf(int64_t positions) {
    return (positions + kPagePositions - 1) / kPagePositions;
  }

  // Each of `slots` could use `slot_pages`; `pages` are at least these, and at most those of all.
  PageBudget(int slots, int64_t slot_pages, int64_t pages);

  // A page that a slot has no more, by its place in the slot.
  struct Loss {
    int slot = 0;
    int64_t page = 0;
  };
  // From now on the slot uses the pages of so many positions, which there are: those that it used
  // before, and free() more. The losses of others that this takes.
  std::vector<Loss> Use(int slot, int64_t positions);

  // Pages that no slot uses.
  int64_t free() const { return pages_ - used_in_all_; }
  int64_t pages() const { return pages_; }
  int64_t used(int slot) const { return used_[static_cast<size_t>(slot)]; }
  // Those that the slot has, used or not: its first ones.
  int64_t held(int slot) const { return held_[static_cast<size_t>(slot)]; }

 private:
  int64_t pages_;
  int64_t used_in_all_ = 0;
  std::vector<int64_t> used_, held_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_SESSION_PAGE_BUDGET_H_
