#include "frontends/decoder/layer_parts.h"

#include "base/step_interface.h"
#include "ir/op/gelu.h"

namespace lluda::frontends::decoder {
namespace {

using ir::DType;
using ir::Opcode;
using ir::Value;

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
Value* GeluTanh(ir::Builder* b, Value* x) {
  Value* square = b->Binary(Opcode::kMul, "a0", x, x);
  Value* cube = b->Binary(Opcode::kMul, "a1", square, x);
  Value* small = b->Scale("a2", cube, ir::kGeluCube);
  Value* sum = b->Binary(Opcode::kAdd, "a3", x, small);
  Value* inner = b->Scale("a4", sum, ir::kGeluScale);
  Value* share = b->Offset("a6", b->Unary(Opcode::kTanh, "a5", inner), 1);
  return b->Scale("a", b->Binary(Opcode::kMul, "a7", x, share), 0.5);
}

}  // namespace

bool RecordsInMlp(const Model& model) {
  const bool mixed = !LayersOf(model.decoder, Copies::kSparse).empty() &&
                     !LayersOf(model.decoder, Copies::kDense).empty();
  return (model.record_activations || model.record_inputs) && !mixed;
}

MlpParams AddMlpParams(const Model& model, FunctionWriter* f) {
  MlpParams params;
  params.x = f->Param("x", DType::kF32, {TokenAxis(), f->Named("hid")});
  if (!RecordsInMlp(model)) return params;
  params.pos = f->Param(step_interface::kPositions, DType::kI32, {TokenAxis()});
  params.slot = f->Param(step_interface::kSlots, DType::kI32, {TokenAxis()});
  return params;
}

Input ReadInput(const Model& model, FunctionWriter* f, Value* x, ir::Global* norm) {
  Input input;
  input.wide = model.decoder.norms == NormPlace::kBehind ? x : f->Norm("h0", x, norm, "hid");
  input.narrow = f->Narrow("h", input.wide);
  return input;
}

Value* AddResidual(const Model& model, FunctionWriter* f, Value* x, Value* part, ir::Global* norm) {
  if (norm != nullptr) part = f->Norm("y1", part, norm, "hid");
  Value* scaled = f->ScaleBy("ys", part, model.decoder.residual_multiplier);
  return f->b().Binary(Opcode::kAdd, "y", x, scaled);
}

Value* Activate(const Model& model, ir::Builder* b, Value* x) {
  if (model.decoder.activation == Activation::kGeluTanh) return GeluTanh(b, x);
  return b->Unary(Opcode::kSilu, "a", x);
}

}  // namespace lluda::frontends::decoder
