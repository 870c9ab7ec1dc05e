// Writes a function @moe, the MLP of layers that have experts, as its paper does: a softmax of what
// the router gives, the largest of it, a gather of the matrices of those that a token takes, and the
// weighted sum of what they compute.
#ifndef LLUDA_FRONTENDS_DECODER_EXPERTS_H_
#define LLUDA_FRONTENDS_DECODER_EXPERTS_H_

#include "absl/status/status.h"
#include "frontends/decoder/model.h"

namespace lluda::frontends::decoder {

// The function is one of layers that have experts.
absl::Status AddExperts(const Model& model, const MlpFunction& function);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_EXPERTS_H_
