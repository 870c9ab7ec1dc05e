#include "runtime/call_site.h"

#include "absl/strings/str_cat.h"
#include "base/step_interface.h"

namespace lluda::runtime {

std::string StatementOf(const CallSite& site) {
  return absl::StrCat(site.function, ".", site.statement);
}

std::string ToString(const CallSite& site) {
  if (site.index < 0) return StatementOf(site);
  const bool loads = site.function == step_interface::kLoad;
  const std::string index = absl::StrCat("[", site.index, "]");
  return absl::StrCat(site.function, loads ? "" : index, ".", site.statement, loads ? index : "");
}

}  // namespace lluda::runtime
