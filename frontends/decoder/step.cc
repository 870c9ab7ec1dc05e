#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/decoder/function_writer.h"
#include "frontends/decoder/layer_parts.h"
#include "frontends/decoder/layers.h"
#include "glog/logging.h"
#include "ir/op/op_info.h"
#include "ir/type/encoding.h"

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

// The frequency of pair i: theta^(-2i / rotated_dim), or as the description has it.
Value* AddFrequencies(const Model& model, const Rope& rope, FunctionWriter* f) {
  ir::Builder& b = f->b();
  ir::Attrs attrs;
  attrs.result_axes = {f->Named("pair")};
  if (!rope.frequencies.empty()) {
    const bool is_long = UsesLongFrequencies(rope, model.context);
    const char* chosen = is_long ? "long_frequency" : "short_frequency";
    attrs.values = is_long ? rope.long_frequencies : rope.frequencies;
    return b.Add(Opcode::kLiteral, rope.long_frequencies.empty() ? "frequency" : chosen, {}, attrs);
  }
  attrs.step = 2.0 / static_cast<double>(model.decoder.rotated_dim());
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
    const bool scaled = rope.multiplier != 1;
    Value* cos = b.Unary(Opcode::kCos, scaled ? "cos0" : "cos", angle);
    Value* sin = b.Unary(Opcode::kSin, scaled ? "sin0" : "sin", angle);
    all.push_back(
        {f->ScaleBy("cos", cos, rope.multiplier), f->ScaleBy("sin", sin, rope.multiplier)});
  }
  return all;
}

std::vector<Operand> AttentionOperands(const Attention& attention,
                                       const std::vector<Angles>& angles, Value* x, Value* pos,
                                       Value* slot) {
  std::vector<Operand> operands = {x};
  if (attention.rope) {
    const Angles& own = angles[*attention.rope];
    operands.insert(operands.end(), {own.cos, own.sin});
  }
  operands.insert(operands.end(), {pos, slot});
  return operands;
}

// A layer's function, and which copy of it is the layer's.
template <typename Function>
struct Part {
  const Function& function;
  int64_t copy;
};

Part<AttentionFunction> AttentionOf(const Model& model, int64_t layer) {
  const Decoder& decoder = model.decoder;
  const Attention* kind = &decoder.attentions[decoder.layers[static_cast<size_t>(layer)].attention];
  for (const AttentionFunction& function : model.attentions) {
    const int64_t copy = CopyOf(function.group, layer);
    if (&function.attention == kind && copy >= 0) return {function, copy};
  }
  LOG(FATAL) << "layer " << layer << " has no attention";
}

Part<MlpFunction> MlpOf(const Model& model, int64_t layer) {
  for (const MlpFunction& function : model.mlps) {
    const int64_t copy = CopyOf(function.group, layer);
    if (copy >= 0) return {function, copy};
  }
  LOG(FATAL) << "layer " << layer << " has no MLP";
}

// Are all functions' copies counted as the layers are?
bool CountAlike(const Model& model) {
  const auto whole = [](const auto& function) { return function.group.has_all_layers(); };
  return std::all_of(model.attentions.begin(), model.attentions.end(), whole) &&
         std::all_of(model.mlps.begin(), model.mlps.end(), whole);
}

std::vector<Operand> MlpOperands(const Model& model, Value* x, Value* pos, Value* slot) {
  if (!RecordsInMlp(model)) return {x};
  return {x, pos, slot};
}

// Runs all layers, one after the other: they are copies of functions that count differently.
Value* AddMixedLayers(const Model& model, const std::vector<Angles>& angles, Value* pos,
                      Value* slot, Value* x, FunctionWriter* f) {
  const auto call = [&](const char* name, const auto& part, const std::vector<Operand>& operands) {
    return f->b().Call(name, model.module->FindFunc(part.function.name), absl::StrCat(part.copy),
                       operands);
  };
  for (int64_t i = 0; i < model.decoder.layer_count(); ++i) {
    const Part<AttentionFunction> attention = AttentionOf(model, i);
    Value* xa = call("xa", attention,
                     AttentionOperands(attention.function.attention, angles, x, pos, slot));
    x = call("xm", MlpOf(model, i), MlpOperands(model, xa, pos, slot));
    if (!RecordsInMlp(model)) f->RecordOf(i, "out", x, slot, pos);
  }
  return x;
}

