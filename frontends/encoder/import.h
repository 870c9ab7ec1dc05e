// Writes an encoder into a decoder's module, the way its paper does: layer norms as a mean, differences
// and an rmsnorm, GELU by its formula, convolutions as windows and a matmul, attention as two matmuls
// and a softmax. It never emits a fused op; making those is the passes' job.
//
// The module gets the functions @conv1, @conv2, @conv3, @audio_attn, @audio_mlp, and two entries that
// base/step_interface.h describes:
//
//   func @audio_chunk(%mel: f32 time[100] mel[128], %mask1: f32 time[50], %mask2: f32 time[25])
//       -> f32 time[13] wide[896]
//   func @audio(%sound: f32 tok[A] wide[896], %place: i32 tok[A]) -> f32 tok[A] hid[1024]
//
// The masks are 1 but for a sound of less than a second, which is convolved as if it ended where it
// does: what lies behind is made zero again after each convolution.
//
// Example:
//   module->symbols.push_back(SoundRows(tower));
//   absl::Status status = AddAudio(tower, {Precision::kBF16, find_tensor, "Qwen3-ASR"}, module);
#ifndef LLUDA_FRONTENDS_ENCODER_IMPORT_H_
#define LLUDA_FRONTENDS_ENCODER_IMPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/encoder/description.h"
#include "frontends/precision.h"
#include "ir/graph.h"

namespace lluda::frontends::encoder {

struct ImportOptions {
  Precision precision = Precision::kBF16;
  TensorLookup find_tensor;  // required
  std::string checkpoint_name = "checkpoint";
};

// The symbol A, which the module has to have: at most the rows of a window.
ir::Symbol SoundRows(const AudioTower& tower);

// Errors are those of RequireTensor, and Unimplemented for a weight whose dtype differs between
// layers. Weights keep the checkpoint's dtype, or are cast for matmuls.
absl::Status AddAudio(const AudioTower& tower, const ImportOptions& options, ir::Module* module);

// A tensor that AddAudio looks for, and its shape.
struct NamedShape {
  std::string name;
  std::vector<int64_t> shape;
};
std::vector<NamedShape> TensorsOf(const AudioTower& tower);

}  // namespace lluda::frontends::encoder

#endif  // LLUDA_FRONTENDS_ENCODER_IMPORT_H_
