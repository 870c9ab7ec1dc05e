#include "codegen/head_epilogue.h"

#include <utility>

#include "codegen/blocked.h"
#include "codegen/kernel.h"
#include "codegen/row_math.h"
#include "ir/encoding.h"

namespace lluda::codegen {
namespace {

constexpr int kLanes = kPanelRows;
// Operands of a matmul that normalises and rotates.
constexpr int kWeight = 2;
constexpr int kCos = 3;
constexpr int kSin = 4;

// A run of elements that are computed together.
struct Piece {
  int64_t begin;
  int lanes;
};

// [0, count) in whole vectors, and what is left one by one.
std::vector<Piece> PiecesOf(int64_t count) {
  std::vector<Piece> pieces;
  for (int64_t i = 0; i < count;) {
    const int lanes = count - i >= kLanes ? kLanes : 1;
    pieces.push_back({i, lanes});
    i += lanes;
  }
  return pieces;
}

int LanesOf(Value* value) { return value->getType()->isVectorTy() ? kLanes : 1; }

}  // namespace

bool FinishesHeads(const KernelSpec& spec) {
  return spec.opcode == ir::Opcode::kMatmul && Info(spec.attrs.epilogue).per_head();
}

int64_t HeadElements(const KernelSpec& spec) { return spec.attrs.result_axes.back().extent.value; }

std::vector<ir::Axis> HeadAxes(const KernelSpec& spec) {
  return {spec.attrs.result_axes.begin(), spec.attrs.result_axes.end() - 1};
}

HeadEpilogue::HeadEpilogue(const KernelSpec& spec, Emitter& e)
    : spec_(spec),
      e_(e),
      epilogue_(Info(spec.attrs.epilogue)),
      dim_(spec.attrs.result_axes.back().name),
      elements_(HeadElements(spec)) {}

void HeadEpilogue::EmitRows(Value* sums, Value* count, const std::string& row_axis,
                            const Indices& indices) {
  auto& b = e_.b();
  std::vector<Value*> weights;  // of both halves of a head, in turns
  if (epilogue_.norm_rope) {
    for (const Piece& piece : PiecesOf(elements_ / 2)) {
      for (const int64_t i : {piece.begin, elements_ / 2 + piece.begin}) {
        weights.push_back(LoadAlong(e_, spec_.operands[kWeight], e_.Buffer(kWeight), e_.Const(0),
                                    dim_, e_.Const(i), piece.lanes));
      }
    }
  }
  e_.Loop(e_.Const(0), count, 1, [&](Value* row) {
    Indices here = indices;
    if (!row_axis.empty()) here[row_axis] = b.CreateAdd(indices.at(row_axis), row);
    Value* from = b.CreateMul(row, e_.Const(elements_));
    EmitRow(e_.Address(sums, from, ir::DType::kF32), weights, here);
  });
}

HeadEpilogue::Target HeadEpilogue::TargetOf(Indices indices) {
  int buffer = static_cast<int>(spec_.operands.size());
  const bool appends = epilogue_.appends;
  if (appends) {
    const int slots = buffer - 2;
    for (int i = 0; i < 2; ++i) {
      indices[spec_.attrs.axes[1 + i]] =
          LoadIndexAt(e_, spec_.operands[slots + i], e_.Buffer(slots + i), indices);
    }
    buffer = slots - 1;
  }
  const TensorSpec& tensor = appends ? spec_.operands[buffer] : spec_.result;
  Value* first = ElementOffset(e_, tensor, indices);
  return {tensor, e_.Buffer(buffer), std::move(indices), first};
}

Value* HeadEpilogue::Sums(Value* sums, int64_t i, int lanes) {
  return e_.Load(e_.Address(sums, e_.Const(i), ir::DType::kF32), ir::DType::kF32, lanes);
}

// In the order of codegen/emit_reduce.cc.
Value* HeadEpilogue::Inverse(Value* sums) {
  auto& b = e_.b();
  const bool vectors = elements_ >= kLanes;
  Value* squares = e_.ConstF32(0, vectors ? kLanes : 1);
  for (const Piece& piece : PiecesOf(elements_)) {
    if (LanesOf(squares) != piece.lanes) squares = e_.SumLanes(squares);
    Value* x = Sums(sums, piece.begin, piece.lanes);
    squares = b.CreateFAdd(squares, b.CreateFMul(x, x));
  }
  if (LanesOf(squares) > 1) squares = e_.SumLanes(squares);
  return InverseRootMeanSquare(e_, squares, elements_, *spec_.attrs.eps);
}

Value* HeadEpilogue::Table(int operand, const Indices& indices, int64_t i, int lanes) {
  const TensorSpec& table = spec_.operands[operand];
  // The axis of pairs is the one that neither the rows nor the heads have.
  std::string pairs;
  for (const ir::StridedAxis& strided : table.axes) {
    if (indices.count(strided.axis.name) == 0) pairs = strided.axis.name;
  }
  return LoadAlong(e_, table, e_.Buffer(operand), e_.Offset(table.axes, indices), pairs,
                   e_.Const(i), lanes);
}

void HeadEpilogue::EmitRow(Value* sums, const std::vector<Value*>& weights,
                           const Indices& indices) {
  auto& b = e_.b();
  const Target target = TargetOf(indices);
  if (!epilogue_.norm_rope) {
    for (const Piece& piece : PiecesOf(elements_)) {
      Store(target, piece.begin, Sums(sums, piece.begin, piece.lanes));
    }
    return;
  }
  Value* inverse = Inverse(sums);
  auto weight = weights.begin();
  const auto normed = [&](int64_t i, int lanes) {
    Value* x = b.CreateFMul(Sums(sums, i, lanes), e_.Splat(inverse, lanes));
    return b.CreateFMul(x, *weight++);
  };
  for (const Piece& piece : PiecesOf(elements_ / 2)) {
    const auto [i, lanes] = piece;
    Value* lo = normed(i, lanes);
    Value* hi = normed(elements_ / 2 + i, lanes);
    const Rotated turned =
        Rotate(e_, {lo, hi}, Table(kCos, indices, i, lanes), Table(kSin, indices, i, lanes));
    Store(target, i, turned.lo);
    Store(target, elements_ / 2 + i, turned.hi);
  }
}

void HeadEpilogue::Store(const Target& target, int64_t i, Value* value) {
  auto& b = e_.b();
  const TensorSpec& tensor = target.tensor;
  const ir::Layout& layout = tensor.layout;
  const int lanes = LanesOf(value);
  const auto address = [&](int64_t elements) {
    Value* at = b.CreateAdd(target.first, e_.Const(elements));
    return e_.Address(target.buffer, at, tensor.dtype);
  };
  if (IsContiguous(tensor, dim_)) {
    e_.Store(address(i), tensor.dtype, value);
    return;
  }
  // Elements that lie together in a panel are a dword: a whole one each.
  const int64_t unit = ir::DwordElements(tensor.dtype);
  if (lanes > 1 && layout.is_panel() && layout.axis == dim_ && layout.depth == unit) {
    Value* dwords = Dwords(e_, tensor.dtype, value);
    for (int64_t j = 0; j < lanes / unit; ++j) {
      b.CreateAlignedStore(b.CreateExtractElement(dwords, static_cast<uint64_t>(j)),
                           address((i / unit + j) * layout.rows * unit),
                           Emitter::AlignOf(tensor.dtype));
    }
    return;
  }
  Indices indices = target.indices;
  for (int lane = 0; lane < lanes; ++lane) {
    indices[dim_] = e_.Const(i + lane);
    Value* element =
        lanes == 1 ? value : b.CreateExtractElement(value, static_cast<uint64_t>(lane));
    e_.Store(e_.Address(target.buffer, ElementOffset(e_, tensor, indices), tensor.dtype),
             tensor.dtype, element);
  }
}

}  // namespace lluda::codegen
