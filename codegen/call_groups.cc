#include "codegen/call_groups.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status_macros.h"

namespace lluda::codegen {
namespace {

using runtime::Call;
using Uses = std::vector<MemoryUse>;

// Whether what the first of these uses reads is still there when the others have written.
bool KeepsWhatItReads(const Uses& before, absl::Span<const CallUses> others) {
  return std::all_of(others.begin(), others.end(), [&](const CallUses& uses) {
    return std::all_of(uses.memory.begin(), uses.memory.end(), [&](const MemoryUse& use) {
      return !use.writes || std::none_of(before.begin(), before.end(), [&](const MemoryUse& read) {
        return !read.writes && Overlap(use, read);
      });
    });
  });
}

}  // namespace

absl::Status GroupCalls(const std::vector<CallUses>& uses, KernelSet* kernels,
                        std::vector<Call>* calls) {
  std::vector<Call> grouped;
  for (size_t first = 0, count = 0; first < calls->size(); first += count) {
    count = runtime::RegionSize(*calls, first);
    const auto region = absl::MakeConstSpan(*calls).subspan(first, count);
    std::vector<KernelSpec> specs;
    for (const Call& call : region) specs.push_back(kernels->spec(call.kernel));
    // The call before, if its result is what all of these read first.
    const KernelSpec* norm = nullptr;
    if (first > 0 && !(*calls)[first - 1].joins_previous) {
      const Call& before = (*calls)[first - 1];
      const bool made_here = std::all_of(region.begin(), region.end(), [&](const Call& call) {
        return call.buffers[0] == before.buffers.back();
      });
      const auto region_uses = absl::MakeConstSpan(uses).subspan(first, count);
      // Nobody else reads it.
      const bool is_theirs = uses[first - 1].readers == static_cast<int64_t>(count);
      if (made_here && is_theirs && KeepsWhatItReads(uses[first - 1].memory, region_uses)) {
        norm = &kernels->spec(before.kernel);
      }
    }
    if (norm != nullptr && !kernels->backend().MayGroup(norm, specs)) norm = nullptr;
    const bool groups =
        norm != nullptr || (count > 1 && kernels->backend().MayGroup(nullptr, specs));
    if (!groups) {
      grouped.insert(grouped.end(), region.begin(), region.end());
      continue;
    }
    Call call = region.front();
    call.buffers.clear();
    std::vector<KernelSpec> group;
    const auto add = [&](const KernelSpec& spec, const Call& part) {
      group.push_back(spec);
      call.parts.push_back({part.site, static_cast<uint32_t>(part.buffers.size())});
      call.buffers.insert(call.buffers.end(), part.buffers.begin(), part.buffers.end());
    };
    if (norm != nullptr) add(*norm, grouped.back());
    for (size_t i = 0; i < count; ++i) add(specs[i], region[i]);
    const KernelSpec spec = GroupOf(std::move(group));
    ASSIGN_OR_RETURN(call.kernel, kernels->Add(spec));
    const std::optional<Backend::Many> many = kernels->backend().ManyRows(spec);
    if (norm != nullptr && many) {
      grouped.back().only_symbol = kernels->SymbolIndex(many->symbol);
      grouped.back().only_above = many->above;
    }
    grouped.push_back(std::move(call));
  }
  *calls = std::move(grouped);
  return absl::OkStatus();
}

}  // namespace lluda::codegen
