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
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/decoder/description.h"
#include "frontends/precision.h"
#include "frontends/weight_types.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The capacity of a cache is a multiple of this, so that panels and blocks along it are whole.
inline constexpr int64_t kContextMultiple = 64;

struct ImportOptions {
  Precision precision = Precision::kBF16;
  KvCache kv_cache = KvCache::kPrecision;
  Activations activations = Activations::kExact;
  StepResult result = StepResult::kLogits;
  // The block dtype, one that quantize_blocks writes, that matrices of floats are quantised to while
  // they are loaded, where their rows are whole blocks; embedding and LM head are among them.
  // Where find_tensor knows importances of a matrix's columns (kImportanceSuffix), and the quantiser
  // takes any, they are read.
  std::optional<ir::DType> weights;
  // Of the tensors it names, in place of `weights`; nullopt: they stay as the checkpoint has them. All
  // experts of a layer are named alike.
  WeightTypes tensor_weights;
  // Adds the step that hides all but the largest logits (base/step_interface.h), for which the passes
  // let the head be read in part.
  bool partial_head = false;
  int64_t max_step_tokens = 512;  // T: tokens of one step
  int64_t max_logit_rows = 512;   // R: tokens of one step whose logits are wanted
  int64_t max_slots = 64;         // S: sequences at a time
  // Declares P and B: keys and values may be put into pages, which sequences share (page-caches).
  bool pages = false;
  // C: tokens of one sequence, rounded up to a multiple of 64. The decoder's
  // max_position_embeddings if not given, and never more than that.
  std::optional<int64_t> max_context;
  // Keeps what the model's parts compute, for comparing it with another implementation: states
  // @act_embed and, per layer, @act_input_layernorm, @act_q_proj, @act_k_proj, @act_v_proj,
  // @act_q_norm, @act_k_norm, @act_o_proj, @act_post_attention_layernorm, @act_mlp and @act_out,
  // each f32 slot[S] pos[C] followed by the value's own axes, q_norm and k_norm before RoPE.
  bool record_activations = false;
  // Keeps in the same way, in f32, what matrices are multiplied with: per layer @act_attention_input,
  // @act_o_input, @act_mlp_input and @act_down_input; of experts @act_experts, the i32 indices of those that
  // a token takes, @act_experts_down_input of each of them, and @act_shared_down_input.
  bool record_inputs = false;
  // Required: the checkpoint's tensors, whose dtypes decide the weights' and whose shapes are
  // checked.
  TensorLookup find_tensor;
  // How errors call the checkpoint, normally its folder.
  std::string checkpoint_name = "checkpoint";
};

// A weight whose tensors are floats of several dtypes is cast in the load block, layer by layer: a
// matrix to what matmuls read, anything else to f32. A matrix in blocks is read through a `dequantize`.
// Layers whose matrices are in other blocks than those of others, or in none, have functions and
// weights of their own (layer_groups.h): @attn_2, @mlp_2, @wv_2.
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

// A matrix of one layer, or one that exists once; of experts, all of that layer.
struct Matrix {
  std::string weight;                // "wq", as modules call it
  std::optional<int64_t> layer;      // none: it exists once
  std::vector<std::string> tensors;  // its own, or one of each expert
  int64_t rows = 0, columns = 0;     // of all the tensors together, and of each
};

// The matrices that the module of these options has as floats, which can be quantised, in the order of
// the weights and then of the layers. Errors as ImportDecoder says.
absl::StatusOr<std::vector<Matrix>> FloatMatrices(const Decoder& decoder,
                                                  const ImportOptions& options);

// The names of the tensors that the importer looks for, by the config alone; that of the LM head is
// among them whether or not it is tied.
std::vector<std::string> TensorNames(const Decoder& decoder);

// The tensors that a checkpoint of this model has, by the config alone: for reading the module of a
// model whose weights are not there. All have the config's dtype.
TensorLookup TensorsOf(const Decoder& decoder);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_IMPORT_H_
