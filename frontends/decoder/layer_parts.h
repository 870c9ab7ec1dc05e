// What attention, MLP and experts of a layer have in common.
//
//   const Input input = ReadInput(model, &f, x, model.weights.mlp_norm);
//   ... = f.Linear("gate", input.narrow, ...);
#ifndef LLUDA_FRONTENDS_DECODER_LAYER_PARTS_H_
#define LLUDA_FRONTENDS_DECODER_LAYER_PARTS_H_

#include "frontends/decoder/function_writer.h"
#include "frontends/decoder/model.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The functions of the two kinds of MLP.
inline constexpr char kMlp[] = "mlp";
inline constexpr char kMoe[] = "moe";

// The parameters of such a function; positions and slots only where activations are recorded, which
// a function of all layers does.
struct MlpParams {
  ir::Value* x = nullptr;
  ir::Value* pos = nullptr;
  ir::Value* slot = nullptr;
};
bool RecordsInMlp(const Model& model);
MlpParams AddMlpParams(const Model& model, FunctionWriter* f);

// A layer's input as its matmuls read it, and before it is rounded.
struct Input {
  ir::Value* wide = nullptr;
  ir::Value* narrow = nullptr;
};
Input ReadInput(const Model& model, FunctionWriter* f, ir::Value* x, ir::Global* norm);

// The residual sum around what an attention or an MLP has computed. `norm` is the one behind it, or
// null.
ir::Value* AddResidual(const Model& model, FunctionWriter* f, ir::Value* x, ir::Value* part,
                       ir::Global* norm);

// The decoder's activation of an MLP's gate.
ir::Value* Activate(const Model& model, ir::Builder* b, ir::Value* x);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_LAYER_PARTS_H_
