#include "ir/interpreter/interpreter_ops.h"

#include <iterator>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace lluda::ir {
namespace {

struct KernelRow {
  Opcode opcode;
  Kernel kernel;
};
// In the order of the enum.
constexpr KernelRow kKernels[] = {
    {Opcode::kAdd, RunAdd},
    {Opcode::kAppend, RunAppend},
    {Opcode::kAttention, RunAttention},
    {Opcode::kCall, nullptr},
    {Opcode::kCast, RunCast},
    {Opcode::kCausalMask, RunCausalMask},
    {Opcode::kCombine, RunCombine},
    {Opcode::kConcat, RunConcat},
    {Opcode::kCos, RunCos},
    {Opcode::kDequantize, RunDequantize},
    {Opcode::kDiv, RunDiv},
    {Opcode::kErf, RunErf},
    {Opcode::kExp, RunExp},
    {Opcode::kExpertMatmul, RunExpertMatmul},
    {Opcode::kFor, nullptr},
    {Opcode::kGather, RunGather},
    {Opcode::kGelu, RunGelu},
    {Opcode::kGeluErf, RunGeluErf},
    {Opcode::kIota, RunIota},
    {Opcode::kKeep, RunKeep},
    {Opcode::kL2Norm, RunL2Norm},
    {Opcode::kLayernorm, RunLayernorm},
    {Opcode::kLiteral, RunLiteral},
    {Opcode::kMatmul, RunMatmul},
    {Opcode::kMerge, RunRegroup},
    {Opcode::kMul, RunMul},
    {Opcode::kNthLargest, RunNthLargest},
    {Opcode::kOffset, RunOffset},
    {Opcode::kOrder, RunOrder},
    {Opcode::kPack, RunPack},
    {Opcode::kPad, RunPad},
    {Opcode::kPermute, RunPermute},
    {Opcode::kPick, RunPick},
    {Opcode::kPower, RunPower},
    {Opcode::kQuantize, RunQuantize},
    {Opcode::kQuantizeBlocks, RunQuantizeBlocks},
    {Opcode::kQuantizeScale, RunQuantizeScale},
    {Opcode::kReciprocal, RunReciprocal},
    {Opcode::kReduceMax, RunReduceMax},
    {Opcode::kReduceSum, RunReduceSum},
    {Opcode::kReturn, nullptr},
    {Opcode::kRmsnorm, RunRmsnorm},
    {Opcode::kRmsnormAdd, RunRmsnormAdd},
    {Opcode::kRope, RunRope},
    {Opcode::kScale, RunScale},
    {Opcode::kSilu, RunSilu},
    {Opcode::kSin, RunSin},
    {Opcode::kSlice, RunSlice},
    {Opcode::kSoftmax, RunSoftmax},
    {Opcode::kSplit, RunRegroup},
    {Opcode::kSub, RunSub},
    {Opcode::kTanh, RunTanh},
    {Opcode::kTopK, RunTopK},
    {Opcode::kWindow, RunWindow},
    {Opcode::kYield, nullptr},
};
static_assert(std::size(kKernels) == static_cast<size_t>(Opcode::kCount));

constexpr bool InEnumOrder() {
  for (size_t i = 0; i < std::size(kKernels); ++i) {
    if (static_cast<size_t>(kKernels[i].opcode) != i) return false;
  }
  return true;
}
static_assert(InEnumOrder());

}  // namespace

Kernel KernelOf(Opcode opcode) { return kKernels[static_cast<int>(opcode)].kernel; }

std::vector<std::string> AxesEndingIn(const Type& type, const std::vector<std::string>& without,
                                      const std::vector<std::string>& last) {
  std::vector<std::string> names;
  for (const Axis& axis : type.axes) {
    if (!absl::c_linear_search(without, axis.name)) names.push_back(axis.name);
  }
  names.insert(names.end(), last.begin(), last.end());
  return names;
}

const Tensor& InOrder(const Tensor* x, const std::vector<std::string>& axes, Tensor* storage) {
  if (AxesEndingIn(x->type(), {}, {}) == axes) return *x;
  *storage = x->Permuted(axes);
  return *storage;
}

absl::Status CheckRange(const Op& op, absl::string_view what, const Tensor& indices,
                        int64_t limit) {
  for (const int64_t index : indices.ints()) {
    if (index < 0 || index >= limit) {
      return absl::OutOfRangeError(
          absl::StrCat(op.name(), ": ", what, " ", index, " is not within 0..", limit - 1));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPositions(const Op& op, const Tensor& positions, int64_t cells) {
  const int64_t limit = op.attrs.ring ? std::numeric_limits<int64_t>::max() : cells;
  return CheckRange(op, "position", positions, limit);
}

int64_t CellOf(const Op& op, int64_t position) {
  return op.attrs.ring ? position % *op.attrs.ring : position;
}

}  // namespace lluda::ir
