#include "runtime/session/page_pool.h"

#include "glog/logging.h"

namespace lluda::runtime {

PagePool::PagePool(int64_t pages) : holders_(static_cast<size_t>(pages), 0) {
  for (int64_t page = pages; page-- > 0;) free_.push_back(static_cast<int32_t>(page));
}

int32_t PagePool::Take() {
  CHECK(!free_.empty());
  const int32_t page = free_.back();
  free_.pop_back();
  holders_[static_cast<size_t>(page)] = 1;
  return page;
}

void PagePool::Hold(int32_t page) {
  CHECK_GT(holders(page), 0) << "page " << page << " is free";
  ++holders_[static_cast<size_t>(page)];
}

void PagePool::Drop(int32_t page) {
  CHECK_GT(holders(page), 0) << "page " << page << " is free";
  if (--holders_[static_cast<size_t>(page)] == 0) free_.push_back(page);
}

}  // namespace lluda::runtime
