// What a checkpoint has of a decoder's weights: each of their tensors is looked for, and its shape and
// dtype are checked.
//
// Example: of a file whose first two layers are in q6_k, and the third in q4_k,
//   ASSIGN_OR_RETURN(const std::vector<Found> all, FindWeights(decoder, options));
//   all[4].weight.name   // "wv"
//   all[4].dtypes        // {kQ6K, kQ6K, kQ4K}
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_FIND_WEIGHTS_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_FIND_WEIGHTS_H_

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/decoder/description/description.h"
#include "frontends/decoder/description/import_options.h"
#include "frontends/decoder/weights/layer_groups.h"
#include "frontends/decoder/weights/weight_rows.h"
#include "frontends/decoder/weights/weights.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// A weight, and the dtype that its tensors have: one for each layer, or one in all. Beside it the dtype that
// they are quantised to, if they are.
struct Found {
  const WeightRow* row;
  ir::Global weight;  // of the first tensor's dtype
  std::vector<ir::DType> dtypes;
  std::vector<std::optional<ir::DType>> quantised;

  bool is_matrix() const { return row->axes[1] != nullptr; }
  bool IsMixed() const {
    return std::any_of(dtypes.begin(), dtypes.end(),
                       [&](ir::DType dtype) { return dtype != dtypes[0]; });
  }
};

// The type that matrices are quantised to whose rows are no whole blocks of `type`: another one, or the same.
ir::DType InBlocksOf32(ir::DType type);

// All that the module of these options reads, in the order of the table. Errors as ImportDecoder says.
absl::StatusOr<std::vector<Found>> FindWeights(const Decoder& decoder,
                                               const ImportOptions& options);

// The same of the group's layers alone.
Found InGroup(const Found& all, const LayerGroup& group, const Decoder& decoder);

// A weight, and where it is put once it is declared.
struct Declared {
  Found found;
  Weights* weights;
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_FIND_WEIGHTS_H_
