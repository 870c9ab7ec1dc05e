// The memory of a running function: where its statements' results lie, as plan-memory decided.
//
// Example: with `%a = exp %x : f32 tok[T] in 0` and `%b = cos %a : f32 tok[T] in 2048` as the only
// planned statements, and `symbol T in 1..512`, FrameBytes is 4096.
#ifndef LLUDA_IR_FRAME_H_
#define LLUDA_IR_FRAME_H_

#include <cstdint>

#include "ir/graph.h"

namespace lluda::ir {

// Every buffer starts at a multiple of this many bytes: a cache line, and the widest vector.
inline constexpr int64_t kFrameAlignment = 64;

// Bytes that a value of this type needs at most, with every symbol at its maximum.
int64_t MaxByteSize(const Type& type, const Module& module);

// Bytes that one run of the function needs, those of functions it calls not included: the largest
// end of a planned buffer, rounded up to the alignment; 0 when nothing is planned.
int64_t FrameBytes(const Func& func);

}  // namespace lluda::ir

#endif  // LLUDA_IR_FRAME_H_
