// What each op computes, as a function from operand values to the result's value. ir/op/ops.md says
// the same in words.
//
// A kernel may rely on what InferType has checked, for `type` is what InferType gave with numbers
// for the symbols. What only a run can get wrong (a token id, a position, a slot out of range) is
// an OutOfRange status.
//
// Example: KernelOf(Opcode::kExp)({op, {&x}, x.type()}) returns exp of each element.
#ifndef LLUDA_IR_INTERPRETER_INTERPRETER_OPS_H_
#define LLUDA_IR_INTERPRETER_INTERPRETER_OPS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"

namespace lluda::ir {

struct KernelArgs {
  const Op& op;
  std::vector<const Tensor*> in;
  Type type;  // the result's: constant extents, row-major
};

using Kernel = absl::StatusOr<Tensor> (*)(const KernelArgs& args);

// Null for the ops that direct the run instead of computing: call, for, return, yield.
Kernel KernelOf(Opcode opcode);

// Elementwise: interpreter_elementwise.cc.
absl::StatusOr<Tensor> RunAdd(const KernelArgs& args);
absl::StatusOr<Tensor> RunCast(const KernelArgs& args);
absl::StatusOr<Tensor> RunCos(const KernelArgs& args);
absl::StatusOr<Tensor> RunDiv(const KernelArgs& args);
absl::StatusOr<Tensor> RunErf(const KernelArgs& args);
absl::StatusOr<Tensor> RunExp(const KernelArgs& args);
absl::StatusOr<Tensor> RunGelu(const KernelArgs& args);
absl::StatusOr<Tensor> RunGeluErf(const KernelArgs& args);
absl::StatusOr<Tensor> RunIota(const KernelArgs& args);
absl::StatusOr<Tensor> RunKeep(const KernelArgs& args);
absl::StatusOr<Tensor> RunLiteral(const KernelArgs& args);
absl::StatusOr<Tensor> RunMul(const KernelArgs& args);
absl::StatusOr<Tensor> RunOffset(const KernelArgs& args);
absl::StatusOr<Tensor> RunPower(const KernelArgs& args);
absl::StatusOr<Tensor> RunReciprocal(const KernelArgs& args);
absl::StatusOr<Tensor> RunScale(const KernelArgs& args);
absl::StatusOr<Tensor> RunSilu(const KernelArgs& args);
absl::StatusOr<Tensor> RunSin(const KernelArgs& args);
absl::StatusOr<Tensor> RunSub(const KernelArgs& args);
absl::StatusOr<Tensor> RunTanh(const KernelArgs& args);

// Moving elements: interpreter_move.cc.
absl::StatusOr<Tensor> RunAppend(const KernelArgs& args);
absl::StatusOr<Tensor> RunConcat(const KernelArgs& args);
absl::StatusOr<Tensor> RunGather(const KernelArgs& args);
absl::StatusOr<Tensor> RunPack(const KernelArgs& args);
absl::StatusOr<Tensor> RunPad(const KernelArgs& args);
absl::StatusOr<Tensor> RunPermute(const KernelArgs& args);
absl::StatusOr<Tensor> RunRegroup(const KernelArgs& args);  // split and merge
absl::StatusOr<Tensor> RunSlice(const KernelArgs& args);
absl::StatusOr<Tensor> RunWindow(const KernelArgs& args);

// Sums and products along an axis: interpreter_contract.cc.
absl::StatusOr<Tensor> RunL2Norm(const KernelArgs& args);
absl::StatusOr<Tensor> RunLayernorm(const KernelArgs& args);
absl::StatusOr<Tensor> RunMatmul(const KernelArgs& args);
absl::StatusOr<Tensor> RunNthLargest(const KernelArgs& args);
absl::StatusOr<Tensor> RunReduceMax(const KernelArgs& args);
absl::StatusOr<Tensor> RunReduceSum(const KernelArgs& args);
absl::StatusOr<Tensor> RunRmsnorm(const KernelArgs& args);
absl::StatusOr<Tensor> RunRmsnormAdd(const KernelArgs& args);
absl::StatusOr<Tensor> RunSoftmax(const KernelArgs& args);

// Mixtures of experts: interpreter_experts.cc.
absl::StatusOr<Tensor> RunCombine(const KernelArgs& args);
absl::StatusOr<Tensor> RunExpertMatmul(const KernelArgs& args);
absl::StatusOr<Tensor> RunOrder(const KernelArgs& args);
absl::StatusOr<Tensor> RunPick(const KernelArgs& args);
absl::StatusOr<Tensor> RunTopK(const KernelArgs& args);

// A matmul's steps after its f32 sums, which have the axes of a's rows, then b's columns, and
// rounding: interpreter_epilogue.cc.
absl::StatusOr<Tensor> RunEpilogue(const KernelArgs& args, Tensor sums);

// Integers with a scale: interpreter_quantize.cc.
absl::StatusOr<Tensor> RunQuantize(const KernelArgs& args);
absl::StatusOr<Tensor> RunQuantizeBlocks(const KernelArgs& args);
absl::StatusOr<Tensor> RunDequantize(const KernelArgs& args);
absl::StatusOr<Tensor> RunQuantizeScale(const KernelArgs& args);

// Positions: interpreter_attention.cc.
absl::StatusOr<Tensor> RunAttention(const KernelArgs& args);
absl::StatusOr<Tensor> RunCausalMask(const KernelArgs& args);
absl::StatusOr<Tensor> RunRope(const KernelArgs& args);

// Helpers that several of these files need.

// silu(x) = x / (1 + e^-x), rounded once to f32.
float Silu(float x);
// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), each op that it stands for rounded to f32.
float Gelu(float x);
// x / 2 * (1 + erf(x / sqrt(2))), likewise.
float GeluErf(float x);
// The score of a query and a key as the softmax gets it, from their product: each op rounded to f32.
float ScoreOf(float product, const Attrs& attention);
// Sum of a[i] * b[i] in double: a product of two floats is exact there.
double Dot(const float* a, const float* b, int64_t length);
int64_t Dot(const int64_t* a, const int64_t* b, int64_t length);
// Softmax of `length` scores in place: each of max, sub, exp, sum, div rounded to f32.
void SoftmaxRow(float* scores, int64_t length);
// The names of the type's axes without those of `without`, then the names of `last`.
std::vector<std::string> AxesEndingIn(const Type& type, const std::vector<std::string>& without,
                                      const std::vector<std::string>& last);
// `x` if its axes already come in this order, else `*storage` with the permuted elements.
const Tensor& InOrder(const Tensor* x, const std::vector<std::string>& axes, Tensor* storage);
// The values that i8 elements stand for: each times its scale, rounded to f32. The scales are
// broadcast along the axes that they lack.
Tensor Dequantized(const Tensor& integers, const Tensor& scales);
// OutOfRange unless all elements lie in 0..limit-1: "gather: index 4096 is not within 0..4095".
absl::Status CheckRange(const Op& op, absl::string_view what, const Tensor& indices, int64_t limit);
// The same of the positions of a state with so many cells. A ring's have no end.
absl::Status CheckPositions(const Op& op, const Tensor& positions, int64_t cells);
// The cell of a position that is within that range.
int64_t CellOf(const Op& op, int64_t position);

}  // namespace lluda::ir

#endif  // LLUDA_IR_INTERPRETER_INTERPRETER_OPS_H_
