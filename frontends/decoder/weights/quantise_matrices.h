// Matrices of floats that the load block puts into blocks, where the options ask for that.
//
// Example: with options.weights = ir::DType::kQ4_0, @wq is not read by functions, but @wq_q4_0:
//   load { for layer in 0..28 { @wq_q4_0[layer] = quantize_blocks @wq[layer] {out = q4_0} } }
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_QUANTISE_MATRICES_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_QUANTISE_MATRICES_H_

#include <vector>

#include "absl/status/status.h"
#include "frontends/decoder/description/import_options.h"
#include "frontends/decoder/weights/find_weights.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// Quantises those of `all` that are to be, once they are in the module, and puts what it makes of each in
// its place. InvalidArgument where all should be and none can be, and for importances of some layers only.
absl::Status QuantiseMatrices(const std::vector<Declared>& all, const ImportOptions& options,
                              ir::Module* module);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_QUANTISE_MATRICES_H_
