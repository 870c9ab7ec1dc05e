#include "frontends/decoder/layers.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/decoder/function_writer.h"

namespace lluda::frontends::decoder {
namespace {

using ir::DType;
using ir::Opcode;
using ir::Value;

// A layer's input as its matmuls read it, and before it is rounded.
struct Input {
  Value* wide = nullptr;
  Value* narrow = nullptr;
};

Input ReadInput(const Model& model, FunctionWriter* f, Value* x, ir::Global* norm) {
  Input input;
  input.wide = model.decoder.norms == NormPlace::kBefore ? f->Norm("h0", x, norm, "hid") : x;
  input.narrow = f->Narrow("h", input.wide);
  return input;
}

// The residual sum around what an attention or an MLP has computed.
Value* AddResidual(const Model& model, FunctionWriter* f, Value* x, Value* part, ir::Global* norm) {
  if (model.decoder.norms == NormPlace::kBehind) part = f->Norm("y1", part, norm, "hid");
  Value* scaled = f->ScaleBy("ys", part, model.decoder.residual_multiplier);
  return f->b().Binary(Opcode::kAdd, "y", x, scaled);
}

// Softmax over all positions up to a token's own, and the sum of values that it weighs.
Value* Attend(const Model& model, ir::Builder* b, Value* q, Value* k, Value* v, Value* pos) {
  const double usual = 1.0 / std::sqrt(static_cast<double>(model.decoder.head_dim));
  Value* s0 = b->Matmul("s0", q, k, "dim");
  Value* s1 = b->Scale("s1", s0, model.decoder.attention_scale.value_or(usual));
  Value* s2 = b->CausalMask("s2", s1, "pos", pos);
  Value* mx = b->Reduce(Opcode::kReduceMax, "mx", s2, "pos");
  Value* s3 = b->Binary(Opcode::kSub, "s3", s2, mx);
  Value* e = b->Unary(Opcode::kExp, "e", s3);
  Value* z = b->Reduce(Opcode::kReduceSum, "z", e, "pos");
  Value* p = b->Binary(Opcode::kDiv, "p", e, z);
  return b->Matmul("o0", p, v, "pos");
}

absl::Status AddAttention(const Model& model, const Attention& attention) {
  const Weights& w = model.weights;
  FunctionWriter f(model, attention.name, /*per_layer=*/true);
  Value* x = f.Param("x", DType::kF32, {TokenAxis(), f.Named("hid")});
  Value* cos = nullptr;
  Value* sin = nullptr;
  if (attention.rope) {
    cos = f.Param("cos", DType::kF32, {TokenAxis(), f.Named("pair")});
    sin = f.Param("sin", DType::kF32, {TokenAxis(), f.Named("pair")});
  }
  Value* pos = f.Param(step_interface::kPositions, DType::kI32, {TokenAxis()});
  Value* slot = f.Param(step_interface::kSlots, DType::kI32, {TokenAxis()});
  ir::Builder& b = f.b();

  const Input input = ReadInput(model, &f, x, w.attn_norm);
  Value* q0 = f.Linear("q0", input.narrow, {w.wq, w.bq}, "hid");
  Value* k0 = f.Linear("k0", input.narrow, {w.wk, w.bk}, "hid");
  Value* v0 = f.Linear("v0", input.narrow, {w.wv, w.bv}, "hid");
  const bool rows = model.decoder.qk_norm == QkNorm::kRow;
  Value* qr = rows ? f.Norm("qr", q0, w.q_norm, "q") : q0;
  Value* kr = rows ? f.Norm("kr", k0, w.k_norm, "kd") : k0;
  Value* q1 = b.Split("q1", qr, "q", {f.Named("kv"), f.Named("rep"), f.Named("dim")});
  Value* k1 = b.Split("k1", kr, "kd", {f.Named("kv"), f.Named("dim")});
  Value* v1 = b.Split("v1", v0, "vd", {f.Named("kv"), f.Named("dim")});
  const bool heads = model.decoder.qk_norm == QkNorm::kHead;
  Value* q2 = heads ? f.Norm("q2", q1, w.q_norm, "dim") : q1;
  Value* k2 = heads ? f.Norm("k2", k1, w.k_norm, "dim") : k1;
  if (input.wide != x) f.Record("input_layernorm", input.wide, slot, pos);
  f.Record("q_proj", q0, slot, pos);
  f.Record("k_proj", k0, slot, pos);
  f.Record("v_proj", v0, slot, pos);
  if (rows || heads) {
    f.Record("q_norm", rows ? qr : q2, slot, pos);
    f.Record("k_norm", rows ? kr : k2, slot, pos);
  }
  Value* q3 = attention.rope ? f.Rotate("q", q2, cos, sin) : q2;
  Value* q4 = f.Narrow("q4", q3);
  Value* k3 = attention.rope ? f.Rotate("k", k2, cos, sin) : k2;
  const Held k4 = f.Hold(model.k_cache, "k4", "k", k3);
  const Held v2 = f.Hold(model.v_cache, "v2", "v", v1);

  const Held ks = f.Append(model.k_cache, "k", k4, slot, pos);
  const Held vs = f.Append(model.v_cache, "v", v2, slot, pos);
  Value* kx = f.Read("k", ks, slot);
  Value* vx = f.Read("v", vs, slot);
  Value* o0 = Attend(model, &b, q4, kx, vx, pos);
  Value* o = f.Narrow("o", b.Merge("o1", o0, {"kv", "rep", "dim"}, f.Named("q")));
  Value* y0 = f.Linear("y0", o, {w.wo, w.bo}, "q");
  f.Record("o_proj", y0, slot, pos);
  return f.Return(AddResidual(model, &f, x, y0, w.attn_norm));
}

absl::Status AddMlp(const Model& model) {
  const Weights& w = model.weights;
  FunctionWriter f(model, "mlp", /*per_layer=*/true);
  Value* x = f.Param("x", DType::kF32, {TokenAxis(), f.Named("hid")});
  Value* pos = nullptr;
  Value* slot = nullptr;
  if (model.record_activations) {
    pos = f.Param(step_interface::kPositions, DType::kI32, {TokenAxis()});
    slot = f.Param(step_interface::kSlots, DType::kI32, {TokenAxis()});
  }
  ir::Builder& b = f.b();
  const Input input = ReadInput(model, &f, x, w.mlp_norm);
  if (input.wide != x) f.Record("post_attention_layernorm", input.wide, slot, pos);
  Value* gate = f.Linear("gate", input.narrow, {w.wg, w.bg}, "hid");
  Value* up = f.Linear("up", input.narrow, {w.wu, w.bu}, "hid");
  Value* a = b.Unary(Opcode::kSilu, "a", gate);
  Value* m = f.Narrow("m", b.Binary(Opcode::kMul, "m0", a, up));
  Value* y0 = f.Linear("y0", m, {w.wd, w.bd}, "ff");
  Value* y = AddResidual(model, &f, x, y0, w.mlp_norm);
  f.Record("mlp", y0, slot, pos);
  f.Record("out", y, slot, pos);
  return f.Return(y);
}

}  // namespace

absl::Status AddLayers(const Model& model) {
  for (const Attention& attention : model.decoder.attentions) {
    RETURN_IF_ERROR(AddAttention(model, attention));
  }
  return AddMlp(model);
}

}  // namespace lluda::frontends::decoder
