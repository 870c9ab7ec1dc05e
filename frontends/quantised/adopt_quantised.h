// A quantised folder's checkpoint as one that the importer reads: in place of the tensors that a
// matrix is stored in, there is the matrix, in blocks.
//
//   std::vector<std::string> notes;
//   absl::Status status = AdoptQuantised("Qwen3-0.6B-GPTQ", scheme, &checkpoint, &notes);
//   checkpoint.Find("model.layers.0.mlp.up_proj.weight")->dtype   // kQ4_0, was "...qweight"
//
// Nothing is rounded: a matrix gets the smallest block dtype that has its numbers (encode.h) in all
// layers; but in layers where none has them, as where groups of inputs lie apart, f32.
#ifndef LLUDA_FRONTENDS_QUANTISED_ADOPT_QUANTISED_H_
#define LLUDA_FRONTENDS_QUANTISED_ADOPT_QUANTISED_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/quantised/scheme.h"

namespace lluda::frontends::quantised {

// Errors of FindLinear, and InvalidArgument for a checkpoint without a quantised matrix, or one that
// has a matrix in both forms. Adds to `notes`, a line each that begins with `label`.
absl::Status AdoptQuantised(const std::string& label, const Scheme& scheme, Checkpoint* checkpoint,
                            std::vector<std::string>* notes);

}  // namespace lluda::frontends::quantised

#endif  // LLUDA_FRONTENDS_QUANTISED_ADOPT_QUANTISED_H_
