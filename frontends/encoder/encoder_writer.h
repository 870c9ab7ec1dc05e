// Writes one function of an encoder: what convolutions, layers and the end have in common.
//
// Example:
//   EncoderWriter f(model, "audio_mlp", /*per_block=*/true);
//   Value* x = f.Param("x", f.SoundAxes("wide"));
//   Value* h = f.Narrow("h", f.LayerNorm("h", x, "audio_mlp_norm", "wide"));
//   Value* a = f.Gelu("a", f.Linear("u", h, "audio_fc1", "wide"));
#ifndef LLUDA_FRONTENDS_ENCODER_ENCODER_WRITER_H_
#define LLUDA_FRONTENDS_ENCODER_ENCODER_WRITER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/encoder/description.h"
#include "frontends/precision.h"
#include "ir/builder.h"
#include "ir/graph.h"

namespace lluda::frontends::encoder {

struct Model {
  const AudioTower& tower;
  Precision precision;
  ir::Module* module;  // has the weights
};

class EncoderWriter {
 public:
  // A function that exists once for each layer, or once. `model` must outlive the writer.
  EncoderWriter(const Model& model, std::string name, bool per_block);

  ir::Builder& b() { return b_; }
  ir::Axis Named(absl::string_view axis) const;
  // Of rows of a window of sound.
  std::vector<ir::Axis> SoundAxes(absl::string_view width) const;
  ir::Value* Param(std::string name, std::vector<ir::Axis> axes);        // f32
  ir::Value* IntParam(std::string name, std::vector<ir::Axis> axes);     // i32
  ir::Value* NarrowParam(std::string name, std::vector<ir::Axis> axes);  // what Narrow gives

  // The weight of that name, of this layer if there is one per layer: as a matmul reads it, or as f32.
  ir::Operand Matrix(const std::string& weight);
  ir::Operand Vector(const std::string& weight);
  // An f32 value as a matmul's input.
  ir::Value* Narrow(absl::string_view name, ir::Value* x);

  // (x - mean(x)) / sqrt(variance(x) + eps) * w + b, with NAME and NAME_bias as w and b.
  ir::Value* LayerNorm(const std::string& name, ir::Value* x, const std::string& weight,
                       const std::string& over);
  // x times the matrix, and the bias added.
  ir::Value* Linear(const std::string& name, ir::Value* x, const ir::Operand& matrix,
                    const std::string& bias, const std::string& over);
  // x / 2 * (1 + erf(x / sqrt(2)))
  ir::Value* Gelu(const std::string& name, ir::Value* x);

  absl::Status Return(ir::Value* value);

 private:
  ir::Operand Weight(const std::string& weight) const;

  const Model& model_;
  ir::Func* func_;
  ir::Builder b_;
};

}  // namespace lluda::frontends::encoder

#endif  // LLUDA_FRONTENDS_ENCODER_ENCODER_WRITER_H_
