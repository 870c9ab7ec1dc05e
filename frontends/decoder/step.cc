#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/decoder/function_writer.h"
#include "frontends/decoder/layers.h"

namespace lluda::frontends::decoder {
namespace {

using ir::DType;
using ir::Opcode;
using ir::Operand;
using ir::Value;

// What a rotary embedding turns this step's tokens by.
struct Angles {
  Value* cos = nullptr;
  Value* sin = nullptr;
};

// The frequency of pair i: theta^(-2i / head_dim), or as the description has it.
Value* AddFrequencies(const Model& model, const Rope& rope, FunctionWriter* f) {
  ir::Builder& b = f->b();
  ir::Attrs attrs;
  attrs.result_axes = {f->Named("pair")};
  if (!rope.frequencies.empty()) {
    attrs.values = rope.frequencies;
    return b.Add(Opcode::kLiteral, "frequency", {}, attrs);
  }
  attrs.step = 2.0 / static_cast<double>(model.decoder.head_dim);
  Value* exponent = b.Add(Opcode::kIota, "exponent", {}, attrs);
  ir::Attrs power;
  power.base = rope.theta;
  Value* wavelength = b.Add(Opcode::kPower, "wavelength", {exponent}, power);
  return b.Unary(Opcode::kReciprocal, "frequency", wavelength);
}

std::vector<Angles> AddAngles(const Model& model, Value* pos, FunctionWriter* f) {
  ir::Builder& b = f->b();
  std::vector<Angles> all;
  for (const Rope& rope : model.decoder.ropes) {
    Value* frequency = AddFrequencies(model, rope, f);
    Value* position = b.Cast("position", pos, DType::kF32);
    Value* angle = b.Binary(Opcode::kMul, "angle", position, frequency);
    Value* cos = b.Unary(Opcode::kCos, "cos", angle);
    all.push_back({cos, b.Unary(Opcode::kSin, "sin", angle)});
  }
  return all;
}

// Runs layers of one kind, those from `begin` to before `end`, on x.
absl::StatusOr<Value*> AddLoop(const Model& model, int64_t begin, int64_t end,
                               const std::vector<Angles>& angles, Value* pos, Value* slot, Value* x,
                               FunctionWriter* f) {
  const Decoder& decoder = model.decoder;
  const Layer& layer = decoder.layers[static_cast<size_t>(begin)];
  const Attention& attention = decoder.attentions[layer.attention];
  ir::Op* loop = f->b().For("xn", kLayer, begin, end, "x", x);
  ir::Builder body(loop->body.get());
  std::vector<Operand> operands = {loop->carried.get()};
  if (attention.rope) {
    const Angles& own = angles[*attention.rope];
    operands.insert(operands.end(), {own.cos, own.sin});
  }
  operands.insert(operands.end(), {pos, slot});
  Value* xa = body.Call("xa", model.module->FindFunc(attention.name), kLayer, operands);
  operands = {xa};
  if (model.record_activations) operands.insert(operands.end(), {pos, slot});
  body.Yield(body.Call("xm", model.module->FindFunc("mlp"), kLayer, operands));
  if (!body.status().ok()) return body.status();
  return loop->result();
}

}  // namespace

absl::Status AddLogits(const Model& model) {
  const Weights& w = model.weights;
  FunctionWriter f(model, "logits", /*per_layer=*/false);
  Value* x = f.Param("x", DType::kF32, {RowAxis(), f.Named("hid")});
  ir::Builder& b = f.b();
  Value* h = f.Narrow("h", f.Norm("h0", x, w.final_norm, "hid"));
  ir::Global* head = w.lm_head != nullptr ? w.lm_head : w.embed;
  Value* wt = b.Permute("wt", f.MatmulWeight(head), {"hid", "vocab"});
  Value* l = b.Matmul("l", h, wt, "hid");
  return f.Return(f.ScaleBy("ls", l, 1.0 / model.decoder.logits_divisor));
}

absl::Status AddStep(const Model& model) {
  FunctionWriter f(model, step_interface::kStep, /*per_layer=*/false);
  Value* tokens = f.Param(step_interface::kTokens, DType::kI32, {TokenAxis()});
  Value* pos = f.Param(step_interface::kPositions, DType::kI32, {TokenAxis()});
  Value* slot = f.Param(step_interface::kSlots, DType::kI32, {TokenAxis()});
  Value* rows = f.Param(step_interface::kRows, DType::kI32, {RowAxis()});
  ir::Builder& b = f.b();

  // A tied embedding is read as the LM head reads it, so that one copy of it is enough.
  const Operand table = model.weights.lm_head == nullptr ? f.MatmulWeight(model.weights.embed)
                                                         : f.TableWeight(model.weights.embed);
  Value* x = b.Gather("x0", table, tokens, "vocab");
  if (x->type.dtype != DType::kF32) x = b.Cast("x1", x, DType::kF32);
  x = f.ScaleBy("xe", x, model.decoder.embedding_multiplier);
  f.Record("embed", x, slot, pos);
  const std::vector<Angles> angles = AddAngles(model, pos, &f);
  if (!b.status().ok()) return b.status();

  const std::vector<Layer>& layers = model.decoder.layers;
  for (size_t begin = 0, end = 0; begin < layers.size(); begin = end) {
    while (end < layers.size() && layers[end] == layers[begin]) ++end;
    ASSIGN_OR_RETURN(Value * next, AddLoop(model, static_cast<int64_t>(begin),
                                           static_cast<int64_t>(end), angles, pos, slot, x, &f));
    x = next;
  }

  Value* xr = b.Gather("xr", x, rows, "tok");
  return f.Return(b.Call("logits", model.module->FindFunc("logits"), "", {xr}));
}

}  // namespace lluda::frontends::decoder
