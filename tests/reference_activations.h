// What transformers computed for a checkpoint, beyond the last logits: each module's output.
//
//   auto prompts = LoadActivations("reference_data/tiny/reference");
//   (*prompts)[0].activations.at("layer1.mlp")    // [token, ...], row-major
#ifndef LLUDA_TESTS_REFERENCE_ACTIVATIONS_H_
#define LLUDA_TESTS_REFERENCE_ACTIVATIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lluda::tests {

struct ReferenceActivations {
  std::vector<int32_t> ids;
  std::map<std::string, std::vector<float>> activations;  // without the `p<i>.` before the name
};

// The prompts of `path`.safetensors that have activations, in order.
absl::StatusOr<std::vector<ReferenceActivations>> LoadActivations(const std::string& path);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_REFERENCE_ACTIVATIONS_H_
