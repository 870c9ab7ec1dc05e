#include "tools/verify/verify_kernels.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "codegen/cpu/interleaved_values.h"
#include "ir/type/layout.h"
#include "passes/framework/rewrite.h"
#include "runtime/bound_dims.h"
#include "runtime/cpu_device.h"
#include "runtime/machine/memory.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/space_bases.h"
#include "tools/verify/placed_value.h"
#include "tools/verify/verify_slice.h"

namespace lluda::tools {
namespace {

using runtime::Space;

bool HasNan(const ir::Tensor& tensor) {
  if (!tensor.is_float()) return false;
  const std::vector<float>& floats = tensor.floats();
  return std::any_of(floats.begin(), floats.end(), [](float x) { return std::isnan(x); });
}

class KernelVerifier {
 public:
  // `target`: of a CPU; null if another device runs the kernels.
  KernelVerifier(const ir::Module& module, const runtime::Program& program, runtime::Device* device,
                 const codegen::Target* target, const VerifyRun& run)
      : module_(module),
        program_(program),
        entry_(program.entry(run.entry)),
        device_(device),
        target_(target),
        run_(run) {}

  absl::StatusOr<std::optional<Finding>> Run(const KernelMemory& memory) {
    std::optional<ValueKey> first_nan;
    const absl::StatusOr<std::vector<ir::Tensor>> logits = Interpret(
        module_, run_, [&](const ValueKey& key, const ir::Op& op, const ir::Tensor& result) {
          if (!first_nan && HasNan(result)) first_nan = key;
          expected_.emplace(key, std::make_pair(&op, result));
          return absl::OkStatus();
        });
    if (!logits.ok()) return logits.status();
    absl::Status status = Allocate(memory);
    if (!status.ok()) return status;
    const std::vector<int64_t> dims = program_.MaxDims();
    if (status = RunList(program_.load, dims, -1); !status.ok()) return status;
    for (size_t step = 0; step < TimesOf(run_) && !finding_; ++step) {
      if (status = SetInputs(step); !status.ok()) return status;
      if (status = RunList(entry_.calls, DimsOf(step), static_cast<int>(step)); !status.ok()) {
        return status;
      }
    }
    if (!finding_ && std::any_of(logits->begin(), logits->end(), HasNan)) {
      return absl::InternalError(
          absl::StrCat("@", run_.entry, " gives NaN, against which nothing can be held: first at ",
                       PlaceText(*first_nan)));
    }
    return finding_;
  }

 private:
  std::vector<int64_t> DimsOf(size_t step) const {
    std::map<std::string, int64_t> values = StateSymbols(module_, run_);
    const std::vector<ir::Tensor> arguments = ArgumentsOf(module_, run_, step);
    const auto& params = module_.FindFunc(run_.entry)->params();
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::vector<ir::Axis>& axes = params[i]->type.axes;
      for (size_t axis = 0; axis < axes.size(); ++axis) {
        if (axes[axis].extent.is_constant()) continue;
        values[axes[axis].extent.symbol] = arguments[i].type().axes[axis].extent.value;
      }
    }
    std::vector<int64_t> dims;
    for (const runtime::SymbolRange& symbol : program_.symbols) {
      const auto it = values.find(symbol.name);
      dims.push_back(it != values.end() ? it->second : symbol.min);
    }
    return dims;
  }

  absl::StatusOr<runtime::Memory> Zeros(int64_t bytes) const {
    return device_->Allocate(std::max<int64_t>(bytes, 64), runtime::Pages::kSmall, "verifying");
  }

  // Where the device reads these bytes of the host: there, or in a copy that `copies` keeps.
  absl::StatusOr<const void*> OnDevice(const void* data, int64_t bytes,
                                       std::vector<runtime::Memory>* copies) const {
    if (device_->UsesHostMemory()) return data;
    ASSIGN_OR_RETURN(runtime::Memory copy, Zeros(bytes));
    RETURN_IF_ERROR(device_->CopyIn(copy.data(), data, bytes));
    copies->push_back(std::move(copy));
    return copies->back().data();
  }

