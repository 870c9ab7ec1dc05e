#include "codegen/emit/elements.h"

#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "codegen/emit/math.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen {
namespace {

struct Point {
  const KernelSpec& spec;
  Emitter& e;
  std::vector<Value*> in;  // operands as f32 lanes; empty for iota
  Indices indices;         // of the first lane
  int lanes;
};

using Compute = Value* (*)(const Point& p);

Value* Iota(const Point& p) {
  auto& b = p.e.b();
  Value* first = b.CreateTrunc(p.indices.at(p.spec.result.axes.back().axis.name), p.e.Int(32, 1));
  Value* index = p.e.Splat(first, p.lanes);
  if (p.lanes > 1) {
    std::vector<uint32_t> lane_numbers(static_cast<size_t>(p.lanes));
    std::iota(lane_numbers.begin(), lane_numbers.end(), uint32_t{0});
    index = b.CreateAdd(index, llvm::ConstantDataVector::get(p.e.context(), lane_numbers));
  }
  // In double, rounded once: that is what step * index means.
  Value* wide = b.CreateSIToFP(index, p.e.F64(p.lanes));
  return b.CreateFPTrunc(b.CreateFMul(wide, p.e.ConstF64(*p.spec.attrs.step, p.lanes)),
                         p.e.F32(p.lanes));
}

// Lanes run along the masked axis or beside it; both are an index comparison.
Value* CausalMask(const Point& p) {
  auto& b = p.e.b();
  const TensorSpec& positions = p.spec.operands[1];
  Value* limit = p.e.LoadIndex(
      p.e.Address(p.e.Buffer(1), p.e.Offset(positions.axes, p.indices), positions.dtype),
      positions.dtype);
  const std::string& axis = p.spec.attrs.axes[0];
  Value* key = p.e.Splat(p.indices.at(axis), p.lanes);
  if (p.lanes > 1 && p.spec.result.axes.back().axis.name == axis) {
    std::vector<uint64_t> lane_numbers(static_cast<size_t>(p.lanes));
    std::iota(lane_numbers.begin(), lane_numbers.end(), uint64_t{0});
    key = b.CreateAdd(key, llvm::ConstantDataVector::get(p.e.context(), lane_numbers));
  }
  Value* seen = b.CreateICmpSLE(key, p.e.Splat(limit, p.lanes));
  if (p.spec.window) {
    Value* before = b.CreateSub(limit, p.e.ExtentValue(*p.spec.window));
    seen = b.CreateAnd(seen, b.CreateICmpSGT(key, p.e.Splat(before, p.lanes)));
  }
  return b.CreateSelect(seen, p.in[0],
                        p.e.ConstF32(-std::numeric_limits<float>::infinity(), p.lanes));
}

// x / scale, clamped; storing it as i8 rounds it.
Value* Quantize(const Point& p) {
  auto& b = p.e.b();
  const auto constant = [&](float value) { return p.e.ConstF32(value, p.lanes); };
  Value* x = b.CreateFDiv(p.in[0], p.in[1]);
  x = b.CreateSelect(b.CreateFCmpUNO(x, x), constant(0), x);
  x = b.CreateSelect(b.CreateFCmpOGT(x, constant(127)), constant(127), x);
  return b.CreateSelect(b.CreateFCmpOLT(x, constant(-127)), constant(-127), x);
}

Value* Keep(const Point& p) {
  Value* less = p.e.b().CreateFCmpOLT(p.in[1], p.in[2]);
  Value* hidden = p.e.ConstF32(-std::numeric_limits<float>::infinity(), p.lanes);
  return p.e.b().CreateSelect(less, hidden, p.in[0]);
}

struct ComputeRow {
  ir::Opcode opcode;
  int loaded_operands;  // how many operands are read as f32 lanes
  Compute compute;
};
const ComputeRow kCompute[] = {
    {ir::Opcode::kAdd, 2, [](const Point& p) { return p.e.b().CreateFAdd(p.in[0], p.in[1]); }},
    {ir::Opcode::kCast, 1, [](const Point& p) { return p.in[0]; }},
    {ir::Opcode::kCausalMask, 1, CausalMask},
    {ir::Opcode::kCos, 1, [](const Point& p) { return Cos(p.e, p.in[0]); }},
    {ir::Opcode::kDiv, 2, [](const Point& p) { return p.e.b().CreateFDiv(p.in[0], p.in[1]); }},
    {ir::Opcode::kErf, 1, [](const Point& p) { return Erf(p.e, p.in[0]); }},
    {ir::Opcode::kExp, 1, [](const Point& p) { return Exp(p.e, p.in[0]); }},
    {ir::Opcode::kGelu, 1, [](const Point& p) { return Gelu(p.e, p.in[0]); }},
    {ir::Opcode::kGeluErf, 1, [](const Point& p) { return GeluErf(p.e, p.in[0]); }},
    {ir::Opcode::kIota, 0, Iota},
    {ir::Opcode::kKeep, 3, Keep},
    {ir::Opcode::kMul, 2, [](const Point& p) { return p.e.b().CreateFMul(p.in[0], p.in[1]); }},
    {ir::Opcode::kOffset, 1,
     [](const Point& p) {
       const auto by = static_cast<float>(*p.spec.attrs.by);
       return p.e.b().CreateFAdd(p.in[0], p.e.ConstF32(by, p.lanes));
     }},
    {ir::Opcode::kPower, 1, [](const Point& p) { return Power(p.e, *p.spec.attrs.base, p.in[0]); }},
    {ir::Opcode::kQuantize, 2, Quantize},
    {ir::Opcode::kReciprocal, 1,
     [](const Point& p) { return p.e.b().CreateFDiv(p.e.ConstF32(1.0f, p.lanes), p.in[0]); }},
    {ir::Opcode::kScale, 1,
     [](const Point& p) {
       const auto by = static_cast<float>(*p.spec.attrs.by);
       return p.e.b().CreateFMul(p.in[0], p.e.ConstF32(by, p.lanes));
     }},
    {ir::Opcode::kSilu, 1, [](const Point& p) { return Silu(p.e, p.in[0]); }},
    {ir::Opcode::kSin, 1, [](const Point& p) { return Sin(p.e, p.in[0]); }},
    {ir::Opcode::kSub, 2, [](const Point& p) { return p.e.b().CreateFSub(p.in[0], p.in[1]); }},
    {ir::Opcode::kTanh, 1, [](const Point& p) { return Tanh(p.e, p.in[0]); }},
};

const ComputeRow* FindCompute(ir::Opcode opcode) {
  for (const ComputeRow& row : kCompute) {
    if (row.opcode == opcode) return &row;
  }
  return nullptr;
}

// The operand's elements at `indices` and the following lanes along the result's last axis.
Value* LoadOperand(Emitter& e, const TensorSpec& tensor, int i, const Indices& indices,
                   const std::string& last, int lanes) {
  Value* first = e.Offset(tensor.axes, indices);
  if (tensor.Find(last) == nullptr) {
    return e.Splat(e.Load(e.Address(e.Buffer(i), first, tensor.dtype), tensor.dtype, 1), lanes);
  }
  if (IsContiguous(tensor, last)) {
    return e.Load(e.Address(e.Buffer(i), first, tensor.dtype), tensor.dtype, lanes);
  }
  return e.LoadStrided(e.Buffer(i), first, e.StrideValue(tensor.Find(last)->stride), tensor.dtype,
                       lanes);
}

}  // namespace

absl::Status CheckElementwise(const KernelSpec& spec) {
  for (const TensorSpec& operand : spec.operands) {
    if (operand.layout.is_panel()) return NoKernel(spec, "an operand is in panels");
  }
  if (!ir::IsFloat(spec.result.dtype) && spec.opcode != ir::Opcode::kQuantize) {
    return NoKernel(spec, "the result is an integer");
  }
  if (spec.result.axes.empty()) return NoKernel(spec, "the result has no axis");
  return absl::OkStatus();
}

Value* ElementsOf(const KernelSpec& spec, Emitter& e, const Indices& indices, int lanes) {
  const ComputeRow* row = FindCompute(spec.opcode);
  Point point{spec, e, {}, indices, lanes};
  for (int o = 0; o < row->loaded_operands; ++o) {
    point.in.push_back(
        LoadOperand(e, spec.operands[o], o, indices, spec.result.axes.back().axis.name, lanes));
  }
  return row->compute(point);
}

}  // namespace lluda::codegen
