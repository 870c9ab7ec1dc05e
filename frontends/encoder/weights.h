// The weights of an encoder's checkpoint as globals of a module: what they and their tensors are
// called, and which shapes they have.
//
// Example: of Qwen3-ASR-0.6B, @audio_wq is
//   weight @audio_wq[block < 18] : bf16 q[896] wide[896] from
//   "audio_tower.layers.{block}.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_ENCODER_WEIGHTS_H_
#define LLUDA_FRONTENDS_ENCODER_WEIGHTS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/encoder/description.h"
#include "frontends/encoder/import.h"
#include "ir/graph.h"

namespace lluda::frontends::encoder {

// The name of the index that layers have.
inline constexpr char kBlock[] = "block";

// The axis of that name: "wide" is wide[tower.hidden_size].
ir::Axis TowerAxis(const AudioTower& tower, absl::string_view name);

// Declares all weights, each checked against the checkpoint. Errors as AddAudio says.
absl::Status AddWeights(const AudioTower& tower, const ImportOptions& options, ir::Module* module);

}  // namespace lluda::frontends::encoder

#endif  // LLUDA_FRONTENDS_ENCODER_WEIGHTS_H_
