// What the code generator for GPUs and the devices that run its kernels agree on. Plain C types only.
//
// A kernel runs in blocks of kBlockThreads threads, and a work item is a block. On a GPU its
// parameters are, 8 bytes each: the symbols' values in the order of Program::symbols, the number of
// the first block, the buffers in the order of KernelArgs::buffers, then the workspace: memory that
// all blocks of a call share. It begins with kWorkspaceCounterBytes that are zero before a call and
// after it; behind them lie as many bytes as Kernel::split says. In simulation a kernel has the
// signature of kernel_abi.h: `begin` is the block's number, and `scratch` the thread's
// SimulatedThread.
#ifndef LLUDA_RUNTIME_GPU_GPU_ABI_H_
#define LLUDA_RUNTIME_GPU_GPU_ABI_H_

#include <cstddef>
#include <cstdint>

namespace lluda::runtime {

inline constexpr int kBlockThreads = 256;
inline constexpr int kWarpThreads = 32;
inline constexpr int kBlockWarps = kBlockThreads / kWarpThreads;
// A kernel shares at most so many bytes among the threads of a block: what every GPU gives without
// being asked (CUDA C++ Programming Guide, "Technical Specifications per Compute Capability").
inline constexpr int64_t kMaxSharedBytes = 48 << 10;
// More has to be asked for at its launch (Kernel::scratch_bytes), and is there where warpgroups multiply
// tiles: so much at most on compute capability 9.0.
inline constexpr int64_t kMaxTileBytes = 227 << 10;
// A tile in shared memory has rows of so many bytes and begins at a multiple of kTileAlignment.
inline constexpr int64_t kTileRowBytes = 128, kTileAlignment = 1024;
inline constexpr int kGroupThreads = 128;  // of a warpgroup, which multiplies tiles

// 65536 counters of 4 bytes.
inline constexpr int64_t kWorkspaceCounterBytes = 256 << 10;

// What a simulated kernel can ask of who runs it.
struct SimulatedThread {
  int64_t index;  // in its block
  char* shared;   // the block's, at a multiple of kTileAlignment
  // Returns when all threads of the block have called it.
  void (*barrier)(SimulatedThread* thread);
  // Returns the value that the thread `lane` of the warp gave when all of them have called it.
  uint32_t (*shuffle)(SimulatedThread* thread, uint32_t value, uint32_t lane);
  // The warp's product of 16 x 16 and 16 x 8 bf16 elements, added to 16 x 8 sums in f32, when all of
  // its threads have called it. What a thread holds of them is what PTX says of mma.m16n8k16: four
  // words of a, two of b, and four sums, which are replaced.
  void (*multiply)(SimulatedThread* thread, const uint32_t* a, const uint32_t* b, float* sums);
  // This thread's share of the warpgroup's product of 64 rows and `count` columns, 64 bf16 elements
  // of each in a tile of shared memory, added to its sums in f32. It has rows g = lane / 4 and g + 8 of
  // the warp's 16: sums 4j and 4j + 1 are columns 8j + 2 * (lane % 4) and the next one in row g, 4j + 2
  // and 4j + 3 the same in row g + 8.
  void (*multiply_tile)(SimulatedThread* thread, const char* rows, const char* columns,
                        int64_t count, float* sums);
};

// Where the 16 bytes `chunk` of a row of a tile lie: so that eight rows' chunks of one number are in
// different banks (PTX ISA, "Asynchronous Warpgroup Level Matrix Shared Memory Layout", 128 bytes).
constexpr int64_t TilePlace(int64_t row, int64_t chunk) {
  return row * kTileRowBytes + (chunk ^ (row % 8)) * 16;
}

static_assert(offsetof(SimulatedThread, index) == 0 && offsetof(SimulatedThread, shared) == 8 &&
                  offsetof(SimulatedThread, barrier) == 16 &&
                  offsetof(SimulatedThread, shuffle) == 24 &&
                  offsetof(SimulatedThread, multiply) == 32 &&
                  offsetof(SimulatedThread, multiply_tile) == 40,
              "codegen/nvptx/words/words.cc addresses the fields by these offsets");

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_GPU_GPU_ABI_H_
