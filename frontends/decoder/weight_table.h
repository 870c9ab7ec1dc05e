// The weights of a decoder's checkpoint as globals of a module: which role each of them has, and
// what its tensors are called.
//
// Example: of a 28-layer model, weights.wq is
//   weight @wq[layer < 28] : bf16 q[2048] hid[1024] from
//   "model.layers.{layer}.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHT_TABLE_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHT_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/decoder/description.h"
#include "frontends/decoder/import.h"
#include "frontends/decoder/layer_groups.h"
#include "frontends/decoder/weights.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The rows that a matrix holds for one of several results, from `begin` on: as many as `axis` is
// long.
struct RowRange {
  const char* name;
  int64_t begin;
  const char* axis;
};

// A matrix of Weights, or some of its rows, and the bias that belongs to it.
struct LinearWeight {
  ir::Global* matrix = nullptr;
  ir::Global* bias = nullptr;
  std::optional<RowRange> rows{};
};

// The axis of that name in the weights: "hid" is hid[decoder.hidden_size].
ir::Axis ModelAxis(const Decoder& decoder, absl::string_view name);

// Declares all weights, each checked against the checkpoint: `weights` gets those that exist once,
// `groups` gets the layers, by the dtypes that their matrices have, with theirs. Errors as
// ImportDecoder says.
absl::Status AddWeights(const Decoder& decoder, const ImportOptions& options, ir::Module* module,
                        Weights* weights, std::vector<LayerGroup>* groups);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHT_TABLE_H_
