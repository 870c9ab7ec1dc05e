// Pages of a KV cache that sequences may share: which are free, and how many hold each of the others.
//
//   PagePool pool(100);
//   const int32_t page = pool.Take();
//   pool.Hold(page);   // by another one, too
//   pool.Drop(page);
//   pool.Drop(page);   // free again
#ifndef LLUDA_RUNTIME_SESSION_PAGE_POOL_H_
#define LLUDA_RUNTIME_SESSION_PAGE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lluda::runtime {

class PagePool {
 public:
  explicit PagePool(int64_t pages);

  // A free page, which there is. Its taker holds it.
  int32_t Take();
  void Hold(int32_t page);
  // One of its holders has it no more.
  void Drop(int32_t page);

  int64_t free() const { return static_cast<int64_t>(free_.size()); }
  int64_t pages() const { return static_cast<int64_t>(holders_.size()); }
  int holders(int32_t page) const { return holders_[static_cast<size_t>(page)]; }

 private:
  std::vector<int32_t> free_;  // the last one is taken next
  std::vector<int> holders_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_SESSION_PAGE_POOL_H_
