// The weights of a Qwen3 checkpoint as globals of a module.
//
// Example: of a 28-layer model, weights.wq is
//   weight @wq[layer < 28] : bf16 q[2048] hid[1024] from
//   "model.layers.{layer}.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_QWEN3_WEIGHTS_H_
#define LLUDA_FRONTENDS_QWEN3_WEIGHTS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/qwen3/config.h"
#include "frontends/qwen3/import.h"
#include "ir/graph.h"

namespace lluda::frontends::qwen3 {

// The name of the index that layers have.
inline constexpr char kLayer[] = "layer";

// Owned by the module.
struct Weights {
  ir::Global* embed = nullptr;
  ir::Global* attn_norm = nullptr;
  ir::Global* wq = nullptr;
  ir::Global* wk = nullptr;
  ir::Global* wv = nullptr;
  ir::Global* wo = nullptr;
  ir::Global* q_norm = nullptr;
  ir::Global* k_norm = nullptr;
  ir::Global* mlp_norm = nullptr;
  ir::Global* wg = nullptr;
  ir::Global* wu = nullptr;
  ir::Global* wd = nullptr;
  ir::Global* final_norm = nullptr;
  ir::Global* lm_head = nullptr;  // null when it is the embedding
};

// The axis of that name in the weights: "hid" is hid[config.hidden_size].
ir::Axis ModelAxis(const Config& config, absl::string_view name);

// Declares all weights, each checked against the checkpoint. Errors as ImportQwen3 says.
absl::Status AddWeights(const Config& config, const ImportOptions& options, ir::Module* module,
                        Weights* weights);

}  // namespace lluda::frontends::qwen3

#endif  // LLUDA_FRONTENDS_QWEN3_WEIGHTS_H_
