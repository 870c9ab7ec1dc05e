// The functions of a decoder's module, built op by op from its description: the way a paper writes
// them, with nothing fused.
//
// @step runs layers of one kind in a loop, one loop behind the other where kinds change:
//
//   %xn = for layer in 0..3 carry %x = %x1 { ... call @attn[layer] ... call @mlp[layer] ... }
//   %xn_1 = for layer in 3..4 carry %x = %xn { ... call @attn_without_rope[layer] ... }
//
// Layers that are in different groups (weights/layer_groups.h) are copies of functions that count differently,
// and are run one by one:
//
//   %xa = call @attn[0] %x1 ...
//   %xm = call @mlp_2[0] %xa
#ifndef LLUDA_FRONTENDS_DECODER_LAYERS_H_
#define LLUDA_FRONTENDS_DECODER_LAYERS_H_

#include "absl/status/status.h"
#include "frontends/decoder/model.h"

namespace lluda::frontends::decoder {

// Adds the functions of the model's layers.
absl::Status AddLayers(const Model& model);

// Adds @logits, or @hidden, and then @step, which calls what the others have added: step.cc.
absl::Status AddResult(const Model& model);
absl::Status AddStep(const Model& model);
// Where a part of the logits may do: @top_logits and @top.
absl::Status AddTop(const Model& model);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_LAYERS_H_
