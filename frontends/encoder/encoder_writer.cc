#include "frontends/encoder/encoder_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/step_interface.h"
#include "frontends/encoder/weights.h"
#include "glog/logging.h"
#include "ir/op/gelu.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::encoder {

using ir::DType;
using ir::Opcode;
using ir::Operand;
using ir::Value;

EncoderWriter::EncoderWriter(const Model& model, std::string name, bool per_block)
    : model_(model), func_(model.module->AddFunc(std::move(name))), b_(func_) {
  if (per_block) func_->index = ir::Index{kBlock, model.tower.layers};
}

ir::Axis EncoderWriter::Named(absl::string_view axis) const {
  return TowerAxis(model_.tower, axis);
}

std::vector<ir::Axis> EncoderWriter::SoundAxes(absl::string_view width) const {
  return {{step_interface::kTokenAxis, ir::Extent::Symbol(step_interface::kSoundCount)},
          Named(width)};
}

Value* EncoderWriter::Param(std::string name, std::vector<ir::Axis> axes) {
  return func_->AddParam(std::move(name), ir::Type{DType::kF32, std::move(axes), {}});
}

Value* EncoderWriter::NarrowParam(std::string name, std::vector<ir::Axis> axes) {
  const DType dtype = model_.precision == Precision::kF32 ? DType::kF32 : DType::kBF16;
  return func_->AddParam(std::move(name), ir::Type{dtype, std::move(axes), {}});
}

Value* EncoderWriter::IntParam(std::string name, std::vector<ir::Axis> axes) {
  return func_->AddParam(std::move(name), ir::Type{DType::kI32, std::move(axes), {}});
}

Operand EncoderWriter::Weight(const std::string& weight) const {
  ir::Global* global = model_.module->FindGlobal(weight);
  CHECK(global != nullptr) << weight;
  return {global, global->index ? global->index->name : ""};
}

Operand EncoderWriter::Matrix(const std::string& weight) {
  const Operand matrix = Weight(weight);
  const DType dtype = matrix.type().dtype;
  if (ir::IsBlock(dtype)) {
    return b_.Unary(Opcode::kDequantize, absl::StrCat(weight, "_f32"), matrix);
  }
  if (model_.precision == Precision::kF32 || dtype == DType::kBF16) return matrix;
  return b_.Cast(absl::StrCat(weight, "_bf16"), matrix, DType::kBF16);
}

Operand EncoderWriter::Vector(const std::string& weight) {
  const Operand vector = Weight(weight);
  if (vector.type().dtype == DType::kF32) return vector;
  return b_.Cast(absl::StrCat(weight, "_f32"), vector, DType::kF32);
}

Value* EncoderWriter::Narrow(absl::string_view name, Value* x) {
  return model_.precision == Precision::kF32 ? x : b_.Cast(name, x, DType::kBF16);
}

Value* EncoderWriter::LayerNorm(const std::string& name, Value* x, const std::string& weight,
                                const std::string& over) {
  const auto length = static_cast<double>(x->type.GetAxis(over)->extent.value);
  Value* sum = b_.Reduce(Opcode::kReduceSum, absl::StrCat(name, "_sum"), x, over);
  Value* mean = b_.Scale(absl::StrCat(name, "_mean"), sum, 1.0 / length);
  Value* centred = b_.Binary(Opcode::kSub, absl::StrCat(name, "_centred"), x, mean);
  Value* scaled = b_.Rmsnorm(absl::StrCat(name, "_scaled"), centred, Weight(weight), over,
                             model_.tower.norm_eps);
  return b_.Binary(Opcode::kAdd, name, scaled, Vector(absl::StrCat(weight, "_bias")));
}

Value* EncoderWriter::Linear(const std::string& name, Value* x, const Operand& matrix,
                             const std::string& bias, const std::string& over) {
  Value* product = b_.Matmul(absl::StrCat(name, "_product"), x, matrix, over);
  return b_.Binary(Opcode::kAdd, name, product, Vector(bias));
}

Value* EncoderWriter::Gelu(const std::string& name, Value* x) {
  Value* inner = b_.Scale(absl::StrCat(name, "_inner"), x, ir::kGeluErfScale);
  Value* turned = b_.Unary(Opcode::kErf, absl::StrCat(name, "_erf"), inner);
  Value* share = b_.Offset(absl::StrCat(name, "_share"), turned, 1);
  return b_.Scale(name, b_.Binary(Opcode::kMul, absl::StrCat(name, "_twice"), x, share), 0.5);
}

absl::Status EncoderWriter::Return(Value* value) {
  func_->result_type = value->type;
  b_.Return(value);
  return b_.status();
}

}  // namespace lluda::frontends::encoder
