// The end of a matmul that finishes heads (ir/ops.md): from the f32 sums of a head's rows, which
// lie in scratch memory, to elements of the result or of the state that is appended to. Everything
// is computed as the kernels of rmsnorm, rope and cast do, so the bits are theirs.
//
//   HeadEpilogue heads(spec, e);
//   heads.EmitRows(sums, e.Const(12), "tok", {{"kv", head}, {"tok", first_row}});
#ifndef LLUDA_CODEGEN_HEAD_EPILOGUE_H_
#define LLUDA_CODEGEN_HEAD_EPILOGUE_H_

#include <string>
#include <vector>

#include "codegen/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Whether the op is a matmul whose epilogue works on heads.
bool FinishesHeads(const KernelSpec& spec);
// Elements of a head.
int64_t HeadElements(const KernelSpec& spec);
// The axes behind `->` whose elements are heads: all but the last.
std::vector<ir::Axis> HeadAxes(const KernelSpec& spec);

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
  Target TargetOf(Indices indices);
  void EmitRow(Value* sums, const std::vector<Value*>& weights, const Indices& indices);
  Value* Sums(Value* sums, int64_t i, int lanes);
  Value* Inverse(Value* sums);
  Value* Table(int operand, const Indices& indices, int64_t i, int lanes);
  // Rounds elements [i, i + lanes) of a head and stores them.
  void Store(const Target& target, int64_t i, Value* value);

  const KernelSpec& spec_;
  Emitter& e_;
  const ir::EpilogueInfo& epilogue_;
  const std::string& dim_;
  const int64_t elements_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_HEAD_EPILOGUE_H_
