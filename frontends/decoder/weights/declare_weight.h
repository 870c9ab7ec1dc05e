// The weight that a row of the table stands for in one decoder, and the tensors that it is read from.
//
// Example: of the row "wq", in a model of 28 layers,
//   Declare(row, decoder)
//       // weight @wq[layer < 28] : q[2048] hid[1024] from "model.layers.{layer}.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_DECLARE_WEIGHT_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_DECLARE_WEIGHT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "frontends/decoder/description/description.h"
#include "frontends/decoder/weights/layer_groups.h"
#include "frontends/decoder/weights/weight_rows.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The weight as a row declares it, of no dtype yet; of the group's layers, or where the group is null one
// that exists once.
ir::Global Declare(const WeightRow& row, const Decoder& decoder, const LayerGroup* group);

// The same, of all layers that have it.
ir::Global Declare(const WeightRow& row, const Decoder& decoder);

// How many layers it has, each with its own tensor or tensors; 1 if it exists once.
int64_t CopiesOf(const ir::Global& weight);

// The names of all of a weight's tensors.
std::vector<std::string> AllSourceNames(const ir::Global& weight);

// The shape of each of a weight's tensors.
std::vector<int64_t> TensorShape(const ir::Global& weight);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_DECLARE_WEIGHT_H_
