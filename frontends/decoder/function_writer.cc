#include "frontends/decoder/function_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/step_interface.h"
#include "frontends/decoder/weights/model_axis.h"
#include "glog/logging.h"
#include "ir/op/contraction.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::decoder {
namespace {

using ir::Axis;
using ir::DType;
using ir::Extent;
using ir::Opcode;
using ir::Operand;
using ir::Value;

// A weight, of this layer if there is one per layer.
Operand Weight(ir::Global* weight) { return {weight, weight->index ? weight->index->name : ""}; }

}  // namespace

Axis TokenAxis() {
  return {step_interface::kTokenAxis, Extent::Symbol(step_interface::kTokenCount)};
}
Axis RowAxis() { return {step_interface::kRowAxis, Extent::Symbol(step_interface::kRowCount)}; }

FunctionWriter::FunctionWriter(const Model& model, std::string name, const LayerGroup* group)
    : model_(model), group_(group), func_(model.module->AddFunc(std::move(name))), b_(func_) {
  if (group != nullptr) func_->index = group->index;
}

Axis FunctionWriter::Named(absl::string_view name) const { return ModelAxis(model_.decoder, name); }

Value* FunctionWriter::Param(std::string name, DType dtype, std::vector<Axis> axes) {
  return func_->AddParam(std::move(name), ir::Type{dtype, std::move(axes), {}});
}

Operand FunctionWriter::TableWeight(ir::Global* weight) {
  if (!ir::IsBlock(weight->type.dtype)) return Weight(weight);
  return b_.Unary(Opcode::kDequantize, absl::StrCat(weight->name, "_f32"), Weight(weight));
}

Operand FunctionWriter::MatmulWeight(ir::Global* weight) {
  if (ir::IsBlock(weight->type.dtype)) return TableWeight(weight);
  if (model_.precision == Precision::kF32 || weight->type.dtype == DType::kBF16) {
    return Weight(weight);
  }
  return b_.Cast(absl::StrCat(weight->name, "_bf16"), Weight(weight), DType::kBF16);
}

Value* FunctionWriter::Activations(Value* x, const ir::Global* weight) {
  const bool quantises =
      model_.activations == frontends::Activations::kInt8 && ir::HoldsIntegers(weight->type.dtype);
  if (!quantises) return x;
  Value*& made = quantised_[x];
  if (made != nullptr) return made;
  ir::Attrs attrs;
  attrs.out = DType::kQ8F32;
  Value* integers =
      b_.Add(Opcode::kQuantizeBlocks, absl::StrCat(x->name, "_int8"), {x}, std::move(attrs));
  made = b_.Unary(Opcode::kDequantize, absl::StrCat(x->name, "_q8"), integers);
  return made;
}

Value* FunctionWriter::Linear(absl::string_view name, Value* x, const LinearWeight& weight,
                              std::string over) {
  const bool has_bias = weight.bias != nullptr;
  Operand matrix = MatmulWeight(weight.matrix);
  if (weight.rows) {
    const Axis axis = Named(weight.rows->axis);
    const int64_t begin = weight.rows->begin;
    matrix = b_.Slice(weight.rows->name, matrix, weight.matrix->type.axes[0].name, begin,
                      begin + axis.extent.value, {axis});
  }
  Value* product = b_.Matmul(has_bias ? absl::StrCat(name, "_product") : std::string(name),
                             Activations(x, weight.matrix), matrix, std::move(over));
  if (!has_bias) return product;
  Operand bias = Weight(weight.bias);
  if (weight.bias->type.dtype != DType::kF32) {
    bias = b_.Cast(absl::StrCat(weight.bias->name, "_f32"), bias, DType::kF32);
  }
  return b_.Binary(Opcode::kAdd, name, product, bias);
}

Value* FunctionWriter::Norm(absl::string_view name, const Operand& x, ir::Global* weight,
                            std::string over) {
  Operand factors = Weight(weight);
  if (model_.decoder.norm_offset != 0) {
    if (weight->type.dtype != DType::kF32) {
      factors = b_.Cast(absl::StrCat(weight->name, "_f32"), factors, DType::kF32);
    }
    factors = b_.Offset(absl::StrCat(weight->name, "_offset"), factors, model_.decoder.norm_offset);
  }
  return b_.Rmsnorm(name, x, factors, std::move(over), model_.decoder.rms_norm_eps);
}

Value* FunctionWriter::Softcap(absl::string_view name, Value* x, std::optional<double> cap) {
  if (!cap) return x;
  Value* inner = b_.Scale(absl::StrCat(name, "_inner"), x, 1 / *cap);
  return b_.Scale(name, b_.Unary(Opcode::kTanh, absl::StrCat(name, "_tanh"), inner), *cap);
}

Value* FunctionWriter::ScaleBy(absl::string_view name, Value* x, double by) {
  return by == 1 ? x : b_.Scale(name, x, by);
}

Value* FunctionWriter::Narrow(absl::string_view name, Value* x) {
  return model_.precision == Precision::kF32 ? x : b_.Cast(name, x, DType::kBF16);
}

Held FunctionWriter::Hold(const Cache& cache, absl::string_view name, const std::string& prefix,
                          Value* x) {
  if (cache.scales == nullptr) return {Narrow(name, x), nullptr};
  Value* scales = b_.Reduce(Opcode::kQuantizeScale, absl::StrCat(prefix, "scale"), x, "dim");
  return {b_.Binary(Opcode::kQuantize, absl::StrCat(prefix, "int"), x, scales), scales};
}

