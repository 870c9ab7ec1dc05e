// In which numbers a model computes, and what.
//
//   options.precision = Precision::kF32;     // for comparisons
//   options.result = StepResult::kHidden;    // for embeddings
#ifndef LLUDA_FRONTENDS_PRECISION_H_
#define LLUDA_FRONTENDS_PRECISION_H_

#include <cstdint>

namespace lluda::frontends {

enum class Precision : uint8_t {
  // Matmul inputs and the KV cache are rounded to bf16 by cast ops; the residual stream, norms,
  // RoPE, softmax and all sums are f32. Weights of another dtype are cast to bf16 for matmuls.
  kBF16,
  // All activations and the cache are f32; weights are used in the checkpoint's dtype.
  kF32,
};

// What a key or a value is held as between steps.
enum class KvCache : uint8_t {
  // As the precision has it: bf16 or f32.
  kPrecision,
  // As i8, quantised from f32, with one f32 scale per position and KV head: quantize_scale and
  // quantize in ir/op/ops.md. About half of bf16's memory, for an error that docs/numerics.md bounds.
  kInt8,
};

// What matmuls take of their activations where weights are in blocks of integers.
enum class Activations : uint8_t {
  // The precision's numbers.
  kExact,
  // 32 at a time as i8 that share an f32 scale: quantize_blocks to q8_f32 in ir/op/ops.md. Integers
  // are multiplied with integers, which is faster, for an error that docs/numerics.md bounds.
  kInt8,
};

// What a step gives for each row that is wanted.
enum class StepResult : uint8_t {
  // The logits of the next token: f32 row[R] vocab[...].
  kLogits,
  // The hidden state after the final norm: f32 row[R] hid[...]. The LM head is not read.
  kHidden,
};

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_PRECISION_H_
