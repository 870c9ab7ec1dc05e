// Counts the program's calls of operator new, for tests of "allocates nothing".
//
//   const int64_t before = AllocationCount();
//   DoTheWork();
//   EXPECT_EQ(AllocationCount(), before);
//
// Linking this library replaces the global operators: for tests only. Over-aligned allocations are
// not counted.
#ifndef LLUDA_RUNTIME_COUNTING_ALLOCATOR_H_
#define LLUDA_RUNTIME_COUNTING_ALLOCATOR_H_

#include <cstdint>

namespace lluda::runtime {

// Calls so far, over all threads.
int64_t AllocationCount();

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_COUNTING_ALLOCATOR_H_
