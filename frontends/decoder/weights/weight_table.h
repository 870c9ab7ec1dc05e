// The weights of a decoder's checkpoint: as globals of a module, with the groups of layers that they make;
// or, before there is a module, the matrices among them that can be quantised.
//
// Example: of a 28-layer model, weights.wq is
//   weight @wq[layer < 28] : bf16 q[2048] hid[1024] from
//   "model.layers.{layer}.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHT_TABLE_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHT_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/decoder/description/description.h"
#include "frontends/decoder/description/import_options.h"
#include "frontends/decoder/weights/layer_groups.h"
#include "frontends/decoder/weights/weights.h"
#include "ir/graph.h"
#include "ir/type/dtype.h"

namespace lluda::frontends::decoder {

// Declares all weights, each checked against the checkpoint: `weights` gets those that exist once,
// `groups` gets the layers, by the dtypes that their matrices have, with theirs. Errors as
// ImportDecoder says.
absl::Status AddWeights(const Decoder& decoder, const ImportOptions& options, ir::Module* module,
                        Weights* weights, std::vector<LayerGroup>* groups);

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

// What becomes of the matrices of these options' module.
struct MatrixCounts {
  int64_t to_quantise = 0;             // floats, of which options.weights asks for blocks
  int64_t plain = 0;                   // those whose rows are no whole blocks: they stay floats
  std::map<ir::DType, int64_t> other;  // those that get another type for that reason, by the type
  // Whether one that meets activations is in blocks of integers (ir::HoldsIntegers).
  bool has_integers = false;
};
absl::StatusOr<MatrixCounts> CountMatrices(const Decoder& decoder, const ImportOptions& options);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHT_TABLE_H_
