#include "frontends/decoder/layers.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/decoder/experts.h"
#include "frontends/decoder/function_writer.h"
#include "frontends/decoder/layer_parts.h"

namespace lluda::frontends::decoder {
namespace {

using ir::DType;
using ir::Opcode;
using ir::Value;

// The norm behind an attention or an MLP, of those that their layer has.
ir::Global* NormBehind(const Model& model, ir::Global* norm, ir::Global* post_norm) {
  return model.decoder.norms == NormPlace::kBehind ? norm : post_norm;
}

// Where a layer's queries, keys and values come from.
struct Projections {
  LinearWeight q, k, v;
};

Projections ProjectionsOf(const Model& model, const Weights& w) {
  if (w.wqkv == nullptr) return {{w.wq, w.bq}, {w.wk, w.bk}, {w.wv, w.bv}};
  const int64_t keys = model.decoder.query_size();
  const int64_t values = keys + model.decoder.key_value_size();
  return {{w.wqkv, w.bq, RowRange{"wq", 0, "q"}},
          {w.wqkv, w.bk, RowRange{"wk", keys, "kd"}},
          {w.wqkv, w.bv, RowRange{"wv", values, "vd"}}};
}

// Softmax over all positions up to a token's own, or those in its window, and the sum of values that
// it weighs.
Value* Attend(const Model& model, const Attention& attention, FunctionWriter* f, Value* q, Value* k,
              Value* v, Value* pos) {
  ir::Builder* b = &f->b();
  const double usual = 1.0 / std::sqrt(static_cast<double>(model.decoder.head_dim));
  Value* s0 = b->Matmul("s0", q, k, "dim");
  Value* s1 = b->Scale("s1", s0, model.decoder.attention_scale.value_or(usual));
  Value* capped = f->Softcap("sc", s1, model.decoder.attention_softcap);
  Value* s2 = b->CausalMask("s2", capped, "pos", pos, attention.window);
  Value* mx = b->Reduce(Opcode::kReduceMax, "mx", s2, "pos");
  Value* s3 = b->Binary(Opcode::kSub, "s3", s2, mx);
  Value* e = b->Unary(Opcode::kExp, "e", s3);
  Value* z = b->Reduce(Opcode::kReduceSum, "z", e, "pos");
  Value* p = b->Binary(Opcode::kDiv, "p", e, z);
  return b->Matmul("o0", p, v, "pos");
}

absl::Status AddAttention(const Model& model, const AttentionFunction& function) {
  const Weights& w = function.group.weights;
  const Attention& attention = function.attention;
  const auto& [keys, values] = function.caches;
  FunctionWriter f(model, function.name, &function.group);
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
  const Projections from = ProjectionsOf(model, w);
  Value* q0 = f.Linear("q0", input.narrow, from.q, "hid");
  Value* k0 = f.Linear("k0", input.narrow, from.k, "hid");
  Value* v0 = f.Linear("v0", input.narrow, from.v, "hid");
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
  f.RecordInput("attention_input", input.wide, slot, pos);
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
  const Held k4 = f.Hold(keys, "k4", "k", k3);
  const Held v2 = f.Hold(values, "v2", "v", v1);

  const Held ks = f.Append(keys, "k", k4, slot, pos);
  const Held vs = f.Append(values, "v", v2, slot, pos);
  Value* kx = f.Read("k", ks, slot);
  Value* vx = f.Read("v", vs, slot);
  Value* o0 = Attend(model, attention, &f, q4, kx, vx, pos);
  Value* o1 = b.Merge("o1", o0, {"kv", "rep", "dim"}, f.Named("q"));
  Value* o = f.Narrow("o", o1);
  f.RecordInput("o_input", o1, slot, pos);
  Value* y0 = f.Linear("y0", o, {w.wo, w.bo}, "q");
  f.Record("o_proj", y0, slot, pos);
  ir::Global* norm = NormBehind(model, w.attn_norm, w.attn_post_norm);
  return f.Return(AddResidual(model, &f, x, y0, norm));
}

// Gate and up of the MLP's input.
std::pair<Value*, Value*> GateAndUp(const Model& model, const Weights& w, FunctionWriter* f,
                                    Value* x) {
  if (w.wgu == nullptr) {
    Value* gate = f->Linear("gate", x, {w.wg, w.bg}, "hid");
    return {gate, f->Linear("up", x, {w.wu, w.bu}, "hid")};
  }
  const int64_t half = model.decoder.intermediate_size;
  Value* both = f->Linear("gu", x, {w.wgu, nullptr}, "hid");
  Value* gate = f->b().Slice("gate", both, "gu", 0, half, {f->Named("ff")});
  return {gate, f->b().Slice("up", both, "gu", half, 2 * half, {f->Named("ff")})};
}

absl::Status AddMlp(const Model& model, const MlpFunction& function) {
  const Weights& w = function.group.weights;
  FunctionWriter f(model, function.name, &function.group);
  const auto [x, pos, slot] = AddMlpParams(model, &f);
  ir::Builder& b = f.b();
  const Input input = ReadInput(model, &f, x, w.mlp_norm);
  const bool around = model.decoder.norms == NormPlace::kAround;
  const char* norm_name = around ? "pre_feedforward_layernorm" : "post_attention_layernorm";
  if (input.wide != x) f.Record(norm_name, input.wide, slot, pos);
  f.RecordInput("mlp_input", input.wide, slot, pos);
  const auto [gate, up] = GateAndUp(model, w, &f, input.narrow);
  Value* a = Activate(model, &b, gate);
  Value* m0 = b.Binary(Opcode::kMul, "m0", a, up);
  Value* m = f.Narrow("m", m0);
  f.RecordInput("down_input", m0, slot, pos);
  Value* y0 = f.Linear("y0", m, {w.wd, w.bd}, "ff");
  Value* y = AddResidual(model, &f, x, y0, NormBehind(model, w.mlp_norm, w.mlp_post_norm));
  f.Record("mlp", y0, slot, pos);
  f.Record("out", y, slot, pos);
  return f.Return(y);
}

}  // namespace

absl::Status AddLayers(const Model& model) {
  for (const AttentionFunction& function : model.attentions) {
    RETURN_IF_ERROR(AddAttention(model, function));
  }
  for (const MlpFunction& function : model.mlps) {
    const bool experts = function.group.copies == Copies::kSparse;
    RETURN_IF_ERROR(experts ? AddExperts(model, function) : AddMlp(model, function));
  }
  return absl::OkStatus();
}

}  // namespace lluda::frontends::decoder