Held FunctionWriter::Append(const Cache& cache, const std::string& prefix, const Held& x,
                            Value* slot, Value* pos) {
  const auto append = [&](absl::string_view suffix, ir::Global* state, Value* part) {
    return b_.Append(absl::StrCat(prefix, suffix), {state, func_->index->name}, part,
                     {"slot", "pos"}, slot, pos);
  };
  Held all{append("s", cache.numbers, x.numbers), nullptr};
  if (x.scales != nullptr) all.scales = append("ss", cache.scales, x.scales);
  return all;
}

Value* FunctionWriter::Read(const std::string& prefix, const Held& all, Value* slot) {
  const std::string name = absl::StrCat(prefix, "x");
  if (all.scales == nullptr) return b_.Gather(name, all.numbers, slot, "slot");
  Value* integers = b_.Gather(absl::StrCat(prefix, "xint"), all.numbers, slot, "slot");
  Value* wide = b_.Cast(absl::StrCat(prefix, "xwide"), integers, DType::kF32);
  Value* scales = b_.Gather(absl::StrCat(prefix, "xscale"), all.scales, slot, "slot");
  return b_.Binary(Opcode::kMul, name, wide, scales);
}

Value* FunctionWriter::Rotate(const std::string& prefix, Value* x, Value* cos, Value* sin) {
  const int64_t dim = model_.decoder.rotated_dim();
  const int64_t all = model_.decoder.head_dim;
  const auto name = [&](absl::string_view suffix) { return absl::StrCat(prefix, suffix); };
  Value* a = b_.Slice(name("a"), x, "dim", 0, dim / 2, {Named("pair")});
  Value* b = b_.Slice(name("b"), x, "dim", dim / 2, dim, {Named("pair")});
  Value* a_cos = b_.Binary(Opcode::kMul, name("t0"), a, cos);
  Value* b_sin = b_.Binary(Opcode::kMul, name("t1"), b, sin);
  Value* lo = b_.Binary(Opcode::kSub, name("lo"), a_cos, b_sin);
  Value* b_cos = b_.Binary(Opcode::kMul, name("t2"), b, cos);
  Value* a_sin = b_.Binary(Opcode::kMul, name("t3"), a, sin);
  Value* hi = b_.Binary(Opcode::kAdd, name("hi"), b_cos, a_sin);
  if (dim == all) return b_.Concat(name("3"), {lo, hi}, {"pair"}, Named("dim"));
  Value* rest = b_.Slice(name("c"), x, "dim", dim, all, {Named("rest")});
  return b_.Concat(name("3"), {lo, hi, rest}, {"pair", "pair", "rest"}, Named("dim"));
}

void FunctionWriter::Record(absl::string_view name, Value* x, Value* slot, Value* pos) {
  if (!model_.record_activations) return;
  RecordHere(name, x, slot, pos);
}

void FunctionWriter::RecordInput(absl::string_view name, Value* x, Value* slot, Value* pos) {
  if (model_.record_inputs) RecordHere(name, x, slot, pos);
}

void FunctionWriter::RecordHere(absl::string_view name, Value* x, Value* slot, Value* pos) {
  if (slot == nullptr) return;
  if (group_ == nullptr) {
    RecordIn(std::nullopt, "", name, x, slot, pos);
  } else if (group_->has_all_layers()) {
    RecordIn(group_->index, kLayer, name, x, slot, pos);
  } else {
    CHECK_EQ(group_->layers.size(), 1u) << "@" << func_->name << " does not know its layer";
    RecordInLayer(group_->layers[0], name, x, slot, pos);
  }
}

void FunctionWriter::RecordOf(int64_t layer, absl::string_view name, Value* x, Value* slot,
                              Value* pos) {
  if (model_.record_activations) RecordInLayer(layer, name, x, slot, pos);
}

void FunctionWriter::RecordInLayer(int64_t layer, absl::string_view name, Value* x, Value* slot,
                                   Value* pos) {
  const LayerGroup all = WholeGroup(model_.decoder, Copies::kLayers);
  RecordIn(all.index, absl::StrCat(layer), name, x, slot, pos);
}

void FunctionWriter::RecordIn(const std::optional<ir::Index>& index, const std::string& copy,
                              absl::string_view name, Value* x, Value* slot, Value* pos) {
  const std::string state_name = absl::StrCat(step_interface::kActivationPrefix, name);
  ir::Global* state = model_.module->FindGlobal(state_name);
  if (state == nullptr) {
    ir::Global added;
    added.kind = ir::Global::Kind::kState;
    added.name = state_name;
    added.index = index;
    added.type.dtype = x->type.dtype;
    added.type.axes = {{step_interface::kSlotAxis, Extent::Symbol(step_interface::kSlotCount)},
                       {step_interface::kPositionAxis, Extent::Symbol(step_interface::kCapacity)}};
    for (const Axis& axis : x->type.axes) {
      if (axis.name != step_interface::kTokenAxis) added.type.axes.push_back(axis);
    }
    state = model_.module->AddGlobal(std::move(added));
  }
  b_.Append(state->name, {state, copy}, x, {"slot", "pos"}, slot, pos);
}

absl::Status FunctionWriter::Return(Value* value) {
  func_->result_type = value->type;
  b_.Return(value);
  return b_.status();
}

}  // namespace lluda::frontends::decoder
