// What may be asked of a decoder's module: its numbers, its sizes, and what it keeps.
//
// Example:
//   ImportOptions options;
//   options.find_tensor = LookupIn(checkpoint);
//   options.weights = ir::DType::kQ4_0;
#ifndef LLUDA_FRONTENDS_DECODER_DESCRIPTION_IMPORT_OPTIONS_H_
#define LLUDA_FRONTENDS_DECODER_DESCRIPTION_IMPORT_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "frontends/checkpoint/tensor_info.h"
#include "frontends/precision.h"
#include "frontends/weight_types.h"
#include "ir/type/dtype.h"

namespace lluda::frontends::decoder {

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
  // The same of what its importances are from.
  std::string importance_name = "the importance matrix";
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_DESCRIPTION_IMPORT_OPTIONS_H_
