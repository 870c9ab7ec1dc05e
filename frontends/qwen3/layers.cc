#include "frontends/qwen3/layers.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "ir/builder.h"

namespace lluda::frontends::qwen3 {
namespace {

using ir::Axis;
using ir::DType;
using ir::Extent;
using ir::Opcode;
using ir::Operand;
using ir::Type;
using ir::Value;

// Builds one function; `layer` is the index's name, or "" in a function that exists once.
class FuncBuilder {
 public:
  FuncBuilder(const Model& model, std::string name, bool per_layer)
      : model_(model), func_(model.module->AddFunc(std::move(name))), b_(func_) {
    if (per_layer) func_->index = ir::Index{kLayer, model.config.num_hidden_layers};
  }

  ir::Func* func() { return func_; }
  ir::Builder& b() { return b_; }

  Axis Named(absl::string_view name) const { return ModelAxis(model_.config, name); }

  Value* Param(std::string name, DType dtype, std::vector<Axis> axes) {
    return func_->AddParam(std::move(name), Type{dtype, std::move(axes), {}});
  }

  // A weight, of this layer if there is one per layer.
  static Operand Weight(ir::Global* weight) { return {weight, weight->index ? kLayer : ""}; }

  // The weight as a matmul's input.
  Operand MatmulWeight(ir::Global* weight) {
    if (model_.precision == Precision::kF32 || weight->type.dtype == DType::kBF16) {
      return Weight(weight);
    }
    return b_.Cast(absl::StrCat(weight->name, "_bf16"), Weight(weight), DType::kBF16);
  }

  Value* Norm(absl::string_view name, const Operand& x, ir::Global* weight, std::string over) {
    return b_.Rmsnorm(name, x, Weight(weight), std::move(over), model_.config.rms_norm_eps);
  }

  // An f32 value as a matmul's input or a cache's content.
  Value* Narrow(absl::string_view name, Value* x) {
    return model_.precision == Precision::kF32 ? x : b_.Cast(name, x, DType::kBF16);
  }

  // Keys or values as the cache holds them: of this step's tokens, then of all positions.
  struct Held {
    Value* numbers = nullptr;
    Value* scales = nullptr;  // of i8 numbers
  };

  // `name` and `prefix` are what the values are called after.
  Held Hold(const Cache& cache, absl::string_view name, const std::string& prefix, Value* x) {
    if (cache.scales == nullptr) return {Narrow(name, x), nullptr};
    Value* scales = b_.Reduce(Opcode::kQuantizeScale, absl::StrCat(prefix, "scale"), x, "dim");
    return {b_.Binary(Opcode::kQuantize, absl::StrCat(prefix, "int"), x, scales), scales};
  }

  Held Append(const Cache& cache, const std::string& prefix, const Held& x, Value* slot,
              Value* pos) {
    const auto append = [&](absl::string_view suffix, ir::Global* state, Value* part) {
      return b_.Append(absl::StrCat(prefix, suffix), {state, kLayer}, part, {"slot", "pos"}, slot,
                       pos);
    };
    Held all{append("s", cache.numbers, x.numbers), nullptr};
    if (x.scales != nullptr) all.scales = append("ss", cache.scales, x.scales);
    return all;
  }

  // What each token's slot holds, as numbers to compute with.
  Value* Read(const std::string& prefix, const Held& all, Value* slot) {
    const std::string name = absl::StrCat(prefix, "x");
    if (all.scales == nullptr) return b_.Gather(name, all.numbers, slot, "slot");
    Value* integers = b_.Gather(absl::StrCat(prefix, "xint"), all.numbers, slot, "slot");
    Value* wide = b_.Cast(absl::StrCat(prefix, "xwide"), integers, DType::kF32);
    Value* scales = b_.Gather(absl::StrCat(prefix, "xscale"), all.scales, slot, "slot");
    return b_.Binary(Opcode::kMul, name, wide, scales);
  }

  // Rotates (x[i], x[i + dim / 2]) by the angle of pair i. Values are called after `prefix`.
  Value* Rope(const std::string& prefix, Value* x, Value* cos, Value* sin) {
    const int64_t dim = model_.config.head_dim;
    const auto name = [&](absl::string_view suffix) { return absl::StrCat(prefix, suffix); };
    Value* a = b_.Slice(name("a"), x, "dim", 0, dim / 2, {Named("pair")});
    Value* b = b_.Slice(name("b"), x, "dim", dim / 2, dim, {Named("pair")});
    Value* a_cos = b_.Binary(Opcode::kMul, name("t0"), a, cos);
    Value* b_sin = b_.Binary(Opcode::kMul, name("t1"), b, sin);
    Value* lo = b_.Binary(Opcode::kSub, name("lo"), a_cos, b_sin);
    Value* b_cos = b_.Binary(Opcode::kMul, name("t2"), b, cos);
    Value* a_sin = b_.Binary(Opcode::kMul, name("t3"), a, sin);
    Value* hi = b_.Binary(Opcode::kAdd, name("hi"), b_cos, a_sin);
    return b_.Concat(name("3"), {lo, hi}, {"pair"}, Named("dim"));
  }

