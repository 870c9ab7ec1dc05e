// The tensors that a decoder's checkpoint should have, by its config alone.
//
// Example:
//   TensorNames(decoder)                      // "model.embed_tokens.weight", ...
//   TensorsOf(decoder)("model.norm.weight")   // {kBF16, "bfloat16", {1024}}
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_EXPECTED_TENSORS_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_EXPECTED_TENSORS_H_

#include <string>
#include <vector>

#include "frontends/checkpoint/tensor_info.h"
#include "frontends/decoder/description/description.h"

namespace lluda::frontends::decoder {

// The names of the tensors that the importer looks for; that of the LM head is among them whether or not
// it is tied.
std::vector<std::string> TensorNames(const Decoder& decoder);

// The tensors that a checkpoint of this model has: for reading the module of a model whose weights are
// not there. All have the config's dtype.
TensorLookup TensorsOf(const Decoder& decoder);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_EXPECTED_TENSORS_H_
