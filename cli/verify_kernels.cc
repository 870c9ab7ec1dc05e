#include "cli/verify_kernels.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/call_name.h"
#include "cli/verify_slice.h"
#include "codegen/blocks.h"
#include "passes/rewrite.h"
#include "runtime/memory.h"

namespace lluda::cli {
namespace {

using runtime::Space;

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// How a call's result lies in its buffer.
struct Placement {
  ir::Layout layout;
  int block_rows = 0;  // as codegen/blocked.h says; 0: no blocks
  int64_t element_bytes = 0;
};

// Where element `index` of a value in row blocks lies, `offset` being where it would row-major.
int64_t InBlocks(const std::vector<ir::Axis>& axes, const Placement& placement, int64_t row,
                 int64_t offset) {
  const int64_t rows = placement.block_rows;
  if (row >= axes[0].extent.value / rows * rows) return offset;
  int64_t row_elements = 1;
  for (size_t i = 1; i < axes.size(); ++i) row_elements *= axes[i].extent.value;
  const int64_t unit = 4 / placement.element_bytes;
  const int64_t k = offset % row_elements;
  return row / rows * rows * row_elements + k / unit * rows * unit + row % rows * unit + k % unit;
}

// Where element `index` of a value with these constant extents lies, in elements (ir/type.h says
// how panels are laid out; the rows are those of the last axis that is not the panel's own).
int64_t OffsetOf(const std::vector<ir::Axis>& axes, const Placement& placement,
                 const std::vector<int64_t>& index) {
  const ir::Layout& layout = placement.layout;
  int64_t offset = 0;
  if (!layout.is_panel()) {
    for (size_t i = 0; i < axes.size(); ++i) offset = offset * axes[i].extent.value + index[i];
    return placement.block_rows == 0 ? offset : InBlocks(axes, placement, index[0], offset);
  }
  size_t deep = 0;
  while (axes[deep].name != layout.axis) ++deep;
  const size_t row = deep + 1 == axes.size() ? deep - 1 : axes.size() - 1;
  const int64_t depth = RoundUp(axes[deep].extent.value, layout.depth);
  for (size_t i = 0; i < axes.size(); ++i) {
    if (i != deep && i != row) offset = offset * axes[i].extent.value + index[i];
  }
  offset = offset * RoundUp(axes[row].extent.value, layout.rows) * depth;
  offset += index[row] / layout.rows * layout.rows * depth;
  offset += index[deep] / layout.depth * layout.rows * layout.depth;
  return offset + index[row] % layout.rows * layout.depth + index[deep] % layout.depth;
}

void LoadElement(const char* from, ir::DType dtype, int64_t i, ir::Tensor* to) {
  const char* at = from;
  switch (dtype) {
    case ir::DType::kF32:
      std::memcpy(&to->mutable_floats()[i], at, sizeof(float));
      return;
    case ir::DType::kBF16:
    case ir::DType::kF16: {
      uint16_t bits = 0;
      std::memcpy(&bits, at, sizeof bits);
      to->mutable_floats()[i] =
          dtype == ir::DType::kBF16 ? ir::BF16ToFloat(bits) : ir::F16ToFloat(bits);
      return;
    }
    case ir::DType::kI32: {
      int32_t value = 0;
      std::memcpy(&value, at, sizeof value);
      to->mutable_ints()[i] = value;
      return;
    }
    case ir::DType::kI64:
      std::memcpy(&to->mutable_ints()[i], at, sizeof(int64_t));
      return;
    case ir::DType::kI8:
      to->mutable_ints()[i] = static_cast<signed char>(*at);
      return;
  }
}

void StoreElement(const ir::Tensor& from, ir::DType dtype, int64_t i, char* to) {
  if (dtype == ir::DType::kF32) {
    std::memcpy(to, &from.floats()[i], sizeof(float));
  } else if (ir::IsFloat(dtype)) {
    const uint16_t bits = dtype == ir::DType::kBF16 ? ir::FloatToBF16(from.floats()[i])
                                                    : ir::FloatToF16(from.floats()[i]);
    std::memcpy(to, &bits, sizeof bits);
  } else {  // little-endian
    std::memcpy(to, &from.ints()[i], static_cast<size_t>(ir::DTypeSize(dtype)));
  }
}

// Calls visit(i, offset) for every element of a value: its row-major number and where it lies.
template <typename Visit>
void ForEachElement(const ir::Type& type, const Placement& placement, Visit&& visit) {
  std::vector<int64_t> index(type.axes.size(), 0);
  int64_t count = 1;
  for (const ir::Axis& axis : type.axes) count *= axis.extent.value;
  for (int64_t i = 0; i < count; ++i) {
    visit(i, OffsetOf(type.axes, placement, index));
    for (size_t axis = index.size(); axis > 0; --axis) {
      if (++index[axis - 1] < type.axes[axis - 1].extent.value) break;
      index[axis - 1] = 0;
    }
  }
}

class KernelVerifier {
 public:
  KernelVerifier(const ir::Module& module, const runtime::Program& program,
                 const codegen::Target& target, const VerifyRun& run)
      : module_(module), program_(program), target_(target), run_(run) {}

