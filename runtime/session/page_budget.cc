#include "runtime/session/page_budget.h"

#include <algorithm>

#include "glog/logging.h"

namespace lluda::runtime {

PageBudget::PageBudget(int slots, int64_t slot_pages, int64_t pages)
    : pages_(pages), used_(static_cast<size_t>(slots), 0), held_(static_cast<size_t>(slots), 0) {
  CHECK(slots > 0 && pages >= slot_pages && pages <= slots * slot_pages);
  for (int slot = 0; slot < slots; ++slot) {
    held_[static_cast<size_t>(slot)] = pages / slots + (slot < pages % slots ? 1 : 0);
  }
}

std::vector<PageBudget::Loss> PageBudget::Use(int slot, int64_t positions) {
  const auto index = static_cast<size_t>(slot);
  const int64_t wanted = PagesOf(positions);
  CHECK_LE(wanted - used_[index], free()) << "of slot " << slot;
  used_in_all_ += wanted - used_[index];
  used_[index] = wanted;
  std::vector<Loss> losses;
  // Of those with most to spare; all pages are held, so that there is one.
  while (held_[index] < wanted) {
    size_t giver = index;
    for (size_t other = 0; other < held_.size(); ++other) {
      if (held_[other] - used_[other] > held_[giver] - used_[giver]) giver = other;
    }
    losses.push_back({static_cast<int>(giver), --held_[giver]});
    ++held_[index];
  }
  return losses;
}

}  // namespace lluda::runtime
