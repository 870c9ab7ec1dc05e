// The table of the weights that decoders have: a row says which role a weight has, what its tensors are
// called, and which decoders have it. A role has several rows where checkpoints call it differently.
//
// Example: the row of queries' matrices, which are in one with those of keys and values in some models.
//   {&Weights::wq, "wq", Copies::kLayers, "model.layers.{layer}.self_attn.q_proj.weight",
//    {"q", "hid"}, Apart},
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHT_ROWS_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHT_ROWS_H_

#include "absl/types/span.h"
#include "frontends/decoder/description/description.h"
#include "frontends/decoder/weights/layer_groups.h"
#include "frontends/decoder/weights/weights.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

struct WeightRow {
  ir::Global* Weights::* member;
  const char* name;
  Copies copies;
  // With a place for the layer; an {expert} stands for one tensor of each of the first axis's elements.
  const char* source;
  const char* axes[3];  // null behind a vector's one, a matrix's two
  // Whether a decoder has it at all; the LM head of a tied one is asked for elsewhere.
  bool (*has)(const Decoder& decoder);
};

// In the order in which a module declares them. They are there as long as the program runs.
absl::Span<const WeightRow> WeightRows();

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHT_ROWS_H_
