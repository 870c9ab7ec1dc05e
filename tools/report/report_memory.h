// Memory of a running model, as the report shows it.
//
//   std::vector<FrameBuffer> buffers = FrameBuffers(*module, program.entry("step"));
//   buffers[0];   // {"step.x0", offset 0, bytes 1048576, first 0, last 7}: %x0 is computed by
//                 // call 0 of a step, and read by call 7 for the last time
#ifndef LLUDA_TOOLS_REPORT_REPORT_MEMORY_H_
#define LLUDA_TOOLS_REPORT_REPORT_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/program.h"

namespace lluda::tools {

// What a call of an entry writes to the frame, until nothing reads it any more. Two of them share
// bytes only if they share no call.
struct FrameBuffer {
  std::string name;  // the call's: "attn[3].qkv"
  int64_t offset = 0;
  int64_t bytes = 0;  // with every symbol at its maximum
  int first = 0;      // the entry's call that computes it
  int last = 0;       // the last one that reads it
};

// Of an entry, in the order they are computed, from the calls as they run; their sizes from the module that the
// program was compiled from.
std::vector<FrameBuffer> FrameBuffers(const ir::Module& module, const runtime::Entry& entry);

// Bytes of one running model, by what they are for.
struct MemoryTotals {
  int64_t weights = 0;    // of the checkpoint, as far as steps read them as they are
  int64_t loaded = 0;     // packed weights, and what else the load block computed
  int64_t states = 0;     // the KV cache of one sequence, at the full context
  int64_t frame = 0;      // activations
  int64_t workspace = 0;  // what threads share where they compute parts of an item
};
MemoryTotals TotalsOf(const runtime::Program& program);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_REPORT_REPORT_MEMORY_H_
