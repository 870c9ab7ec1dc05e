// Loops that do one thing as fast as the machine can, compiled for the same target as the kernels:
// read memory, or multiply and add in one of the number formats. What they reach is the limit that
// a kernel's speed is measured against.
//
//   auto loops = LimitLoops::Compile(Target::Host());
//   for (const LimitLoop& loop : (*loops)->Of(Limit::kF32)) {
//     loop.fn(&args);  // does (args.end - args.begin) * loop.work_per_item operations
//   }
//
// tools/measure/limits.h runs them on all threads and takes the time.
#ifndef LLUDA_CODEGEN_CPU_MACHINE_LIMITS_H_
#define LLUDA_CODEGEN_CPU_MACHINE_LIMITS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "codegen/llvm/jit.h"
#include "codegen/llvm/target.h"
#include "runtime/kernel_abi.h"

namespace lluda::codegen {

enum class Limit : uint8_t {
  kDramRead,  // bytes
  kF32,       // f32 operations; a multiplication and an addition are two
  kBf16,      // operations on bf16 inputs, summed in f32
  kInt8,      // operations on int8 inputs, summed in int32
  kBf16Fed,   // kBf16 with the loads of a large product: what a matmul of tiles could reach
};
inline constexpr Limit kAllLimits[] = {Limit::kDramRead, Limit::kF32, Limit::kBf16, Limit::kInt8,
                                       Limit::kBf16Fed};

// Which of them bounds a matmul of these inputs on this target: that of the format its inner tile
// multiplies in.
Limit LimitOfMatmul(const Target& target, ir::DType a, ir::DType b);

// How the loops read their arguments:
//   arithmetic  buffers[0] holds two operands of 4 bytes, 64 bytes apart; items repeat
//   kBf16Fed    buffers[0] holds kFedBytes, which are read again for each item, 64-byte aligned
//   kDramRead   buffers[0] is read from item begin to item end, 64-byte aligned
//   scratch     64 bytes, which receive what was computed, so that none of it can be left out
struct LimitLoop {
  std::string name;  // "dram_read_4_streams_4096_ahead_avx2"
  runtime::KernelFn fn = nullptr;
  int64_t work_per_item = 0;  // of what Limit counts
};

// Bytes of an item of a loop that reads memory. begin and end must be multiples of kReadItemStep.
inline constexpr int64_t kReadItemBytes = 4096;
inline constexpr int64_t kReadItemStep = 4;

// What kBf16Fed multiplies: 512 rows, 1 MB of them, by four pairs of panels in turns, 64 KB a pair. Rows
// come from the second cache for each pair, as in a matmul of a prompt of 512 tokens.
inline constexpr int64_t kFedRows = 512;
inline constexpr int64_t kFedDepth = 1024;
inline constexpr int64_t kFedPairs = 4;
inline constexpr int64_t kFedBytes = (kFedRows + kFedPairs * 32) * kFedDepth * 2;

class LimitLoops {
 public:
  static absl::StatusOr<std::unique_ptr<LimitLoops>> Compile(const Target& target);

  // The ways of doing it, of which the fastest counts. None where the target has no instruction for
  // it: bf16 without a dot product of bf16, int8 without vpdpbusd, bf16 fed without tiles of AMX.
  absl::Span<const LimitLoop> Of(Limit limit) const { return loops_[static_cast<size_t>(limit)]; }

 private:
  LimitLoops() = default;
  std::vector<LimitLoop> loops_[std::size(kAllLimits)];
  std::unique_ptr<KernelLibrary> library_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MACHINE_LIMITS_H_
