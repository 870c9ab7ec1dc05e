#include "bundle/program_message.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/step_interface.h"
#include "runtime/bound_dims.h"

namespace lluda::bundle {
namespace {

using runtime::Space;

// Above what any machine holds, far below where sums of two overflow.
constexpr int64_t kMostBytes = int64_t{1} << 46;
constexpr int64_t kMostCount = int64_t{1} << 40;
// Of the numbers that calls bind: what bounds nothing is as much.
constexpr int64_t kMostBound = int64_t{1} << 62;
// Dims of a kernel.
constexpr int64_t kMostDims = 64;

// Collects the first thing that is out of its range.
class Checker {
 public:
  void Range(const char* field, int64_t value, int64_t least, int64_t most) {
    if (!status_.ok() || (value >= least && value <= most)) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("program: ", field, " is ", value, ", must be ", least, " to ", most));
  }
  // An index into something that has `size` elements.
  void Index(const char* field, int64_t value, size_t size) {
    Range(field, value, 0, static_cast<int64_t>(size) - 1);
  }
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

template <typename Factors>
std::vector<runtime::WorkFactor> FactorsOf(const Factors& messages, size_t symbols,
                                           Checker* check) {
  std::vector<runtime::WorkFactor> factors;
  for (const WorkFactor& factor : messages) {
    check->Index("kernel.work_factor.symbol", factor.symbol(), symbols);
    check->Range("kernel.work_factor.divisor", factor.divisor(), 1, kMostCount);
    check->Range("kernel.work_factor.more", factor.more(), 0, kMostCount);
    factors.push_back({static_cast<int>(factor.symbol()), factor.divisor(), factor.more()});
  }
  return factors;
}

void AddFactor(const runtime::WorkFactor& factor, WorkFactor* to) {
  to->set_symbol(static_cast<uint32_t>(factor.symbol));
  to->set_divisor(factor.divisor);
  to->set_more(factor.more);
}

// How many dims the kernel has, in a program of so many symbols.
size_t DimsOf(const runtime::Kernel& kernel, size_t symbols) {
  return kernel.dims > 0 ? static_cast<size_t>(kernel.dims) : symbols;
}

runtime::Kernel KernelOf(const Kernel& message, size_t symbols, Checker* check) {
  runtime::Kernel kernel;
  kernel.name = message.name();
  kernel.dims = message.dims();
  check->Range("kernel.dims", kernel.dims, 0, kMostDims);
  symbols = DimsOf(kernel, symbols);
  kernel.item_cost = message.item_cost();
  kernel.cost_symbol = message.cost_symbol();
  kernel.scratch_bytes = message.scratch_bytes();
  kernel.item_read_bytes = message.item_read_bytes();
  kernel.work.constant = message.work_constant();
  check->Range("kernel.item_cost", kernel.item_cost, 0, kMostCount);
  check->Range("kernel.cost_symbol", kernel.cost_symbol, -1, static_cast<int64_t>(symbols) - 1);
  check->Range("kernel.scratch_bytes", kernel.scratch_bytes, 0, kMostCount);
  check->Range("kernel.item_read_bytes", kernel.item_read_bytes, 0, kMostCount);
  check->Range("kernel.work_constant", kernel.work.constant, 0, kMostCount);
  kernel.work.factors = FactorsOf(message.work_factors(), symbols, check);
  if (!message.has_split()) return kernel;
  const Split& split = message.split();
  kernel.split.below = split.below();
  kernel.split.units.constant = split.units_constant();
  kernel.split.units.factors = FactorsOf(split.units_factors(), symbols, check);
  kernel.split.unit_bytes = split.unit_bytes();
  check->Range("kernel.split.below", kernel.split.below, 1, kMostCount);
  check->Range("kernel.split.units_constant", kernel.split.units.constant, 1, kMostCount);
  check->Range("kernel.split.unit_bytes", kernel.split.unit_bytes, 0, kMostCount);
  return kernel;
}

// A kernel that takes another one's place is taken from by none.
void SetManyRows(const Program& message, runtime::Program* program, Checker* check) {
  for (size_t i = 0; i < program->kernels.size(); ++i) {
    const Kernel& from = message.kernels(static_cast<int>(i));
    if (!from.has_many()) continue;
    const ManyRows& many = from.many();
    runtime::Kernel& kernel = program->kernels[i];
    check->Index("kernel.many.symbol", many.symbol(), DimsOf(kernel, program->symbols.size()));
    check->Index("kernel.many.kernel", many.kernel(), program->kernels.size());
    check->Range("kernel.many.above", many.above(), 0, kMostCount);
    if (!check->status().ok()) return;
    // It is called with the same dims.
    check->Range("kernel.many.kernel.dims", program->kernels[many.kernel()].dims, kernel.dims,
                 kernel.dims);
    kernel.many_symbol = static_cast<int>(many.symbol());
    kernel.many_above = many.above();
    kernel.many = many.kernel();
  }
}

// Refuses a workspace larger than any machine holds, before it is multiplied out; `dims` are the
// largest that the kernel is called with.
void CheckWorkspace(const runtime::Split& split, const int64_t* dims, Checker* check) {
  int64_t bytes = split.unit_bytes;
  const auto times = [&](int64_t factor) {
    check->Range("kernel.split.unit_bytes", bytes, 0, kMostBytes / std::max<int64_t>(1, factor));
    bytes = check->status().ok() ? bytes * factor : 0;
  };
  times(split.units.constant);
  for (const runtime::WorkFactor& factor : split.units.factors) {
    if (!check->status().ok()) return;
    times((dims[factor.symbol] + factor.more + factor.divisor - 1) / factor.divisor);
  }
}

runtime::Binding BindingOf(const Binding& message, size_t symbols, Checker* check) {
  runtime::Binding binding;
  for (const Dim& dim : message.dims()) {
    if (dim.has_symbol()) check->Index("binding.dim.symbol", dim.symbol(), symbols);
    check->Range("binding.dim.value", dim.value(), 0, kMostBound);
    binding.push_back({dim.has_symbol() ? static_cast<int>(dim.symbol()) : -1, dim.value()});
  }
  return binding;
}

// A call binds as many dims as its kernel has. `most`: the largest dims of all calls.
void SetBinding(const Call& message, const runtime::Program& program,
                const runtime::BoundDims& most, runtime::Call* call, Checker* check) {
  if (!check->status().ok()) return;
  const runtime::Kernel& kernel = program.kernels[message.kernel()];
  if (message.has_binding()) {
    check->Index("call.binding", message.binding(), program.bindings.size());
    if (!check->status().ok()) return;
    call->binding = static_cast<int>(message.binding());
  }
  const auto bound =
      static_cast<int64_t>(call->binding < 0 ? 0 : program.bindings[message.binding()].size());
  check->Range("call.binding.dims", bound, kernel.dims, kernel.dims);
  if (!check->status().ok()) return;
  CheckWorkspace(kernel.split, most.Of(*call), check);
  if (kernel.many_symbol < 0) return;
  CheckWorkspace(program.kernels[kernel.many].split, most.Of(*call), check);
}

// Buffers of these spaces have one base each; others are told apart by their index.
int64_t SpaceBytes(Space space, const runtime::Program& program, const runtime::Entry& entry) {
  switch (space) {
    case Space::kFrame:
      return program.frame_bytes;
    case Space::kLoaded:
      return program.loaded_bytes;
    case Space::kOutput:
      return entry.result.Bytes(program.MaxDims());
    default:
      return kMostBytes;
  }
}

runtime::CallSite SiteOf(const CallSite& site, Checker* check) {
  check->Range("call.site.index", site.index(), -1, kMostCount);
  return {site.function(), site.index(), site.statement()};
}

void SetSite(const runtime::CallSite& site, CallSite* to) {
  to->set_function(site.function);
  to->set_index(site.index);
  to->set_statement(site.statement);
}

runtime::Call CallOf(const Call& message, const runtime::Program& program,
                     const runtime::BoundDims& most, const runtime::Entry& entry, Checker* check) {
  runtime::Call call;
  call.kernel = message.kernel();
  call.site = SiteOf(message.site(), check);
  call.joins_previous = message.joins_previous();
  check->Index("call.kernel", message.kernel(), program.kernels.size());
  if (message.has_only()) {
    check->Index("call.only.symbol", message.only().symbol(), program.symbols.size());
    check->Range("call.only.above", message.only().above(), 0, kMostCount);
    call.only_symbol = static_cast<int>(message.only().symbol());
    call.only_above = message.only().above();
  }
  SetBinding(message, program, most, &call, check);
  int64_t of_parts = 0;
  for (const CallPart& part : message.parts()) {
    of_parts += part.buffers();
    call.parts.push_back({SiteOf(part.site(), check), part.buffers()});
  }
  if (!call.parts.empty()) {
    check->Range("call.parts.buffers", of_parts, message.buffers_size(), message.buffers_size());
  }
  for (const Buffer& buffer : message.buffers()) {
    check->Range("buffer.space", buffer.space(), 0, static_cast<int64_t>(Space::kOutput));
    const auto space = static_cast<Space>(buffer.space());
    if (space == Space::kWeight) check->Index("buffer.index", buffer.index(), 0);
    if (space == Space::kState) {
      check->Index("buffer.index", buffer.index(), program.states.size());
    }
    if (space == Space::kInput) {
      check->Index("buffer.index", buffer.index(), entry.inputs.size());
    }
    check->Range("buffer.offset", buffer.offset(), 0, SpaceBytes(space, program, entry));
    call.buffers.push_back({space, buffer.index(), buffer.offset()});
  }
  return call;
}

runtime::Tensor TensorOf(const Tensor& message, const std::vector<runtime::SymbolRange>& symbols,
                         Checker* check) {
  runtime::Tensor tensor{message.name(), message.factor(), {}, message.below()};
  check->Range("tensor.factor", tensor.factor, 0, kMostCount);
  check->Range("tensor.below", tensor.below, 0, kMostCount);
  // Where a file says nothing of positions, nothing is known of them.
  tensor.positions = {message.position_runs(),
                      message.position_group() == 0 ? 1 : message.position_group(),
                      message.position_ring()};
  check->Range("tensor.position_runs", tensor.positions.runs, 0, kMostCount);
  check->Range("tensor.position_group", tensor.positions.group, 1, kMostCount);
  check->Range("tensor.position_ring", tensor.positions.ring, 0, kMostCount);
  int64_t bytes = tensor.factor;
  for (const uint32_t symbol : message.symbols()) {
    check->Index("tensor.symbol", symbol, symbols.size());
    if (!check->status().ok()) return tensor;
    const int64_t most = symbols[symbol].max;
    check->Range("tensor.factor", bytes, 0, kMostBytes / most);
    if (!check->status().ok()) return tensor;
    bytes *= most;
    tensor.symbols.push_back(static_cast<int>(symbol));
  }
  return tensor;
}

void AddTensor(const runtime::Tensor& tensor, Tensor* to) {
  to->set_name(tensor.name);
  to->set_factor(tensor.factor);
  to->set_below(tensor.below);
  to->set_position_runs(tensor.positions.runs);
  to->set_position_group(tensor.positions.group);
  to->set_position_ring(tensor.positions.ring);
  for (const int symbol : tensor.symbols) to->add_symbols(static_cast<uint32_t>(symbol));
}

// The program has all but entries.
runtime::Entry EntryOf(const Entry& message, const runtime::Program& program,
                       const runtime::BoundDims& most, Checker* check) {
  runtime::Entry entry;
  entry.name = message.name();
  for (const Tensor& input : message.inputs()) {
    entry.inputs.push_back(TensorOf(input, program.symbols, check));
  }
  entry.result = TensorOf(message.result(), program.symbols, check);
  if (!check->status().ok()) return entry;
  for (const Call& call : message.calls()) {
    entry.calls.push_back(CallOf(call, program, most, entry, check));
  }
  return entry;
}

void AddCall(const runtime::Call& call, Call* to) {
  to->set_kernel(call.kernel);
  SetSite(call.site, to->mutable_site());
  for (const runtime::CallPart& part : call.parts) {
    CallPart* part_to = to->add_parts();
    SetSite(part.site, part_to->mutable_site());
    part_to->set_buffers(part.buffers);
  }
  to->set_joins_previous(call.joins_previous);
  if (call.only_symbol >= 0) {
    to->mutable_only()->set_symbol(static_cast<uint32_t>(call.only_symbol));
    to->mutable_only()->set_above(call.only_above);
  }
  if (call.binding >= 0) to->set_binding(static_cast<uint32_t>(call.binding));
  for (const runtime::BufferRef& buffer : call.buffers) {
    Buffer* buffer_to = to->add_buffers();
    buffer_to->set_space(static_cast<uint32_t>(buffer.space));
    buffer_to->set_index(buffer.index);
    buffer_to->set_offset(buffer.offset);
  }
}

}  // namespace

Kernel ToMessage(const runtime::Kernel& kernel, int64_t entry) {
  Kernel message;
  message.set_name(kernel.name);
  message.set_entry(static_cast<uint64_t>(entry));
  message.set_dims(static_cast<uint32_t>(kernel.dims));
  message.set_work_constant(kernel.work.constant);
  for (const runtime::WorkFactor& factor : kernel.work.factors) {
    AddFactor(factor, message.add_work_factors());
  }
  message.set_item_cost(kernel.item_cost);
  message.set_cost_symbol(kernel.cost_symbol);
  message.set_scratch_bytes(kernel.scratch_bytes);
  message.set_item_read_bytes(kernel.item_read_bytes);
  if (kernel.split.below == 0) return message;
  Split* split = message.mutable_split();
  split->set_below(kernel.split.below);
  split->set_units_constant(kernel.split.units.constant);
  for (const runtime::WorkFactor& factor : kernel.split.units.factors) {
    AddFactor(factor, split->add_units_factors());
  }
  split->set_unit_bytes(kernel.split.unit_bytes);
  return message;
}

absl::StatusOr<runtime::Kernel> FromMessage(const Kernel& message, size_t symbols) {
  Checker check;
  runtime::Kernel kernel = KernelOf(message, symbols, &check);
  if (!check.status().ok()) return check.status();
  return kernel;
}

Program ToMessage(const runtime::Program& program, absl::Span<const int64_t> entries) {
  Program message;
  for (const runtime::SymbolRange& symbol : program.symbols) {
    Symbol* to = message.add_symbols();
    to->set_name(symbol.name);
    to->set_min(symbol.min);
    to->set_max(symbol.max);
  }
  for (size_t i = 0; i < program.kernels.size(); ++i) {
    const runtime::Kernel& kernel = program.kernels[i];
    Kernel* to = message.add_kernels();
    *to = ToMessage(kernel, entries[i]);
    if (kernel.many_symbol < 0) continue;
    to->mutable_many()->set_symbol(static_cast<uint32_t>(kernel.many_symbol));
    to->mutable_many()->set_above(kernel.many_above);
    to->mutable_many()->set_kernel(kernel.many);
  }
  for (const runtime::Binding& binding : program.bindings) {
    Binding* to = message.add_bindings();
    for (const runtime::Dim& dim : binding) {
      Dim* dim_to = to->add_dims();
      if (dim.symbol >= 0) dim_to->set_symbol(static_cast<uint32_t>(dim.symbol));
      dim_to->set_value(dim.value);
    }
  }
  for (const runtime::Tensor& state : program.states) AddTensor(state, message.add_states());
  for (const runtime::Entry& entry : program.entries) {
    Entry* to = message.add_entries();
    to->set_name(entry.name);
    for (const runtime::Tensor& input : entry.inputs) AddTensor(input, to->add_inputs());
    AddTensor(entry.result, to->mutable_result());
    for (const runtime::Call& call : entry.calls) AddCall(call, to->add_calls());
  }
  message.set_frame_bytes(program.frame_bytes);
  return message;
}

absl::StatusOr<runtime::Program> FromMessage(const Program& message, const ProgramLimits& limits) {
  Checker check;
  runtime::Program program;
  program.loaded_bytes = limits.loaded_bytes;
  program.frame_bytes = message.frame_bytes();
  check.Range("frame_bytes", program.frame_bytes, 0, kMostBytes);
  for (const Symbol& symbol : message.symbols()) {
    check.Range("symbol.max", symbol.max(), 1, kMostCount);
    check.Range("symbol.min", symbol.min(), 0, symbol.max());
    program.symbols.push_back({symbol.name(), symbol.min(), symbol.max()});
  }
  for (const Tensor& state : message.states()) {
    program.states.push_back(TensorOf(state, program.symbols, &check));
  }
  for (const Binding& binding : message.bindings()) {
    program.bindings.push_back(BindingOf(binding, program.symbols.size(), &check));
  }
  if (!check.status().ok()) return check.status();
  const std::vector<int64_t> largest = program.MaxDims();
  runtime::BoundDims most(program);
  most.Bind(largest.data());
  for (const Kernel& kernel : message.kernels()) {
    check.Range("kernel.entry", static_cast<int64_t>(kernel.entry()),
                static_cast<int64_t>(limits.code_start),
                static_cast<int64_t>(limits.code_bytes) - 1);
    program.kernels.push_back(KernelOf(kernel, program.symbols.size(), &check));
  }
  SetManyRows(message, &program, &check);
  std::set<std::string> names;
  for (const Entry& entry : message.entries()) {
    if (!names.insert(entry.name()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("program: there are two entries ", entry.name()));
    }
    program.entries.push_back(EntryOf(entry, program, most, &check));
  }
  if (!check.status().ok()) return check.status();
  if (names.count(step_interface::kStep) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("program: there is no entry ", step_interface::kStep));
  }
  return program;
}

}  // namespace lluda::bundle
