// Weights that the load block brings into another form before anything reads them: the rows of paired
// heads into order, and layers that are floats of several dtypes to one.
//
// Example: of three layers, the second has its norm in f32.
//   weight @attn_norm_bf16[layer < 3] : bf16 hid[1024] from "model.layers.{layer}.input_layernorm.weight"
//   weight @attn_norm_f32[layer < 3] : f32 hid[1024] from "model.layers.{layer}.input_layernorm.weight"
//   load {
//     for layer in 0..1 { @attn_norm[layer] = cast @attn_norm_bf16[layer] {out = f32} }
//     for layer in 1..2 { @attn_norm[layer] = cast @attn_norm_f32[layer] {out = f32} }
//     for layer in 2..3 { @attn_norm[layer] = cast @attn_norm_bf16[layer] {out = f32} }
//   }
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_LOAD_WEIGHTS_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_LOAD_WEIGHTS_H_

#include <vector>

#include "frontends/decoder/description/description.h"
#include "frontends/decoder/description/import_options.h"
#include "frontends/decoder/weights/find_weights.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// Does the load block bring the weight into another form?
bool IsLoaded(const Found& found, const Decoder& decoder);

// Declares such weights, all of one index, and has the load block bring them into their form. There is one
// weight for each dtype, of which only the layers that have it are read, and a global that the load block
// makes of them. Matrices become what matmuls read; the rest of several dtypes is widened to f32, which
// loses nothing.
void AddLoaded(const std::vector<const Declared*>& all, const Decoder& decoder,
               const ImportOptions& options, ir::Module* module);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_LOAD_WEIGHTS_H_
