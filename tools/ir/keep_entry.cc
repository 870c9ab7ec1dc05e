#include "tools/ir/keep_entry.h"

#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/step_interface.h"
#include "passes/tidy/dce.h"

namespace lluda::tools {

absl::Status KeepEntry(absl::string_view entry, ir::Module* module) {
  std::vector<std::string> entries;
  for (const char* name : step_interface::kEntries) {
    if (module->FindFunc(name) != nullptr) entries.emplace_back(name);
  }
  if (!absl::c_linear_search(entries, entry)) {
    return absl::InvalidArgumentError(absl::StrCat("--entry: there is no entry '", entry,
                                                   "'; the entries are ",
                                                   absl::StrJoin(entries, ", ")));
  }
  for (const std::string& name : entries) {
    if (name != entry) module->EraseFunc(module->FindFunc(name));
  }
  return passes::Dce().Run(module).status();
}

}  // namespace lluda::tools
