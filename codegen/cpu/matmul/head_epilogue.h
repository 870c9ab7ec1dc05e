// The end of a matmul whose epilogue has steps on heads (ir/op/ops.md): from the f32 sums of a head's
// rows, which lie in scratch memory, to elements of the result or of the state that is appended to.
// The steps are computed as the kernels of add, rmsnorm, rope and cast do, so the bits are theirs.
//
//   HeadEpilogue heads(spec, e);
//   heads.EmitRows(sums, e.Const(12), "tok", {{"kv", head}, {"tok", first_row}});
#ifndef LLUDA_CODEGEN_CPU_MATMUL_HEAD_EPILOGUE_H_
#define LLUDA_CODEGEN_CPU_MATMUL_HEAD_EPILOGUE_H_

#include <functional>
#include <string>
#include <vector>

#include "codegen/emit/integer.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Whether the op is a matmul whose epilogue works on heads.
bool FinishesHeads(const KernelSpec& spec);
// Whether HeadEpilogue knows how the step on heads is computed.
bool EmitsHeadStep(ir::EpilogueStep step);
// Elements of a head.
int64_t HeadElements(const KernelSpec& spec);
// The axes behind `->` whose elements are heads: all but the last.
std::vector<ir::Axis> HeadAxes(const KernelSpec& spec);
// Which of all heads has these indices of the heads' axes.
Integer HeadNumber(Emitter& e, const std::vector<ir::Axis>& heads, const Indices& indices);

class HeadEpilogue {
 public:
  HeadEpilogue(const KernelSpec& spec, Emitter& e);

  // Finishes `count` neighbouring rows of a head: row i's sums are f32 elements [i * HeadElements,
  // (i + 1) * HeadElements) behind `sums`. `indices` are those of the head and of the first row;
  // `row_axis` is what the rows are called, "" if there is just one.
  void EmitRows(Value* sums, Value* count, const std::string& row_axis, const Indices& indices);

 private:
  // Where a row's elements go: those of an axis `dim` from an offset on.
  struct Target {
    const TensorSpec& tensor;
    Value* buffer;
    Indices indices;
    Value* first;
  };
  // Neighbouring elements of a head that are computed together.
  struct Piece {
    Value* begin;
    int lanes;
  };
  // A row while it is finished.
  struct Row {
    Value* sums;
    const Indices& indices;
    Value* inverse = nullptr;  // of its root mean square, for the norm
  };
  std::vector<Piece> PiecesOf(int64_t count) const;
  // How many pairs of a head are rotated.
  int64_t Pairs() const;
  // Calls `finish` for the pieces of a head that are finished together: two whose elements are pairs,
  // or one behind those that are rotated. For long heads it is a loop: its code is no longer than that
  // for short ones.
  void EachGroup(const std::function<void(const std::vector<Piece>& group)>& finish);
  Target TargetOf(Indices indices);
  void EmitRow(Row row);
  Value* Element(const Row& row, const Piece& piece, ir::EpilogueStep end);
  Value* Inverse(const Row& row);
  Value* Table(int operand, const Indices& indices, const Piece& piece);
  // Rounds elements [i, i + lanes) of a head and stores them.
  void Store(const Target& target, Value* i, Value* value);

  bool Has(ir::EpilogueStep step) const { return spec_.attrs.epilogue.Has(step); }
  int OperandOf(ir::EpilogueStep step) const { return spec_.attrs.epilogue.OperandOf(step); }

  const KernelSpec& spec_;
  Emitter& e_;
  const std::string& dim_;
  const int64_t elements_;
  Value* first_column_ = nullptr;  // of the head, where columns have a bias
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_HEAD_EPILOGUE_H_
