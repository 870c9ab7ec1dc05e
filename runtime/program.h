// A compiled module as data: flat call lists over numbered buffers, one that loads and one for each
// entry, and what the buffers are. Nothing here knows the compiler; codegen fills it in, Executable
// runs it.
//
// Example: a 28-layer language model has one entry, `step`, with the inputs tokens, pos, slot and
// rows. Its list holds 28 calls of the same rope kernel, each with other buffers.
#ifndef LLUDA_RUNTIME_PROGRAM_H_
#define LLUDA_RUNTIME_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/call_site.h"
#include "runtime/kernel_abi.h"

namespace lluda::runtime {

// Which memory a buffer lies in.
enum class Space : uint8_t {
  kFrame,   // the entries' arena, for one at a time: offset is absolute
  kWeight,  // checkpoint tensor `index`
  kLoaded,  // memory of the load block: offset is absolute
  kState,   // state `index`
  kInput,   // the entry's input `index`
  kOutput,  // the entry's result
};

struct BufferRef {
  Space space = Space::kFrame;
  uint32_t index = 0;
  int64_t offset = 0;  // bytes
  bool operator==(const BufferRef& o) const {
    return space == o.space && index == o.index && offset == o.offset;
  }
};

// ceil((dims[symbol] + more) / divisor): one factor of a number of work items.
struct WorkFactor {
  int symbol = 0;  // of the kernel's dims
  int64_t divisor = 1;
  int64_t more = 0;
};

// Independent pieces that a kernel's call is made of: constant * product of factors.
struct Work {
  int64_t constant = 1;
  std::vector<WorkFactor> factors;
  int64_t Count(const int64_t* dims) const {
    int64_t count = constant;
    for (const WorkFactor& f : factors) {
      count *= (dims[f.symbol] + f.more + f.divisor - 1) / f.divisor;
    }
    return count;
  }
};

// How a kernel's items may be cut into parts, where a call has too few items to keep the threads
// busy. An item consists of units in a row, and a part is some neighbouring ones. Each part leaves
// its results in memory that all parts of the call share. The part that ends last makes the item's
// result of them, which does not depend on whether and how items were cut.
// Example: an item of attention over 1500 positions has three units, spans of 512 positions; four
// threads cut it into three parts.
struct Split {
  int64_t below = 0;       // a call of fewer items may be cut; 0: none may
  Work units;              // of one item
  int64_t unit_bytes = 0;  // a call's workspace is units * unit_bytes; zero at first, and after it
};

struct Kernel {
  std::string name;
  KernelFn fn = nullptr;
  // How many dims each of its calls binds (Call::binding); 0: its dims are the symbols' values, in
  // their order. Symbols below count among its dims.
  int64_t dims = 0;
  Work work;
  // Rough cost of one item in nanoseconds times the value of symbol `cost_symbol` (-1: none):
  // decides whether a call is worth waking other threads.
  int64_t item_cost = 1;
  int cost_symbol = -1;
  // What a thread has to itself meanwhile; of a GPU, what a block's threads share if that is more than
  // kMaxSharedBytes (gpu_abi.h).
  int64_t scratch_bytes = 0;
  // Load list only: item i reads, of the bytes that buffer 0 has, those in [i, i + 1) *
  // item_read_bytes and no others; 0 when the items share what they read.
  int64_t item_read_bytes = 0;
  Split split;
  // Where the value of symbol `many_symbol` (-1: none) is above `many_above`, kernel `many` of the
  // program, with the same buffers, takes this one's place.
  int many_symbol = -1;
  int64_t many_above = 0;
  uint32_t many = 0;
};

// A statement that a call computes, and how many of the call's buffers are its own: they follow one
// another, each statement's operands and then its result.
struct CallPart {
  CallSite site = {};
  uint32_t buffers = 0;
  bool operator==(const CallPart& o) const { return site == o.site && buffers == o.buffers; }
};

// What a call gives its kernel as one of its dims: the value of a symbol of the program, or a number.
struct Dim {
  int symbol = -1;  // -1: it is `value`
  int64_t value = 0;
  bool operator==(const Dim& o) const { return symbol == o.symbol && value == o.value; }
};

// All that a call gives its kernel. Calls of one kernel may differ in it.
// Example: a kernel of attention has the dims (tokens, positions, window). A layer that sees all of
// the text binds them to (T, C, 2^62), one with a window to (T, 1024, 512).
using Binding = std::vector<Dim>;

struct Call {
  uint32_t kernel = 0;
  std::vector<BufferRef> buffers;
  CallSite site = {};
  // Of an entry only: may run side by side with the call before it, and those that one joins. None
  // of these calls writes what another one reads or writes.
  bool joins_previous = false;
  // Only where the value of symbol `only_symbol` (-1: always) is above `only_above`: below, a later
  // call does its work, too.
  int only_symbol = -1;
  int64_t only_above = 0;
  // What its kernel's dims are, of Program::bindings; -1: the symbols' values, in their order.
  int binding = -1;
  // Of a call that computes several statements, all of them, in order; the others compute the one at
  // `site`. A norm among them is for the others alone: its result is in no memory.
  std::vector<CallPart> parts = {};
};

struct Weight {
  std::string tensor;  // name in the checkpoint
  int64_t bytes = 0;
  bool read_by_entries = false;  // else its pages may be dropped once the load list has read it
};

// How a state's positions lie in the memory of a slot: in `runs` equal pieces, in each of which they
// follow one another, whole groups of `group` of them.
// Example: of bf16 slot[S] kv[8] pos[C] dim[128] @panel(16x2, dim) a slot has 8 runs, and a group is
// 16 positions.
struct PositionLayout {
  int64_t runs = 0;  // 0: they lie otherwise
  int64_t group = 1;
  // There are so many cells, whatever the sequence's length: position p lies in cell p modulo as many,
  // and takes it from an earlier one. 0: each position has its own.
  int64_t ring = 0;
};

// A tensor that is known by its name: a state, an entry's input or result.
struct Tensor {
  std::string name = {};
  int64_t factor = 1;  // bytes = factor * product of the symbols' values
  std::vector<int> symbols = {};
  // Of an input that says which rows of tables are read: its numbers are at least 0 and below this;
  // 0: it reads no table of a fixed size. Example: tokens are below 151936.
  int64_t below = 0;
  PositionLayout positions = {};

