#include "runtime/program.h"

#include "absl/algorithm/container.h"
#include "glog/logging.h"

namespace lluda::runtime {

bool Entry::HasInputs(absl::Span<const char* const> names) const {
  return absl::c_equal(inputs, names, [](const Tensor& input, absl::string_view name) {
    return input.name == name;
  });
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

}  // namespace lluda::runtime
