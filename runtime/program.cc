#include "runtime/program.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "glog/logging.h"
#include "runtime/bound_dims.h"

namespace lluda::runtime {

bool Entry::HasInputs(absl::Span<const char* const> names) const {
  return absl::c_equal(inputs, names, [](const Tensor& input, absl::string_view name) {
    return input.name == name;
  });
}

uint32_t Program::KernelOf(const Call& call, const BoundDims& dims) const {
  const Kernel& kernel = kernels[call.kernel];
  const bool many =
      kernel.many_symbol >= 0 && dims.Of(call)[kernel.many_symbol] > kernel.many_above;
  return many ? kernel.many : call.kernel;
}

int64_t Program::ItemsOf(const Call& call, const BoundDims& dims) const {
  if (call.only_symbol >= 0 && dims.symbols()[call.only_symbol] <= call.only_above) return 0;
  return kernels[KernelOf(call, dims)].work.Count(dims.Of(call));
}

std::vector<int64_t> Program::MaxDims() const {
  std::vector<int64_t> most;
  for (const SymbolRange& symbol : symbols) most.push_back(symbol.max);
  return most;
}

const Entry* Program::FindEntry(absl::string_view name) const {
  for (const Entry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

const Entry& Program::entry(absl::string_view name) const {
  const Entry* found = FindEntry(name);
  CHECK(found != nullptr) << "the program has no entry " << name;
  return *found;
}

std::vector<CallPart> PartsOf(const Call& call) {
  if (!call.parts.empty()) return call.parts;
  return {{call.site, static_cast<uint32_t>(call.buffers.size())}};
}

size_t RegionSize(const std::vector<Call>& calls, size_t first) {
  size_t count = 1;
  while (first + count < calls.size() && calls[first + count].joins_previous) ++count;
  return count;
}

size_t MostCallsOfARegion(const Program& program) {
  size_t most = 1;
  for (const Entry& entry : program.entries) {
    for (size_t first = 0, count = 0; first < entry.calls.size(); first += count) {
      count = RegionSize(entry.calls, first);
      most = std::max(most, count);
    }
  }
  return most;
}

}  // namespace lluda::runtime
