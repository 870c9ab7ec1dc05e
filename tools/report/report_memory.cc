#include "tools/report/report_memory.h"

#include <algorithm>
#include <map>

#include "base/step_interface.h"
#include "ir/frame.h"
#include "runtime/memory_need.h"
#include "tools/inspect/pass_history.h"

namespace lluda::tools {
namespace {

using runtime::BufferRef;
using runtime::Space;

bool IsIn(const BufferRef& reference, const FrameBuffer& buffer) {
  return reference.space == Space::kFrame && reference.offset >= buffer.offset &&
         reference.offset < buffer.offset + buffer.bytes;
}

bool ShareBytes(const FrameBuffer& a, const FrameBuffer& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

}  // namespace

std::vector<FrameBuffer> FrameBuffers(const ir::Module& module, const runtime::Entry& entry) {
  const std::map<std::string, const ir::Op*> statements = StatementsByName(module);
  const std::vector<runtime::Call>& calls = entry.calls;
  std::vector<FrameBuffer> buffers;
  std::vector<size_t> held;  // those that nothing has overwritten yet
  for (size_t i = 0; i < calls.size(); ++i) {
    const runtime::Call& call = calls[i];
    const int now = static_cast<int>(i);
    size_t first = 0;
    for (const runtime::CallPart& part : runtime::PartsOf(call)) {
      // The last buffer is the result; it may be an operand, too.
      const size_t result = first + part.buffers - 1;
      for (size_t operand = first; operand < result; ++operand) {
        for (const size_t place : held) {
          if (IsIn(call.buffers[operand], buffers[place])) buffers[place].last = now;
        }
      }
      first = result + 1;
      if (call.buffers[result].space != Space::kFrame) continue;
      const ir::Op& op = *statements.at(StatementOf(part.site));
      const FrameBuffer written = {ToString(part.site), call.buffers[result].offset,
                                   ir::MaxByteSize(op.result_type(), module), now, now};
      std::vector<size_t> still_held;
      for (const size_t place : held) {
        if (!ShareBytes(buffers[place], written)) still_held.push_back(place);
      }
      still_held.push_back(buffers.size());
      held = std::move(still_held);
      buffers.push_back(written);
    }
  }
  return buffers;
}

MemoryTotals TotalsOf(const runtime::Program& program) {
  MemoryTotals totals;
  for (const runtime::Weight& weight : program.weights) {
    if (weight.read_by_entries) totals.weights += weight.bytes;
  }
  totals.loaded = program.loaded_bytes;
  const std::vector<int64_t> most = program.MaxDims();
  std::vector<int64_t> of_a_slot = most;
  for (size_t i = 0; i < most.size(); ++i) {
    if (program.symbols[i].name == step_interface::kSlotCount) of_a_slot[i] = 1;
  }
  for (const runtime::Tensor& state : program.states) totals.states += state.Bytes(of_a_slot);
  totals.frame = program.frame_bytes;
  totals.workspace = runtime::WorkspaceBytes(program, /*threads=*/2);
  return totals;
}

}  // namespace lluda::tools
