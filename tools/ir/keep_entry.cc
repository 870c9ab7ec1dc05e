#include "tools/ir/keep_entry.h"

#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "passes/tidy/dce.h"

namespace lluda::tools {

namespace {

std::vector<std::string> EntriesOf(const ir::Module& module) {
  std::vector<std::string> entries;
  for (const char* name : step_interface::kEntries) {
    if (module.FindFunc(name) != nullptr) entries.emplace_back(name);
  }
  return entries;
}

}  // namespace

bool IsStep(absl::string_view entry) { return entry.empty() || entry == step_interface::kStep; }

absl::Status CheckDepth(absl::string_view entry, std::optional<int64_t> depth) {
  if (IsStep(entry) || entry == step_interface::kTop || !depth) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--depth: @", entry, " has nothing before it; only the step has"));
}

absl::Status CheckEntry(absl::string_view entry, const ir::Module& module) {
  const std::vector<std::string> entries = EntriesOf(module);
  if (absl::c_linear_search(entries, entry)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--entry: there is no entry '", entry, "'; the entries are ", absl::StrJoin(entries, ", ")));
}

absl::Status KeepEntry(absl::string_view entry, ir::Module* module) {
  RETURN_IF_ERROR(CheckEntry(entry, *module));
  for (const std::string& name : EntriesOf(*module)) {
    if (name != entry) module->EraseFunc(module->FindFunc(name));
  }
  return passes::Dce().Run(module).status();
}

}  // namespace lluda::tools
