// Writes a described decoder as an IR module, the way its paper does: RoPE as slices, products,
// sums and concat, softmax as max, sub, exp, sum and div, the LM head as a transposed embedding and a
// matmul. It never emits a fused op; making those is the passes' job.
//
// The module has one function per kind of attention (@attn), @mlp, @logits, and @step, which runs
// them:
//
//   func @step(%tokens: i32 tok[T], %pos: i32 tok[T], %slot: i32 tok[T], %rows: i32 row[R])
//       -> f32 row[R] vocab[151936]
//
// %pos is each token's position in its sequence, %slot the sequence's place in the KV cache, %rows
// the tokens whose logits are wanted. testdata/toy.lluda is a whole module. A module for embeddings has
// @hidden in place of @logits, and its step returns f32 row[R] hid[1024].
// A decoder that hears has an encoder's functions and entries, too, and a step that takes rows in the
// places of tokens' embeddings (base/step_interface.h).
//
// Example:
//   ImportOptions options;
//   options.find_tensor = LookupIn(checkpoint);
//   absl::StatusOr<std::unique_ptr<ir::Module>> module = ImportDecoder(decoder, options);
#ifndef LLUDA_FRONTENDS_DECODER_IMPORT_H_
#define LLUDA_FRONTENDS_DECODER_IMPORT_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "frontends/decoder/description/description.h"
#include "frontends/decoder/description/import_options.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The capacity of a cache is a multiple of this, so that panels and blocks along it are whole.
inline constexpr int64_t kContextMultiple = 64;

// A weight whose tensors are floats of several dtypes is cast in the load block, layer by layer: a
// matrix to what matmuls read, anything else to f32. A matrix in blocks is read through a `dequantize`.
// Layers whose matrices are in other blocks than those of others, or in none, have functions and
// weights of their own (weights/layer_groups.h): @attn_2, @mlp_2, @wv_2.
//
// NotFound for a missing tensor; InvalidArgument for a tensor of the wrong shape, for options out
// of range, for a partial head of a model that hears, gives no logits, scales or caps them, or has a
// head in blocks, and for a model whose values exceed the IR's bounds (2^40 elements); Unimplemented
// for a tensor that is neither bf16 nor f16 nor f32 nor a matrix in blocks. `lm_head.weight` is looked
// for only if the config unties it and logits are wanted.
//
//   checkpoint: tensor 'model.norm.weight' has shape [512], config.json asks for [1024]
absl::StatusOr<std::unique_ptr<ir::Module>> ImportDecoder(const Decoder& decoder,
                                                          const ImportOptions& options);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_IMPORT_H_
