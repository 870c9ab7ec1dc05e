#include "runtime/gpu/block_runner.h"

#include <sanitizer/asan_interface.h>

#include <cstring>

#include "base/status_macros.h"

#if defined(__x86_64__)
// Saves what a call has to keep on this stack, its pointer at *save, and goes on with the other
// (System V ABI, AMD64 Architecture Processor Supplement, "Registers and the Stack Frame").
extern "C" void lluda_switch_fiber(void** save, void* load);
asm(R"(
.text
.globl lluda_switch_fiber
.hidden lluda_switch_fiber
.type lluda_switch_fiber, @function
lluda_switch_fiber:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size lluda_switch_fiber, .-lluda_switch_fiber

.globl lluda_begin_fiber
.hidden lluda_begin_fiber
.type lluda_begin_fiber, @function
lluda_begin_fiber:
  movq %r12, %rdi
  callq *%r13
  ud2
.size lluda_begin_fiber, .-lluda_begin_fiber
)");
extern "C" void lluda_begin_fiber();
#endif

namespace lluda::runtime {
namespace {

constexpr int64_t kStackBytes = 16 << 10;

#if defined(__x86_64__)
// A stack on which lluda_switch_fiber begins `entry(argument)`: what it pops, from r15 to rbp, and
// where it returns to. It returns to a stack at a multiple of 16, as there has to be before a call.
void* NewStack(char* end, void (*entry)(void*), void* argument) {
  constexpr int kSlots = 9;
  void** stack = reinterpret_cast<void**>(end) - kSlots;
  std::memset(stack, 0, kSlots * sizeof(void*));
  stack[2] = reinterpret_cast<void*>(entry);  // r13
  stack[3] = argument;                        // r12
  stack[6] = reinterpret_cast<void*>(&lluda_begin_fiber);
  return stack;
}
void Switch(void** save, void* load) { lluda_switch_fiber(save, load); }
constexpr bool kCanSwitch = true;
#else
void* NewStack(char*, void (*)(void*), void*) { return nullptr; }
void Switch(void**, void*) {}
constexpr bool kCanSwitch = false;
#endif

// Elements of a tensor core's step.
constexpr size_t kStep = 16;

// The two bf16 of a word.
void Widen(uint32_t word, double* to) {
  for (const uint32_t bits : {word << 16, word & 0xFFFF0000}) {
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    *to++ = static_cast<double>(value);
  }
}

// A GPU sums the products of a step with fewer bits than the f64 here, and truncates.
float AddProducts(const double* x, const double* y, float sum) {
  double products = 0;
  for (size_t k = 0; k < kStep; ++k) products += x[k] * y[k];
  return static_cast<float>(products + static_cast<double>(sum));
}

// The 64 elements of a row of a tile, of which each step's are in the order in which TensorProduct's
// lanes hold them, fours of two eights in turns: Multiply adds them so.
using TileRow = std::array<double, static_cast<size_t>(kTileRowBytes) / 2>;
TileRow ReadTileRow(const char* tile, int64_t row) {
  TileRow elements;
  for (size_t i = 0; i < elements.size(); i += 2) {
    const auto byte = static_cast<int64_t>(2 * i);
    uint32_t word = 0;
    std::memcpy(&word, tile + TilePlace(row, byte / 16) + byte % 16, sizeof(word));
    Widen(word, &elements[i / kStep * kStep + i / 4 % 2 * 8 + i / 8 % 2 * 4 + i % 4]);
  }
  return elements;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlockRunner>> BlockRunner::Create() {
  if (!kCanSwitch) return absl::UnimplementedError("a GPU is simulated on x86-64 only");
  std::unique_ptr<BlockRunner> runner(new BlockRunner());
  ASSIGN_OR_RETURN(runner->stacks_, Memory::Allocate(kStackBytes * kBlockThreads, Pages::kSmall,
                                                     "stacks of a simulated GPU"));
  ASSIGN_OR_RETURN(runner->shared_, Memory::Allocate(kMaxTileBytes, Pages::kSmall,
                                                     "shared memory of a simulated GPU"));
  return runner;
}

absl::Status BlockRunner::Run(KernelFn fn, void* const* buffers, const int64_t* dims, int64_t block,
                              void* workspace, int64_t shared_bytes) {
  fn_ = fn;
  args_ = {buffers, dims, nullptr, block, block + 1, 1, workspace};
  std::memset(shared_.data(), 0xFF, static_cast<size_t>(shared_bytes));
  barrier_rounds_ = barrier_arrived_ = ended_ = 0;
  for (Warp& warp : warps_) warp.rounds = warp.arrived = 0;
  for (Fiber& fiber : fibers_) Prepare(&fiber);
  while (ended_ < kBlockThreads) {
    bool any = false;
    for (int warp = 0; warp < kBlockWarps; ++warp) {
      while (RunWarp(warp)) any = true;
    }
    if (!any) return absl::InternalError("threads of a block wait for each other");
  }
  return absl::OkStatus();
}

void BlockRunner::Prepare(Fiber* fiber) {
  const int64_t index = fiber - fibers_.data();
  fiber->thread = {index,
                   shared_.data(),
                   &BlockRunner::Barrier,
                   &BlockRunner::Shuffle,
                   &BlockRunner::Multiply,
                   &BlockRunner::MultiplyTile};
  fiber->runner = this;
  fiber->waits_for = nullptr;
  fiber->ended = false;
  // What threads that never ended left of their frames; nothing without the sanitizer.
  ASAN_UNPOISON_MEMORY_REGION(stacks_.data() + index * kStackBytes, kStackBytes);
  fiber->stack_pointer = NewStack(
      stacks_.data() + (index + 1) * kStackBytes,
      [](void* argument) { Begin(static_cast<Fiber*>(argument)); }, fiber);
}

bool BlockRunner::RunWarp(int warp) {
  bool any = false;
  for (int lane = 0; lane < kWarpThreads; ++lane) {
    Fiber& fiber = fibers_[static_cast<size_t>(warp * kWarpThreads + lane)];
    if (fiber.ended || (fiber.waits_for != nullptr && *fiber.waits_for == fiber.seen)) continue;
    any = true;
    fiber.waits_for = nullptr;
    Switch(&scheduler_, fiber.stack_pointer);
  }
  return any;
}

void BlockRunner::Begin(Fiber* fiber) {
  BlockRunner* runner = fiber->runner;
  KernelArgs args = runner->args_;
  args.scratch = &fiber->thread;
  runner->fn_(&args);
  fiber->ended = true;
  ++runner->ended_;
  Switch(&fiber->stack_pointer, runner->scheduler_);
  __builtin_unreachable();
}

void BlockRunner::WaitFor(Fiber* fiber, const int64_t* rounds) {
  fiber->waits_for = rounds;
  fiber->seen = *rounds;
  Switch(&fiber->stack_pointer, scheduler_);
}

BlockRunner::Warp& BlockRunner::WarpOf(const Fiber& fiber) {
  return warps_[static_cast<size_t>(fiber.thread.index / kWarpThreads)];
}

void BlockRunner::Barrier(SimulatedThread* thread) {
  auto* fiber = reinterpret_cast<Fiber*>(thread);
  BlockRunner& runner = *fiber->runner;
  if (++runner.barrier_arrived_ < kBlockThreads) {
    return runner.WaitFor(fiber, &runner.barrier_rounds_);
  }
  runner.barrier_arrived_ = 0;
  ++runner.barrier_rounds_;
}

// A lane that is early gives its next value while others still read the last ones: there are two
// sets. None is two rounds ahead, as each waits for all.
const BlockRunner::GivenByAll& BlockRunner::Exchange(SimulatedThread* thread, const Given& given,
                                                     void (*when_all)(GivenByAll* all)) {
  auto* fiber = reinterpret_cast<Fiber*>(thread);
  BlockRunner& runner = *fiber->runner;
  Warp& warp = runner.WarpOf(*fiber);
  GivenByAll& all = warp.given[static_cast<size_t>(warp.rounds % 2)];
  all[static_cast<size_t>(thread->index % kWarpThreads)] = given;
  if (++warp.arrived < kWarpThreads) {
    runner.WaitFor(fiber, &warp.rounds);
  } else {
    if (when_all != nullptr) when_all(&all);
    warp.arrived = 0;
    ++warp.rounds;
  }
  return all;
}

uint32_t BlockRunner::Shuffle(SimulatedThread* thread, uint32_t value, uint32_t lane) {
  return Exchange(thread, {value}, nullptr)[lane % kWarpThreads][0];
}

// PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type": lane 4 * g + t holds of row
// g (words 0 and 2) and g + 8 (words 1 and 3) of a the elements 2t, 2t + 1, in words 2 and 3 those 8
// further on; the same of column g of b; and the sums of columns 2t and 2t + 1 in rows g and g + 8.
// Here the four elements of a lane are neighbours.
void BlockRunner::MultiplyWarp(GivenByAll* all) {
  double a[16][kStep], b[8][kStep];  // b by columns
  for (size_t lane = 0; lane < kWarpThreads; ++lane) {
    const Given& given = (*all)[lane];
    const size_t g = lane / 4, t = lane % 4;
    for (size_t i = 0; i < 4; ++i) Widen(given[i], &a[g + i % 2 * 8][4 * t + i / 2 * 2]);
    for (size_t i = 0; i < 2; ++i) Widen(given[4 + i], &b[g][4 * t + i * 2]);
  }
  for (size_t lane = 0; lane < kWarpThreads; ++lane) {
    const size_t g = lane / 4, t = lane % 4;
    for (size_t i = 0; i < 4; ++i) {
      uint32_t* bits = &(*all)[lane][6 + i];
      float value = 0;
      std::memcpy(&value, bits, sizeof(value));
      value = AddProducts(a[g + i / 2 * 8], b[2 * t + i % 2], value);
      std::memcpy(bits, &value, sizeof(value));
    }
  }
}

void BlockRunner::Multiply(SimulatedThread* thread, const uint32_t* a, const uint32_t* b,
                           float* sums) {
  Given given = {a[0], a[1], a[2], a[3], b[0], b[1]};
  std::memcpy(&given[6], sums, 4 * sizeof(float));
  const GivenByAll& all = Exchange(thread, given, &BlockRunner::MultiplyWarp);
  std::memcpy(sums, &all[static_cast<size_t>(thread->index % kWarpThreads)][6], 4 * sizeof(float));
}

void BlockRunner::MultiplyTile(SimulatedThread* thread, const char* rows, const char* columns,
                               int64_t count, float* sums) {
  const int64_t lane = thread->index % kWarpThreads;
  const int64_t warp = thread->index % kGroupThreads / kWarpThreads;
  const int64_t row = 16 * warp + lane / 4;
  const TileRow x[2] = {ReadTileRow(rows, row), ReadTileRow(rows, row + 8)};
  for (int64_t column = 0; column < count; column += 8) {
    for (int64_t i = 0; i < 2; ++i) {
      const TileRow y = ReadTileRow(columns, column + lane % 4 * 2 + i);
      for (int64_t lower = 0; lower < 2; ++lower) {
        float* sum = sums + column / 2 + lower * 2 + i;
        for (size_t k = 0; k < y.size(); k += kStep) {
          *sum = AddProducts(&x[lower][k], &y[k], *sum);
        }
      }
    }
  }
}

}  // namespace lluda::runtime