  // Where activations are wanted, appends this one to a state of its own.
  void Record(absl::string_view name, Value* x, Value* slot, Value* pos) {
    if (!model_.record_activations) return;
    ir::Global state;
    state.kind = ir::Global::Kind::kState;
    state.name = absl::StrCat(step_interface::kActivationPrefix, name);
    state.index = func_->index;
    state.type.dtype = x->type.dtype;
    state.type.axes = {{step_interface::kSlotAxis, Extent::Symbol(step_interface::kSlotCount)},
                       {step_interface::kPositionAxis, Extent::Symbol(step_interface::kCapacity)}};
    for (const Axis& axis : x->type.axes) {
      if (axis.name != step_interface::kTokenAxis) state.type.axes.push_back(axis);
    }
    ir::Global* added = model_.module->AddGlobal(std::move(state));
    b_.Append(added->name, {added, added->index ? kLayer : ""}, x, {"slot", "pos"}, slot, pos);
  }

  absl::Status Return(Value* value) {
    func_->result_type = value->type;
    b_.Return(value);
    return b_.status();
  }

 private:
  const Model& model_;
  ir::Func* func_;
  ir::Builder b_;
};

Axis Tokens() { return {step_interface::kTokenAxis, Extent::Symbol(step_interface::kTokenCount)}; }
Axis Rows() { return {step_interface::kRowAxis, Extent::Symbol(step_interface::kRowCount)}; }

absl::Status AddAttention(const Model& model) {
  const Weights& w = model.weights;
  FuncBuilder f(model, "attn", /*per_layer=*/true);
  Value* x = f.Param("x", DType::kF32, {Tokens(), f.Named("hid")});
  Value* cos = f.Param("cos", DType::kF32, {Tokens(), f.Named("pair")});
  Value* sin = f.Param("sin", DType::kF32, {Tokens(), f.Named("pair")});
  Value* pos = f.Param(step_interface::kPositions, DType::kI32, {Tokens()});
  Value* slot = f.Param(step_interface::kSlots, DType::kI32, {Tokens()});
  ir::Builder& b = f.b();

  Value* h0 = f.Norm("h0", x, w.attn_norm, "hid");
  Value* h = f.Narrow("h", h0);
  Value* q0 = b.Matmul("q0", h, f.MatmulWeight(w.wq), "hid");
  Value* k0 = b.Matmul("k0", h, f.MatmulWeight(w.wk), "hid");
  Value* v0 = b.Matmul("v0", h, f.MatmulWeight(w.wv), "hid");
  Value* q1 = b.Split("q1", q0, "q", {f.Named("kv"), f.Named("rep"), f.Named("dim")});
  Value* k1 = b.Split("k1", k0, "kd", {f.Named("kv"), f.Named("dim")});
  Value* v1 = b.Split("v1", v0, "vd", {f.Named("kv"), f.Named("dim")});
  Value* q2 = f.Norm("q2", q1, w.q_norm, "dim");
  Value* k2 = f.Norm("k2", k1, w.k_norm, "dim");
  const std::pair<const char*, Value*> activations[] = {
      {"input_layernorm", h0}, {"q_proj", q0}, {"k_proj", k0},
      {"v_proj", v0},          {"q_norm", q2}, {"k_norm", k2},
  };
  for (const auto& [name, value] : activations) f.Record(name, value, slot, pos);
  Value* q4 = f.Narrow("q4", f.Rope("q", q2, cos, sin));
  const auto k4 = f.Hold(model.k_cache, "k4", "k", f.Rope("k", k2, cos, sin));
  const auto v2 = f.Hold(model.v_cache, "v2", "v", v1);

  const auto ks = f.Append(model.k_cache, "k", k4, slot, pos);
  const auto vs = f.Append(model.v_cache, "v", v2, slot, pos);
  Value* kx = f.Read("k", ks, slot);
  Value* vx = f.Read("v", vs, slot);
  Value* s0 = b.Matmul("s0", q4, kx, "dim");
  Value* s1 = b.Scale("s1", s0, 1.0 / std::sqrt(static_cast<double>(model.config.head_dim)));
  Value* s2 = b.CausalMask("s2", s1, "pos", pos);
  Value* mx = b.Reduce(Opcode::kReduceMax, "mx", s2, "pos");
  Value* s3 = b.Binary(Opcode::kSub, "s3", s2, mx);
  Value* e = b.Unary(Opcode::kExp, "e", s3);
  Value* z = b.Reduce(Opcode::kReduceSum, "z", e, "pos");
  Value* p = b.Binary(Opcode::kDiv, "p", e, z);
  Value* o0 = b.Matmul("o0", p, vx, "pos");
  Value* o = f.Narrow("o", b.Merge("o1", o0, {"kv", "rep", "dim"}, f.Named("q")));
  Value* y0 = b.Matmul("y0", o, f.MatmulWeight(w.wo), "q");
  f.Record("o_proj", y0, slot, pos);
  return f.Return(b.Binary(Opcode::kAdd, "y", x, y0));
}

absl::Status AddMlp(const Model& model) {
  const Weights& w = model.weights;
  FuncBuilder f(model, "mlp", /*per_layer=*/true);
  Value* x = f.Param("x", DType::kF32, {Tokens(), f.Named("hid")});
  Value* pos = nullptr;
  Value* slot = nullptr;
  if (model.record_activations) {
    pos = f.Param(step_interface::kPositions, DType::kI32, {Tokens()});
    slot = f.Param(step_interface::kSlots, DType::kI32, {Tokens()});
  }
  ir::Builder& b = f.b();
  Value* h0 = f.Norm("h0", x, w.mlp_norm, "hid");
  f.Record("post_attention_layernorm", h0, slot, pos);
  Value* h = f.Narrow("h", h0);
  Value* gate = b.Matmul("gate", h, f.MatmulWeight(w.wg), "hid");
  Value* up = b.Matmul("up", h, f.MatmulWeight(w.wu), "hid");
  Value* a = b.Unary(Opcode::kSilu, "a", gate);
  Value* m = f.Narrow("m", b.Binary(Opcode::kMul, "m0", a, up));
  Value* y0 = b.Matmul("y0", m, f.MatmulWeight(w.wd), "ff");
  Value* y = b.Binary(Opcode::kAdd, "y", x, y0);
  f.Record("mlp", y0, slot, pos);
  f.Record("out", y, slot, pos);
  return f.Return(y);
}

absl::Status AddLogits(const Model& model) {
  const Weights& w = model.weights;
  FuncBuilder f(model, "logits", /*per_layer=*/false);
  Value* x = f.Param("x", DType::kF32, {Rows(), f.Named("hid")});
  ir::Builder& b = f.b();
  Value* h = f.Narrow("h", f.Norm("h0", x, w.final_norm, "hid"));
  ir::Global* head = w.lm_head != nullptr ? w.lm_head : w.embed;
  Value* wt = b.Permute("wt", f.MatmulWeight(head), {"hid", "vocab"});
  return f.Return(b.Matmul("l", h, wt, "hid"));
}

absl::Status AddStep(const Model& model) {
  const Config& config = model.config;
  FuncBuilder f(model, step_interface::kStep, /*per_layer=*/false);
  Value* tokens = f.Param(step_interface::kTokens, DType::kI32, {Tokens()});
  Value* pos = f.Param(step_interface::kPositions, DType::kI32, {Tokens()});
  Value* slot = f.Param(step_interface::kSlots, DType::kI32, {Tokens()});
  Value* rows = f.Param(step_interface::kRows, DType::kI32, {Rows()});
  ir::Builder& b = f.b();

  // A tied embedding is read as the LM head reads it, so that one copy of it is enough.
  const Operand table = model.weights.lm_head == nullptr ? f.MatmulWeight(model.weights.embed)
                                                         : Operand(model.weights.embed);
  Value* x1 = b.Gather("x0", table, tokens, "vocab");
  if (x1->type.dtype != DType::kF32) x1 = b.Cast("x1", x1, DType::kF32);
  f.Record("embed", x1, slot, pos);

  // The angle of pair i at position p is p * rope_theta^(-2i / head_dim).
  ir::Attrs iota;
  iota.step = 2.0 / static_cast<double>(config.head_dim);
  iota.result_axes = {f.Named("pair")};
  Value* exponent = b.Add(Opcode::kIota, "exponent", {}, iota);
  ir::Attrs power;
  power.base = config.rope_theta;
  Value* wavelength = b.Add(Opcode::kPower, "wavelength", {exponent}, power);
  Value* frequency = b.Unary(Opcode::kReciprocal, "frequency", wavelength);
  Value* position = b.Cast("position", pos, DType::kF32);
  Value* angle = b.Binary(Opcode::kMul, "angle", position, frequency);
  Value* cos = b.Unary(Opcode::kCos, "cos", angle);
  Value* sin = b.Unary(Opcode::kSin, "sin", angle);

  if (!b.status().ok()) return b.status();
  ir::Op* loop = b.For("xn", kLayer, 0, config.num_hidden_layers, "x", x1);
  ir::Builder body(loop->body.get());
  Value* xa = body.Call("xa", model.module->FindFunc("attn"), kLayer,
                        {loop->carried.get(), cos, sin, pos, slot});
  std::vector<Operand> mlp_operands = {xa};
  if (model.record_activations) mlp_operands.insert(mlp_operands.end(), {pos, slot});
  Value* xm = body.Call("xm", model.module->FindFunc("mlp"), kLayer, mlp_operands);
  body.Yield(xm);
  if (!body.status().ok()) return body.status();

  Value* xr = b.Gather("xr", loop->result(), rows, "tok");
  return f.Return(b.Call("logits", model.module->FindFunc("logits"), "", {xr}));
}

}  // namespace

absl::Status AddFunctions(const Model& model) {
  for (const auto add : {AddAttention, AddMlp, AddLogits, AddStep}) {
    RETURN_IF_ERROR(add(model));
  }
  return absl::OkStatus();
}

}  // namespace lluda::frontends::qwen3
