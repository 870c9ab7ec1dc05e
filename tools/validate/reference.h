// What transformers computed for some prompts: the files that reference_data/extract_reference.py
// writes, whole or in part (reference_data/README.md has the format).
//
//   absl::StatusOr<std::vector<ReferencePrompt>> prompts = LoadReference("stories/reference.json");
#ifndef LLUDA_TOOLS_VALIDATE_REFERENCE_H_
#define LLUDA_TOOLS_VALIDATE_REFERENCE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lluda::tools {

// What one module of the model gave, for all tokens of the prompt.
struct ReferenceActivation {
  std::string name;    // as engine::Session::Activation calls it: "q_proj[0]"
  std::string module;  // as the files name it: "layer0.self_attn.q_proj"
  std::vector<float> values;
};

// A sound of a prompt as features [mel bins][frames].
struct ReferenceSound {
  int64_t frames = 0;
  std::vector<float> features;
};

// All but `ids` may be missing.
struct ReferencePrompt {
  // What its tensors' names begin with; those of prompts without a name with "p" and their number.
  std::optional<std::string> name;
  std::vector<int32_t> ids;  // at least one
  std::optional<std::string> text;
  std::optional<int64_t> next;
  std::optional<double> next_logit;
  std::vector<int32_t> top10;
  std::vector<int32_t> greedy;
  std::vector<double> greedy_margin;  // as many as `greedy`, or none
  // Of a model with experts: how far the router's number of the last expert that was taken is above
  // that of the first one left, at each greedy step, and at least in the prompt.
  std::vector<double> greedy_router_margin;  // as many as `greedy`, or none
  std::optional<double> router_margin_min;
  std::optional<double> mean_nll;
  // How far transformers' own bf16 run is from what it is compared with: in the logits, and in each
  // activation, by the name that the files give it.
  std::optional<double> hf_bf16_mse;
  std::optional<double> hf_bf16_nmse;
  std::map<std::string, double> hf_bf16_activation_nmse;
  std::vector<float> logits;  // after the prompt, from the .safetensors; may be empty
  std::vector<ReferenceActivation> activations;  // likewise
  // Of a model that hears: the sounds of the prompt, and what its encoder made of all of them.
  std::vector<ReferenceSound> sounds;
  std::vector<float> heard;
};

// True when the greedy tokens begin with another one than `next` although the margin says that the
// choice was clear: no model can meet both, so such greedy tokens say nothing.
bool ContradictsItself(const ReferencePrompt& prompt);

// Reads NAME.json, and NAME.safetensors if it is there. NotFound if there is no such file;
// InvalidArgument, naming file and field, if one of them is not as it should be.
absl::StatusOr<std::vector<ReferencePrompt>> LoadReference(const std::string& path);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VALIDATE_REFERENCE_H_