  absl::StatusOr<std::optional<Finding>> Run(runtime::WeightSource* weights) {
    absl::Status status = Interpret(
        module_, run_, [&](const ValueKey& key, const ir::Op& op, const ir::Tensor& result) {
          expected_.emplace(key, std::make_pair(&op, result));
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    if (status = Allocate(weights); !status.ok()) return status;
    std::vector<int64_t> dims;
    for (const runtime::SymbolRange& symbol : program_.symbols) dims.push_back(symbol.max);
    if (status = RunList(program_.load, dims, -1); !status.ok()) return status;
    for (size_t step = 0; step < run_.steps.size() && !finding_; ++step) {
      SetInputs(step);
      if (status = RunList(program_.step, DimsOf(step), static_cast<int>(step)); !status.ok()) {
        return status;
      }
    }
    return finding_;
  }

 private:
  std::vector<int64_t> DimsOf(size_t step) const {
    const std::map<std::string, int64_t> states = StateSymbols(module_, run_);
    std::vector<int64_t> dims;
    for (const runtime::SymbolRange& symbol : program_.symbols) {
      const auto it = states.find(symbol.name);
      int64_t value = it != states.end() ? it->second : symbol.min;
      if (symbol.name == "T") value = static_cast<int64_t>(run_.steps[step].size());
      if (symbol.name == "R") value = 1;
      dims.push_back(value);
    }
    return dims;
  }

  absl::StatusOr<runtime::Memory> Zeros(int64_t bytes) const {
    return runtime::Memory::Allocate(std::max<int64_t>(bytes, 64), runtime::Pages::kSmall,
                                     "verifying");
  }

  absl::Status Allocate(runtime::WeightSource* weights) {
    for (const runtime::Weight& weight : program_.weights) {
      absl::StatusOr<const void*> data = weights->Data(weight.tensor, weight.bytes);
      if (!data.ok()) return data.status();
      weights_.push_back(static_cast<char*>(const_cast<void*>(*data)));
    }
    int64_t scratch = 64;
    for (const runtime::Kernel& kernel : program_.kernels) {
      scratch = std::max(scratch, kernel.scratch_bytes);
    }
    const std::pair<runtime::Memory*, int64_t> memories[] = {{&frame_, program_.frame_bytes},
                                                             {&loaded_, program_.loaded_bytes},
                                                             {&scratch_, scratch},
                                                             {&output_, program_.output_bytes}};
    for (const auto& [memory, bytes] : memories) {
      absl::StatusOr<runtime::Memory> allocated = Zeros(bytes);
      if (!allocated.ok()) return allocated.status();
      *memory = *std::move(allocated);
    }
    const std::vector<int64_t> dims = DimsOf(0);
    for (const runtime::State& state : program_.states) {
      int64_t bytes = state.factor;
      for (const int symbol : state.symbols) bytes *= dims[symbol];
      absl::StatusOr<runtime::Memory> allocated = Zeros(bytes);
      if (!allocated.ok()) return allocated.status();
      states_.push_back(*std::move(allocated));
    }
    return absl::OkStatus();
  }

  void SetInputs(size_t step) {
    inputs_.clear();
    for (const ir::Tensor& argument : StepArguments(run_, step)) {
      inputs_.emplace_back(argument.ints().begin(), argument.ints().end());
    }
  }

  char* Address(const runtime::BufferRef& buffer) {
    switch (buffer.space) {
      case Space::kFrame:
        return frame_.data() + buffer.offset;
      case Space::kWeight:
        return weights_[buffer.index] + buffer.offset;
      case Space::kLoaded:
        return loaded_.data() + buffer.offset;
      case Space::kState:
        return states_[buffer.index].data() + buffer.offset;
      case Space::kInput:
        return reinterpret_cast<char*>(inputs_[buffer.index].data()) + buffer.offset;
      case Space::kOutput:
        break;
    }
    return output_.data() + buffer.offset;
  }

  absl::Status RunList(const std::vector<runtime::Call>& calls, const std::vector<int64_t>& dims,
                       int step) {
    for (size_t i = 0; i < calls.size() && !finding_; ++i) {
      const runtime::Kernel& kernel = program_.kernels[calls[i].kernel];
      std::vector<void*> buffers;
      for (const runtime::BufferRef& buffer : calls[i].buffers) buffers.push_back(Address(buffer));
      const runtime::KernelArgs args{buffers.data(), dims.data(), scratch_.data(), 0,
                                     kernel.work.Count(dims.data())};
      kernel.fn(&args);
      // The parts of a pack are compared when the last one is done.
      if (i + 1 < calls.size() && calls[i + 1].name == calls[i].name) continue;
      if (absl::Status s = Compare(calls, i, step); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status Compare(const std::vector<runtime::Call>& calls, size_t last, int step) {
    size_t first = last;
    while (first > 0 && calls[first - 1].name == calls[last].name) --first;
    const CallName name = ParseCallName(calls[last].name);
    const int64_t before = times_[{step, calls[last].name}]++;
    const ValueKey key{step, name.func, std::max<int64_t>(name.index, 0), name.statement, before};
    const auto it = expected_.find(key);
    if (it == expected_.end()) {
      return absl::InternalError(absl::StrCat("the interpreter does not know ", calls[last].name));
    }
    const auto& [op, expected] = it->second;
    const runtime::BufferRef& buffer = calls[first].buffers.back();
    const ir::Type& type = op->result_type();
    char* base = Address(buffer);
    const int64_t size = ir::DTypeSize(type.dtype);
    const bool is_pack = op->opcode() == ir::Opcode::kPack;
    const int block_rows = is_pack ? 0 : codegen::BlockedSpecOf(*op, target_).result.block_rows;
    const Placement placement{type.layout, block_rows, size};
    ir::Tensor got(expected.type());
    ForEachElement(expected.type(), placement, [&](int64_t i, int64_t offset) {
      LoadElement(base + offset * size, type.dtype, i, &got);
    });
    const double error = ErrorOf(got, expected);
    const double bound = size == 2 ? kRoundedKernelBound : kKernelBound;
    if (!(error <= bound)) return Blame(calls[last], key, *op, error, bound);
    if (buffer.space == Space::kFrame || buffer.space == Space::kOutput) {
      ForEachElement(expected.type(), placement, [&, &expected = expected](int64_t i, int64_t o) {
        StoreElement(expected, type.dtype, i, base + o * size);
      });
    }
    return absl::OkStatus();
  }

  absl::Status Blame(const runtime::Call& call, const ValueKey& key, const ir::Op& op, double error,
                     double bound) {
    Finding finding;
    finding.culprit = absl::StrCat("kernel ", program_.kernels[call.kernel].name);
    std::tie(finding.step, finding.func, finding.index, finding.statement, std::ignore) = key;
    finding.nmse = error;
    finding.bound = bound;
    absl::StatusOr<std::string> slice = SliceText(module_, op, KernelInputs(op));
    if (!slice.ok()) return slice.status();
    finding.repro = *std::move(slice);
    finding_ = std::move(finding);
    return absl::OkStatus();
  }

  const ir::Module& module_;
  const runtime::Program& program_;
  const codegen::Target& target_;
  const VerifyRun& run_;
  std::map<ValueKey, std::pair<const ir::Op*, ir::Tensor>> expected_;
  std::map<std::pair<int, std::string>, int64_t> times_;  // that a call was run, by step and name
  std::vector<char*> weights_;
  runtime::Memory frame_, loaded_, scratch_, output_;
  std::vector<runtime::Memory> states_;
  std::vector<std::vector<int32_t>> inputs_;
  std::optional<Finding> finding_;
};

}  // namespace

absl::StatusOr<std::optional<Finding>> VerifyKernels(const ir::Module& module,
                                                     const runtime::Program& program,
                                                     const codegen::Target& target,
                                                     runtime::WeightSource* weights,
                                                     const VerifyRun& run) {
  return KernelVerifier(module, program, target, run).Run(weights);
}

}  // namespace lluda::cli
