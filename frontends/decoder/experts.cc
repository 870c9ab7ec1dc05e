#include "frontends/decoder/experts.h"

#include <utility>

#include "frontends/decoder/function_writer.h"
#include "frontends/decoder/layer_parts.h"

namespace lluda::frontends::decoder {
namespace {

using ir::Opcode;
using ir::Operand;
using ir::Value;

ir::Attrs Over(const char* axis) {
  ir::Attrs attrs;
  attrs.axes = {axis};
  return attrs;
}

// The experts that each token takes, and their weights.
struct Route {
  Value* experts = nullptr;
  Value* weights = nullptr;
};

Route AddRoute(const Model& model, const Weights& w, FunctionWriter* f, const Input& input,
               const MlpParams& params) {
  ir::Builder& b = f->b();
  Value* r = f->Linear("r", input.narrow, {w.router, nullptr}, "hid");
  f->Record("router", r, params.slot, params.pos);
  Value* mx = b.Reduce(Opcode::kReduceMax, "mx", r, "expert");
  Value* r1 = b.Binary(Opcode::kSub, "r1", r, mx);
  Value* e = b.Unary(Opcode::kExp, "e", r1);
  Value* z = b.Reduce(Opcode::kReduceSum, "z", e, "expert");
  Value* p = b.Binary(Opcode::kDiv, "p", e, z);
  ir::Attrs top = Over("expert");
  top.result_axes = {f->Named("top")};
  Route route;
  route.experts = b.Add(Opcode::kTopK, "i", {p}, top);
  route.weights = b.Add(Opcode::kPick, "w", {p, route.experts}, Over("expert"));
  if (!model.decoder.experts->renormalise) return route;
  Value* sum = b.Reduce(Opcode::kReduceSum, "ws", route.weights, "top");
  route.weights = b.Binary(Opcode::kDiv, "wn", route.weights, sum);
  return route;
}

// The matrices of the experts that each token takes.
Value* Chosen(const char* name, ir::Global* weight, const Route& route, FunctionWriter* f) {
  return f->b().Gather(name, f->MatmulWeight(weight), route.experts, "expert");
}

// The MLP of each expert that a token takes, and their weighted sum.
Value* AddChosen(const Model& model, const Weights& w, FunctionWriter* f, Value* h,
                 const Route& route, const MlpParams& params) {
  ir::Builder& b = f->b();
  Value* gate = b.Matmul("gate", h, Chosen("gw", w.eg, route, f), "hid");
  Value* up = b.Matmul("up", h, Chosen("uw", w.eu, route, f), "hid");
  Value* a = Activate(model, &b, gate);
  Value* m0 = b.Binary(Opcode::kMul, "m0", a, up);
  f->RecordInput("experts_down_input", m0, params.slot, params.pos);
  Value* m = f->Narrow("m", m0);
  Value* d = b.Matmul("d", m, Chosen("dw", w.ed, route, f), "xf");
  return b.Reduce(Opcode::kReduceSum, "y0", b.Binary(Opcode::kMul, "dd", d, route.weights), "top");
}

// The MLP that all tokens take, by the share that its gate gives: sigmoid(x) = 1 / (1 + exp(-x)).
Value* AddShared(const Model& model, const Weights& w, FunctionWriter* f, Value* h,
                 const MlpParams& params) {
  ir::Builder& b = f->b();
  Value* gate = f->Linear("sgate", h, {w.sg, nullptr}, "hid");
  Value* up = f->Linear("sup", h, {w.su, nullptr}, "hid");
  Value* a = Activate(model, &b, gate);
  Value* m0 = b.Binary(Opcode::kMul, "sm0", a, up);
  f->RecordInput("shared_down_input", m0, params.slot, params.pos);
  Value* m = f->Narrow("sm", m0);
  Value* y = f->Linear("sy", m, {w.sd, nullptr}, "sf");
  Value* t =
      b.Reduce(Opcode::kReduceSum, "t", f->Linear("t0", h, {w.shared_gate, nullptr}, "hid"), "one");
  Value* opposite = b.Unary(Opcode::kExp, "t2", b.Scale("t1", t, -1));
  Value* share = b.Unary(Opcode::kReciprocal, "t4", b.Offset("t3", opposite, 1));
  return b.Binary(Opcode::kMul, "ss", y, share);
}

}  // namespace

absl::Status AddExperts(const Model& model, const MlpFunction& function) {
  const Weights& w = function.group.weights;
  FunctionWriter f(model, function.name, &function.group);
  const MlpParams params = AddMlpParams(model, &f);
  const Input input = ReadInput(model, &f, params.x, w.moe_norm);
  f.Record("post_attention_layernorm", input.wide, params.slot, params.pos);
  f.RecordInput("mlp_input", input.wide, params.slot, params.pos);
  const Route route = AddRoute(model, w, &f, input, params);
  f.RecordInput("experts", route.experts, params.slot, params.pos);
  Value* y0 = AddChosen(model, w, &f, input.narrow, route, params);
  if (model.decoder.experts->shared_size > 0) {
    y0 = f.b().Binary(Opcode::kAdd, "ys0", y0, AddShared(model, w, &f, input.narrow, params));
  }
  Value* y = AddResidual(model, &f, params.x, y0, nullptr);
  f.Record("mlp", y0, params.slot, params.pos);
  f.Record("out", y, params.slot, params.pos);
  return f.Return(y);
}

}  // namespace lluda::frontends::decoder