  absl::Status Allocate(const KernelMemory& memory) {
    RETURN_IF_ERROR(device_->Prepare(program_));
    for (const runtime::Weight& weight : program_.weights) {
      ASSIGN_OR_RETURN(const void* data, memory.weights->Data(weight.tensor, weight.bytes));
      ASSIGN_OR_RETURN(data, OnDevice(data, weight.bytes, &weight_copies_));
      weights_.push_back(data);
    }
    const std::pair<runtime::Memory*, int64_t> memories[] = {
        {&frame_, program_.frame_bytes},
        {&loading_, memory.loaded == nullptr ? program_.loaded_bytes : 0},
        {&output_, entry_.result.Bytes(program_.MaxDims())}};
    for (const auto& [place, bytes] : memories) {
      ASSIGN_OR_RETURN(runtime::Memory allocated, Zeros(bytes));
      *place = std::move(allocated);
    }
    loaded_ = loading_.data();
    if (memory.loaded != nullptr) {
      ASSIGN_OR_RETURN(const void* loaded,
                       OnDevice(memory.loaded, program_.loaded_bytes, &weight_copies_));
      // Kernels only read what was loaded before.
      loaded_ = static_cast<char*>(const_cast<void*>(loaded));
    }
    const std::vector<int64_t> dims = DimsOf(0);
    for (const runtime::Tensor& state : program_.states) {
      ASSIGN_OR_RETURN(runtime::Memory allocated, Zeros(state.Bytes(dims)));
      state_addresses_.push_back(allocated.data());
      states_.push_back(std::move(allocated));
    }
    return absl::OkStatus();
  }

  absl::Status SetInputs(size_t step) {
    inputs_.clear();
    input_copies_.clear();
    input_addresses_.clear();
    for (const ir::Tensor& argument : ArgumentsOf(module_, run_, step)) {
      // Integers and floats of four bytes each.
      std::vector<int32_t>& input = inputs_.emplace_back(static_cast<size_t>(argument.size()));
      for (int64_t i = 0; i < argument.size(); ++i) argument.WriteElement(i, &input[i]);
    }
    for (const std::vector<int32_t>& input : inputs_) {
      const auto bytes = static_cast<int64_t>(input.size() * sizeof(int32_t));
      ASSIGN_OR_RETURN(const void* address, OnDevice(input.data(), bytes, &input_copies_));
      input_addresses_.push_back(address);
    }
    return absl::OkStatus();
  }

  runtime::SpaceBases<const void*> Bases() const {
    return {frame_.data(), loaded_, output_.data(), weights_, state_addresses_, input_addresses_};
  }

  char* Address(const runtime::BufferRef& buffer) const {
    return static_cast<char*>(const_cast<void*>(Bases().Of(buffer))) + buffer.offset;
  }

  absl::Status RunList(const std::vector<runtime::Call>& calls, const std::vector<int64_t>& dims,
                       int step) {
    runtime::BoundDims bound(program_);
    bound.Bind(dims.data());
    for (size_t i = 0; i < calls.size() && !finding_; ++i) {
      if (IsCut(calls[i], step)) {
        RETURN_IF_ERROR(StandIn(calls[i], step));
        continue;
      }
      if (calls[i].only_symbol >= 0 && program_.ItemsOf(calls[i], bound) == 0) continue;
      RETURN_IF_ERROR(RunCall(calls[i], static_cast<uint32_t>(i), bound));
      // The parts of a pack are compared when the last one is done.
      if (i + 1 < calls.size() && calls[i + 1].site == calls[i].site) continue;
      RETURN_IF_ERROR(Compare(calls, i, step));
    }
    return absl::OkStatus();
  }

  absl::Status RunCall(const runtime::Call& call, uint32_t index, const runtime::BoundDims& dims) {
    std::vector<void*> buffers;
    for (const runtime::BufferRef& buffer : call.buffers) buffers.push_back(Address(buffer));
    const runtime::BoundCall bound{index, program_.KernelOf(call, dims), buffers.data(),
                                   0,     program_.ItemsOf(call, dims),  dims.Of(call)};
    device_->RunRegion({{&bound, 1}, nullptr});
    const absl::Status ran = device_->Wait();
    if (ran.ok()) return ran;
    return absl::Status(ran.code(), absl::StrCat("kernel ", program_.kernels[bound.kernel].name,
                                                 ", ", ToString(call.site), ": ", ran.message()));
  }

