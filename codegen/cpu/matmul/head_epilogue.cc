#include "codegen/cpu/matmul/head_epilogue.h"

#include <algorithm>
#include <utility>

#include "codegen/cpu/emit/row_interleave.h"
#include "codegen/emit/column_epilogue.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

using ir::EpilogueStep;

// More vectors of a head are finished in a loop.
constexpr int64_t kUnrolledVectors = 4;

}  // namespace

bool FinishesHeads(const KernelSpec& spec) {
  return spec.opcode == ir::Opcode::kMatmul && spec.attrs.epilogue.per_head();
}

bool EmitsHeadStep(ir::EpilogueStep step) {
  return step == ir::EpilogueStep::kNorm || step == ir::EpilogueStep::kRope ||
         step == ir::EpilogueStep::kAppend;
}

int64_t HeadElements(const KernelSpec& spec) { return spec.attrs.result_axes.back().extent.value; }

std::vector<ir::Axis> HeadAxes(const KernelSpec& spec) {
  return {spec.attrs.result_axes.begin(), spec.attrs.result_axes.end() - 1};
}

Integer HeadNumber(Emitter& e, const std::vector<ir::Axis>& heads, const Indices& indices) {
  Integer number(e, e.Const(0));
  for (const ir::Axis& axis : heads) number = number * axis.extent.value + indices.at(axis.name);
  return number;
}

HeadEpilogue::HeadEpilogue(const KernelSpec& spec, Emitter& e)
    : spec_(spec), e_(e), dim_(spec.attrs.result_axes.back().name), elements_(HeadElements(spec)) {}

// [0, count) in whole vectors, and what is left one by one.
std::vector<HeadEpilogue::Piece> HeadEpilogue::PiecesOf(int64_t count) const {
  std::vector<Piece> pieces;
  for (int64_t i = 0; i < count;) {
    const int lanes = count - i >= kLanes ? kLanes : 1;
    pieces.push_back({e_.Const(i), lanes});
    i += lanes;
  }
  return pieces;
}

int64_t HeadEpilogue::Pairs() const {
  const int cos = OperandOf(EpilogueStep::kRope);
  if (cos < 0) return 0;
  const std::vector<ir::Axis>& heads = spec_.attrs.result_axes;
  for (const ir::StridedAxis& strided : spec_.operands[cos].axes) {
    const bool of_head = std::any_of(heads.begin(), heads.end(), [&](const ir::Axis& axis) {
      return axis.name == strided.axis.name;
    });
    if (!of_head && spec_.operands[0].Find(strided.axis.name) == nullptr) {
      return strided.axis.extent.value;
    }
  }
  return 0;
}

void HeadEpilogue::EachGroup(const std::function<void(const std::vector<Piece>& group)>& finish) {
  // Of the elements [first, first + count), or of pairs with those that lie `partner` behind.
  const auto each = [&](int64_t first, int64_t count, int64_t partner) {
    const auto group = [&](const Integer& i, int lanes) {
      std::vector<Piece> pieces = {{i + first, lanes}};
      if (partner > 0) pieces.push_back({i + (first + partner), lanes});
      finish(pieces);
    };
    const int64_t vectors = count / kLanes;
    if (vectors > kUnrolledVectors) {
      e_.InRounds(vectors, [&](Value* i) { group(Integer(e_, i) * kLanes, kLanes); });
    } else {
      for (int64_t i = 0; i < vectors; ++i) group({e_, e_.Const(i * kLanes)}, kLanes);
    }
    for (int64_t i = vectors * kLanes; i < count; ++i) group({e_, e_.Const(i)}, 1);
  };
  const int64_t pairs = Pairs();
  each(0, pairs, pairs);
  each(2 * pairs, elements_ - 2 * pairs, 0);
}

void HeadEpilogue::EmitRows(Value* sums, Value* count, const std::string& row_axis,
                            const Indices& indices) {
  if (Has(EpilogueStep::kBias)) {
    first_column_ = HeadNumber(e_, HeadAxes(spec_), indices) * elements_;
  }
  e_.Loop(e_.Const(0), count, 1, [&](Value* row) {
    Indices here = indices;
    if (!row_axis.empty()) here[row_axis] = Integer(e_, indices.at(row_axis)) + row;
    EmitRow({e_.Address(sums, Integer(e_, row) * elements_, ir::DType::kF32), here});
  });
}

HeadEpilogue::Target HeadEpilogue::TargetOf(Indices indices) {
  int buffer = static_cast<int>(spec_.operands.size());
  const int state = OperandOf(EpilogueStep::kAppend);
  if (state >= 0) {
    buffer = state;
    const auto axes = spec_.attrs.axes.end() - 2;
    for (int i = 0; i < 2; ++i) {
      const int operand = state + 1 + i;
      indices[axes[i]] = LoadIndexAt(e_, spec_.operands[operand], e_.Buffer(operand), indices);
    }
    Value*& position = indices[axes[1]];
    position = CellOf(e_, spec_, position);
  }
  const TensorSpec& tensor = state >= 0 ? spec_.operands[state] : spec_.result;
  Value* first = ElementOffset(e_, tensor, indices);
  return {tensor, e_.Buffer(buffer), std::move(indices), first};
}