// Runs layers of one kind, those from `begin` to before `end`, on x.
absl::StatusOr<Value*> AddLoop(const Model& model, int64_t begin, int64_t end,
                               const std::vector<Angles>& angles, Value* pos, Value* slot, Value* x,
                               FunctionWriter* f) {
  const AttentionFunction& attention = AttentionOf(model, begin).function;
  const MlpFunction& mlp = MlpOf(model, begin).function;
  ir::Op* loop = f->b().For("xn", kLayer, begin, end, "x", x);
  ir::Builder body(loop->body.get());
  Value* xa =
      body.Call("xa", model.module->FindFunc(attention.name), kLayer,
                AttentionOperands(attention.attention, angles, loop->carried.get(), pos, slot));
  body.Yield(
      body.Call("xm", model.module->FindFunc(mlp.name), kLayer, MlpOperands(model, xa, pos, slot)));
  if (!body.status().ok()) return body.status();
  return loop->result();
}

// What stands for tokens' embeddings where they are heard: keep * x + media[from].
Value* AddMedia(const Model& model, Value* x, FunctionWriter* f) {
  if (!model.decoder.audio) return x;
  Value* keep = f->Param(step_interface::kKeep, DType::kF32, {TokenAxis()});
  Value* from = f->Param(step_interface::kFrom, DType::kI32, {TokenAxis()});
  const ir::Axis rows = {step_interface::kMediaAxis,
                         ir::Extent::Symbol(step_interface::kMediaCount)};
  Value* media = f->Param(step_interface::kMedia, DType::kF32, {rows, f->Named("hid")});
  Value* kept = f->b().Binary(Opcode::kMul, "xk", x, keep);
  Value* heard = f->b().Gather("xh", media, from, step_interface::kMediaAxis);
  return f->b().Binary(Opcode::kAdd, "xs", kept, heard);
}

// Which step is written, and what it calls.
struct StepNames {
  const char* step;
  const char* result;  // the function that makes of a row what the step returns
};
static_assert(step_interface::kMostKept == ir::kMostNthLargest);
constexpr StepNames kTopNames = {step_interface::kTop, "top_logits"};

StepNames NamesOf(const Model& model) {
  const bool logits = model.result == StepResult::kLogits;
  return {step_interface::kStep, logits ? "logits" : "hidden"};
}

bool IsTop(const StepNames& names) { return names.step == kTopNames.step; }

ir::Axis RowAxisOf(const StepNames& names) {
  if (!IsTop(names)) return RowAxis();
  return {step_interface::kRowAxis, ir::Extent::Symbol(step_interface::kTopRowCount)};
}

// How many of the largest logits of each row are wanted; null: all of them.
Value* KeptParam(const StepNames& names, FunctionWriter* f) {
  if (!IsTop(names)) return nullptr;
  return f->Param(step_interface::kKept, DType::kI32, {RowAxisOf(names)});
}

// x where it is one of the `kept` largest along the vocabulary, -inf elsewhere.
Value* KeepLargest(Value* x, Value* kept, FunctionWriter* f) {
  ir::Attrs over;
  over.axes = {"vocab"};
  Value* least = f->b().Add(Opcode::kNthLargest, "least", {x, kept}, over);
  return f->b().Add(Opcode::kKeep, "largest", {x, x, least}, {});
}

// Why a part of the head cannot do; "" if it can.
std::string WhyAllOfTheHead(const Model& model) {
  const Decoder& decoder = model.decoder;
  if (model.result != StepResult::kLogits) return "the step gives no logits";
  if (decoder.audio) return "it hears";
  if (decoder.logits_divisor != 1) return "its logits are scaled";
  if (decoder.logits_softcap) return "its logits are capped";
  const ir::Global* head =
      model.weights.lm_head != nullptr ? model.weights.lm_head : model.weights.embed;
  if (ir::IsBlock(head->type.dtype)) return "its head is in blocks already";
  return "";
}