  // What the interpreter computed of the statement, for this layer; null where it did not run it.
  const std::pair<const ir::Op*, ir::Tensor>* ExpectedOf(const runtime::CallSite& site, int step,
                                                         int64_t layer) const {
    const auto it = expected_.find({step, site.function, layer, site.statement, 0});
    return it == expected_.end() ? nullptr : &it->second;
  }

  // Whether the call is of a layer that the module was cut down by.
  bool IsCut(const runtime::Call& call, int step) const {
    const ir::Func* func = module_.FindFunc(call.site.function);
    return func != nullptr && func->index &&
           ExpectedOf(call.site, step, call.site.index) == nullptr;
  }

  // What the last layer of the kind computed is left where those behind it would leave theirs; but what
  // they return is what the layer before them did, of whatever kind.
  absl::Status StandIn(const runtime::Call& call, int step) {
    for (const Result& result : ResultsOf(call)) {
      const runtime::CallSite& site = result.site;
      const std::pair<const ir::Op*, ir::Tensor>* last = nullptr;
      for (int64_t layer = site.index; layer >= 0 && last == nullptr; --layer) {
        last = ExpectedOf(site, step, layer);
      }
      if (last == nullptr) return Unknown(site);
      const auto& [op, value] = *last;
      if (result.buffer.space != Space::kFrame || IsInNoMemory(call, *op)) continue;
      const ir::Tensor& left =
          IsReturnedOfLayer(*op) && returned_ ? expected_.at(*returned_).second : value;
      RETURN_IF_ERROR(Replace(left, PlacementOf(*op), Address(result.buffer)));
    }
    return absl::OkStatus();
  }

  // Whether it is what a function of layers returns.
  static bool IsReturnedOfLayer(const ir::Op& op) {
    const ir::Func* func = op.parent()->func();
    return func != nullptr && func->index && op.result() != nullptr &&
           func->body.terminator()->operand(0).value == op.result();
  }

  // What a call computes, statement by statement, and where it leaves it.
  struct Result {
    runtime::CallSite site;
    runtime::BufferRef buffer;
  };
  static std::vector<Result> ResultsOf(const runtime::Call& call) {
    std::vector<Result> results;
    size_t end = 0;
    for (const runtime::CallPart& part : runtime::PartsOf(call)) {
      end += part.buffers;
      results.push_back({part.site, call.buffers[end - 1]});
    }
    return results;
  }

  // The norm that a call computes for its other statements.
  static bool IsInNoMemory(const runtime::Call& call, const ir::Op& op) {
    return !call.parts.empty() && op.opcode() == ir::Opcode::kRmsnorm;
  }

  // The value that lies at `from`, of this type.
  absl::StatusOr<ir::Tensor> Read(const ir::Type& type, const Placement& placement,
                                  const char* from) const {
    std::vector<char> bytes(static_cast<size_t>(BytesOf(type, placement)));
    RETURN_IF_ERROR(device_->CopyOut(bytes.data(), from, static_cast<int64_t>(bytes.size())));
    return ReadPlaced(type, placement, bytes.data());
  }

  // Padding stays as it is.
  absl::Status Replace(const ir::Tensor& value, const Placement& placement, char* to) const {
    std::vector<char> bytes(static_cast<size_t>(BytesOf(value.type(), placement)));
    const auto size = static_cast<int64_t>(bytes.size());
    RETURN_IF_ERROR(device_->CopyOut(bytes.data(), to, size));
    WritePlaced(value, placement, bytes.data());
    return device_->CopyIn(to, bytes.data(), size);
  }

  static int64_t BytesOf(ir::Type type, const Placement& placement) {
    type.layout = placement.layout;
    return ir::ByteSize(type, nullptr);
  }