// Elements of the row after the steps before `end`, as far as these take each element by itself.
Value* HeadEpilogue::Element(const Row& row, const Piece& piece, EpilogueStep end) {
  auto& b = e_.b();
  const auto [begin, lanes] = piece;
  Value* inverse = row.inverse != nullptr ? e_.Splat(row.inverse, lanes) : nullptr;
  Value* x = e_.Load(e_.Address(row.sums, begin, ir::DType::kF32), ir::DType::kF32, lanes);
  for (const EpilogueStep step : spec_.attrs.epilogue) {
    if (step == end) break;
    if (step == EpilogueStep::kBias) {
      x = ApplyColumnStep(spec_, e_, step, x, {}, Integer(e_, first_column_) + begin);
    } else if (step == EpilogueStep::kNorm) {
      const int operand = OperandOf(step);
      Value* weight = LoadAlong(e_, spec_.operands[operand], e_.Buffer(operand), e_.Const(0), dim_,
                                begin, lanes);
      x = b.CreateFMul(b.CreateFMul(x, inverse), weight);
    }
  }
  return x;
}

// In the order of codegen/cpu/ops/emit_reduce.cc.
Value* HeadEpilogue::Inverse(const Row& row) {
  auto& b = e_.b();
  const bool vectors = elements_ >= kLanes;
  Value* squares = e_.ConstF32(0, vectors ? kLanes : 1);
  for (const Piece& piece : PiecesOf(elements_)) {
    if (LanesOf(squares) != piece.lanes) squares = e_.SumLanes(squares);
    Value* x = Element(row, piece, EpilogueStep::kNorm);
    squares = b.CreateFAdd(squares, b.CreateFMul(x, x));
  }
  if (LanesOf(squares) > 1) squares = e_.SumLanes(squares);
  return InverseRootMeanSquare(e_, squares, elements_, *spec_.attrs.eps);
}

Value* HeadEpilogue::Table(int operand, const Indices& indices, const Piece& piece) {
  const TensorSpec& table = spec_.operands[operand];
  // The axis of pairs is the one that neither the rows nor the heads have.
  std::string pairs;
  for (const ir::StridedAxis& strided : table.axes) {
    if (indices.count(strided.axis.name) == 0) pairs = strided.axis.name;
  }
  return LoadAlong(e_, table, e_.Buffer(operand), e_.Offset(table.axes, indices), pairs,
                   piece.begin, piece.lanes);
}

void HeadEpilogue::EmitRow(Row row) {
  const Target target = TargetOf(row.indices);
  if (Has(EpilogueStep::kNorm)) row.inverse = Inverse(row);
  const int cos = OperandOf(EpilogueStep::kRope);
  EachGroup([&](const std::vector<Piece>& group) {
    std::vector<Value*> values;
    for (const Piece& piece : group) {
      values.push_back(Element(row, piece, EpilogueStep::kRope));
    }
    if (group.size() == 2) {
      const Rotated turned = Rotate(e_, {values[0], values[1]}, Table(cos, row.indices, group[0]),
                                    Table(cos + 1, row.indices, group[0]));
      values = {turned.lo, turned.hi};
    }
    for (size_t i = 0; i < group.size(); ++i) Store(target, group[i].begin, values[i]);
  });
}

void HeadEpilogue::Store(const Target& target, Value* i, Value* value) {
  auto& b = e_.b();
  const TensorSpec& tensor = target.tensor;
  const ir::Layout& layout = tensor.layout;
  const int lanes = LanesOf(value);
  const auto address = [&](Value* elements) {
    return e_.Address(target.buffer, Integer(e_, target.first) + elements, tensor.dtype);
  };
  if (IsContiguous(tensor, dim_)) {
    e_.Store(address(i), tensor.dtype, value);
    return;
  }
  // Elements that lie together in a panel are a dword: a whole one each.
  const int64_t together = ir::DwordElements(tensor.dtype);
  if (lanes > 1 && Pairs() % together == 0 && layout.is_panel() && layout.axis == dim_ &&
      layout.depth == together) {
    Value* dwords = Dwords(e_, tensor.dtype, value);
    for (int64_t j = 0; j < lanes / together; ++j) {
      b.CreateAlignedStore(b.CreateExtractElement(dwords, static_cast<uint64_t>(j)),
                           address(Integer(e_, i) * layout.rows + j * layout.rows * together),
                           Emitter::AlignOf(tensor.dtype));
    }
    return;
  }
  Indices indices = target.indices;
  for (int lane = 0; lane < lanes; ++lane) {
    indices[dim_] = Integer(e_, i) + lane;
    Value* element =
        lanes == 1 ? value : b.CreateExtractElement(value, static_cast<uint64_t>(lane));
    e_.Store(e_.Address(target.buffer, ElementOffset(e_, tensor, indices), tensor.dtype),
             tensor.dtype, element);
  }
}

}  // namespace lluda::codegen
