// What a program takes from the system to run, counted before it is taken.
//
//   const MemoryNeed need = MemoryNeedOf(program, pool.threads(), dims);
//   need.total();   // bytes
//
// Mapped files are not in it: a checkpoint's weights that the step reads, a bundle's. They have
// their addresses already, and the system keeps of them in memory what it can.
#ifndef LLUDA_RUNTIME_MEMORY_NEED_H_
#define LLUDA_RUNTIME_MEMORY_NEED_H_

#include <cstdint>

#include "absl/types/span.h"
#include "runtime/program.h"

namespace lluda::runtime {

// Scratch memory of a thread: that of the kernel that wants most, on lines of its own.
int64_t ScratchBytes(const Program& program);
// What the parts of cut items share; see Split. Nothing for one thread, which cuts none.
int64_t WorkspaceBytes(const Program& program, int threads);

struct MemoryNeed {
  int64_t weights = 0;  // that the load list packs
  int64_t states = 0;   // the KV cache
  int64_t working = 0;  // activations, scratch, workspace
  int64_t total() const { return weights + states + working; }
};

// `dims` are the symbols' values that states are made for; empty: no states are made.
MemoryNeed MemoryNeedOf(const Program& program, int threads, absl::Span<const int64_t> dims);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MEMORY_NEED_H_