  static absl::Status Unknown(const runtime::CallSite& site) {
    return absl::InternalError(absl::StrCat("the interpreter does not know ", ToString(site)));
  }

  Placement PlacementOf(const ir::Op& op) const {
    const ir::Layout& layout = op.result_type().layout;
    if (op.opcode() == ir::Opcode::kPack || target_ == nullptr) return {layout};
    const codegen::TensorSpec result = codegen::InterleavedSpecOf(op, *target_).result;
    return {layout, result.interleaved_rows, result.interleaved_dwords};
  }

  absl::Status Compare(const std::vector<runtime::Call>& calls, size_t last, int step) {
    size_t first = last;
    while (first > 0 && calls[first - 1].site == calls[last].site) --first;
    for (const Result& result : ResultsOf(calls[last])) {
      const runtime::BufferRef& buffer = first < last ? calls[first].buffers.back() : result.buffer;
      RETURN_IF_ERROR(CompareResult(calls[last], {result.site, buffer}, step));
      if (finding_) break;
    }
    return absl::OkStatus();
  }

  absl::Status CompareResult(const runtime::Call& call, const Result& result, int step) {
    const auto& [site, buffer] = result;
    const int64_t before = times_[{step, ToString(site)}]++;
    const ValueKey key{step, site.function, std::max<int64_t>(site.index, 0), site.statement,
                       before};
    const auto it = expected_.find(key);
    if (it == expected_.end()) return Unknown(site);
    const auto& [op, expected] = it->second;
    if (IsInNoMemory(call, *op)) return absl::OkStatus();
    const Placement placement = PlacementOf(*op);
    char* base = Address(buffer);
    ASSIGN_OR_RETURN(const ir::Tensor computed, Read(expected.type(), placement, base));
    const double error = ErrorOf(computed, expected);
    const ir::DType dtype = op->result_type().dtype;
    const bool is_rounded = ir::IsFloat(dtype) && dtype != ir::DType::kF32;
    const double bound = is_rounded ? kRoundedKernelBound : kKernelBound;
    if (!(error <= bound)) return Blame(call, key, *op, error, bound);
    if (IsReturnedOfLayer(*op)) returned_ = key;
    if (buffer.space == Space::kFrame || buffer.space == Space::kOutput) {
      return Replace(expected, placement, base);
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
    ASSIGN_OR_RETURN(finding.repro, SliceText(module_, op, KernelInputs(op)));
    finding_ = std::move(finding);
    return absl::OkStatus();
  }

  const ir::Module& module_;
  const runtime::Program& program_;
  const runtime::Entry& entry_;
  runtime::Device* device_;
  const codegen::Target* target_;
  const VerifyRun& run_;
  std::map<ValueKey, std::pair<const ir::Op*, ir::Tensor>> expected_;
  std::map<std::pair<int, std::string>, int64_t> times_;  // that a call was run, by step and site
  std::optional<ValueKey> returned_;  // by the last layer's function that was run
  std::vector<const void*> weights_, state_addresses_, input_addresses_;
  runtime::Memory frame_, loading_, output_;
  char* loaded_ = nullptr;
  std::vector<runtime::Memory> states_, weight_copies_, input_copies_;
  std::vector<std::vector<int32_t>> inputs_;
  std::optional<Finding> finding_;
};

}  // namespace

absl::StatusOr<std::optional<Finding>> VerifyKernels(const ir::Module& module,
                                                     const runtime::Program& program,
                                                     const codegen::Target& target,
                                                     const KernelMemory& memory,
                                                     const VerifyRun& run) {
  runtime::ThreadPool one(1);
  runtime::CpuDevice device(&one);
  return KernelVerifier(module, program, &device, &target, run).Run(memory);
}

absl::StatusOr<std::optional<Finding>> VerifyKernels(const ir::Module& module,
                                                     const runtime::Program& program,
                                                     runtime::Device* device,
                                                     const KernelMemory& memory,
                                                     const VerifyRun& run) {
  return KernelVerifier(module, program, device, nullptr, run).Run(memory);
}

}  // namespace lluda::tools