absl::Status AddResultOf(const Model& model, const StepNames& names) {
  const Weights& w = model.weights;
  FunctionWriter f(model, names.result, nullptr);
  Value* x = f.Param("x", DType::kF32, {RowAxisOf(names), f.Named("hid")});
  Value* kept = KeptParam(names, &f);
  ir::Builder& b = f.b();
  Value* h = f.Norm("h0", x, w.final_norm, "hid");
  if (model.result == StepResult::kHidden) return f.Return(h);
  ir::Global* head = w.lm_head != nullptr ? w.lm_head : w.embed;
  Value* narrow = f.Narrow("h", h);
  Value* wt = b.Permute("wt", f.MatmulWeight(head), {"hid", "vocab"});
  Value* l = b.Matmul("l", f.Activations(narrow, head), wt, "hid");
  if (kept != nullptr) return f.Return(KeepLargest(l, kept, &f));
  Value* scaled = f.ScaleBy("ls", l, 1.0 / model.decoder.logits_divisor);
  return f.Return(f.Softcap("lc", scaled, model.decoder.logits_softcap));
}

absl::Status AddStepOf(const Model& model, const StepNames& names) {
  FunctionWriter f(model, names.step, nullptr);
  Value* tokens = f.Param(step_interface::kTokens, DType::kI32, {TokenAxis()});
  Value* pos = f.Param(step_interface::kPositions, DType::kI32, {TokenAxis()});
  Value* slot = f.Param(step_interface::kSlots, DType::kI32, {TokenAxis()});
  Value* rows = f.Param(step_interface::kRows, DType::kI32, {RowAxisOf(names)});
  Value* kept = KeptParam(names, &f);
  ir::Builder& b = f.b();

  // A tied embedding is read as the LM head reads it, so that one copy of it is enough.
  const bool is_head = model.result == StepResult::kLogits && model.weights.lm_head == nullptr;
  const Operand table =
      is_head ? f.MatmulWeight(model.weights.embed) : f.TableWeight(model.weights.embed);
  Value* x = b.Gather("x0", table, tokens, "vocab");
  if (x->type.dtype != DType::kF32) x = b.Cast("x1", x, DType::kF32);
  x = f.ScaleBy("xe", x, model.decoder.embedding_multiplier);
  x = AddMedia(model, x, &f);
  f.Record("embed", x, slot, pos);
  const std::vector<Angles> angles = AddAngles(model, pos, &f);
  if (!b.status().ok()) return b.status();

  const std::vector<Layer>& layers = model.decoder.layers;
  const bool mixed = !CountAlike(model);
  if (mixed) x = AddMixedLayers(model, angles, pos, slot, x, &f);
  for (size_t begin = mixed ? layers.size() : 0, end = begin; begin < layers.size(); begin = end) {
    while (end < layers.size() && layers[end] == layers[begin]) ++end;
    ASSIGN_OR_RETURN(Value * next, AddLoop(model, static_cast<int64_t>(begin),
                                           static_cast<int64_t>(end), angles, pos, slot, x, &f));
    x = next;
  }

  std::vector<Operand> result = {b.Gather("xr", x, rows, "tok")};
  if (kept != nullptr) result.emplace_back(kept);
  return f.Return(b.Call(names.result, model.module->FindFunc(names.result), "", result));
}

}  // namespace

absl::Status AddResult(const Model& model) { return AddResultOf(model, NamesOf(model)); }

absl::Status AddStep(const Model& model) { return AddStepOf(model, NamesOf(model)); }

absl::Status AddTop(const Model& model) {
  if (!model.partial_head) return absl::OkStatus();
  if (const std::string why = WhyAllOfTheHead(model); !why.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model's head cannot be read in part: ", why));
  }
  const int64_t most = std::min(model.module->FindSymbol(step_interface::kRowCount)->max,
                                step_interface::kMostTopRows);
  model.module->symbols.push_back({step_interface::kTopRowCount, 1, most});
  RETURN_IF_ERROR(AddResultOf(model, kTopNames));
  return AddStepOf(model, kTopNames);
}

}  // namespace lluda::frontends::decoder
