// What transformers computed for a checkpoint, beyond the last logits: each module's output.
//
//   auto prompts = LoadActivations("reference_data/tiny/reference");
//   (*prompts)[0].activations.at("layer1.mlp")    // [token, ...], row-major
//   (*prompts)[0].hf_bf16_nmse.at("layer1.mlp")   // of transformers' own bf16 run
#ifndef LLUDA_TESTS_SUPPORT_REFERENCE_ACTIVATIONS_H_
#define LLUDA_TESTS_SUPPORT_REFERENCE_ACTIVATIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lluda::tests {

struct ReferenceActivations {
  std::vector<int32_t> ids;
  std::map<std::string, std::vector<float>> activations;  // without the `p<i>.` before the name
  std::map<std::string, double> hf_bf16_nmse;             // of all but the logits; the same names
};

// The prompts of `path`.safetensors that have activations, in order, with what `path`.json knows of
// their errors.
absl::StatusOr<std::vector<ReferenceActivations>> LoadActivations(const std::string& path);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_REFERENCE_ACTIVATIONS_H_