  int64_t Bytes(absl::Span<const int64_t> dims) const {
    int64_t bytes = factor;
    for (const int symbol : symbols) bytes *= dims[symbol];
    return bytes;
  }
};

struct SymbolRange {
  std::string name;
  int64_t min = 0;
  int64_t max = 0;
};

// What can be run from outside once the load list has been: a function of the module, with inputs
// and a result of its own. Entries share kernels, loaded memory, states and the frame.
struct Entry {
  std::string name;  // "step"
  std::vector<Tensor> inputs;
  Tensor result;
  std::vector<Call> calls;

  // Whether the inputs have these names, in this order.
  bool HasInputs(absl::Span<const char* const> names) const;
};

class BoundDims;

struct Program {
  std::vector<SymbolRange> symbols;
  std::vector<Kernel> kernels;
  std::vector<Binding> bindings;  // all differ
  std::vector<Weight> weights;
  std::vector<Tensor> states;
  std::vector<Call> load;  // reads weights, writes the loaded memory; runs once, before any entry
  std::vector<Entry> entries;
  int64_t frame_bytes = 0;  // as many as the entry that takes most
  int64_t loaded_bytes = 0;

  // The kernel that a call runs, and its items; none where the call is not to be run.
  uint32_t KernelOf(const Call& call, const BoundDims& dims) const;
  int64_t ItemsOf(const Call& call, const BoundDims& dims) const;

  // The largest value of each symbol.
  std::vector<int64_t> MaxDims() const;
  // The entry of this name, or null.
  const Entry* FindEntry(absl::string_view name) const;
  // The same where there has to be one.
  const Entry& entry(absl::string_view name) const;
};

// What a call computes: its parts, or the one that it is.
std::vector<CallPart> PartsOf(const Call& call);

// The number of calls from `first` on that may run side by side.
size_t RegionSize(const std::vector<Call>& calls, size_t first);
// The most that do, in any entry; at least 1.
size_t MostCallsOfARegion(const Program& program);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_PROGRAM_H_
