#include "codegen/llvm/target.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/TargetParser/Host.h"
#include "runtime/machine/cpu_features.h"

namespace lluda::codegen {
namespace {

struct IsaRow {
  Isa isa;
  absl::string_view name;
  absl::string_view features;
  absl::string_view cpu;
};
constexpr IsaRow kIsas[] = {
#define LLUDA_ISA(Enum, name, features, cpu) {Isa::Enum, name, features, cpu},
#include "machine/isa.def"
#undef LLUDA_ISA
};

struct PrefetchRow {
  absl::string_view cpu;
  int64_t bytes;
  int64_t alone;
};
constexpr PrefetchRow kPrefetch[] = {
#define LLUDA_PREFETCH(cpu, bytes, alone) {cpu, bytes, alone},
#include "machine/prefetch.def"
#undef LLUDA_PREFETCH
};

bool Supports(const llvm::StringMap<bool>& host, const IsaRow& row) {
  for (absl::string_view feature : absl::StrSplit(row.features, ',', absl::SkipEmpty())) {
    const auto it = host.find(llvm::StringRef(feature.data(), feature.size()));
    if (it == host.end() || !it->second) return false;
  }
  return row.isa != Isa::kAmx || runtime::SystemGrantsAmx();
}

}  // namespace

std::string LlvmVersion() { return LLVM_VERSION_STRING; }

int64_t Target::PrefetchBytes(size_t panels) const {
  const std::string& scheduled_for = tune.empty() ? cpu : tune;
  const PrefetchRow* found = &kPrefetch[0];
  for (const PrefetchRow& row : kPrefetch) {
    if (row.cpu == scheduled_for) found = &row;
  }
  return panels == 1 ? found->alone : found->bytes;
}

Target Target::Host() {
  Target target;
  target.cpu = llvm::sys::getHostCPUName().str();
  const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (const auto& feature : host) {
    target.features.push_back(absl::StrCat(feature.second ? "+" : "-", feature.first().str()));
  }
  for (const IsaRow& row : kIsas) {
    if (Supports(host, row)) target.isa = row.isa;
  }
  return target;
}

absl::StatusOr<Target> Target::Named(absl::string_view isa) {
  if (isa == "host") return Host();
  const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  std::vector<absl::string_view> names;
  for (const IsaRow& row : kIsas) {
    names.push_back(row.name);
    if (row.name != isa) continue;
    if (!Supports(host, row)) {
      return absl::FailedPreconditionError(absl::StrCat("this CPU cannot run isa '", isa, "'"));
    }
    Target target;
    target.cpu = std::string(row.cpu);
    target.isa = row.isa;
    // The CPU's name implies features that the host may mask: only those named here stay on.
    for (const auto& feature : host) {
      if (!feature.second) target.features.push_back(absl::StrCat("-", feature.first().str()));
    }
    for (absl::string_view feature : absl::StrSplit(row.features, ',', absl::SkipEmpty())) {
      target.features.push_back(absl::StrCat("+", feature));
    }
    return target;
  }
  return absl::NotFoundError(
      absl::StrCat("unknown isa '", isa, "'; known are host, ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<Target> Target::Portable(absl::string_view isa) {
  ASSIGN_OR_RETURN(Target named, Named(isa));
  Target target;
  target.isa = named.isa;
  target.tune = llvm::sys::getHostCPUName().str();
  const IsaRow& row = kIsas[static_cast<int>(target.isa)];
  for (absl::string_view feature : absl::StrSplit(row.features, ',', absl::SkipEmpty())) {
    target.features.push_back(absl::StrCat("+", feature));
  }
  return target;
}

bool Target::HasFeature(absl::string_view feature) const {
  return std::find(features.begin(), features.end(), absl::StrCat("+", feature)) != features.end();
}

std::vector<std::string> Target::EnabledFeatures() const {
  std::vector<std::string> enabled;
  for (const std::string& feature : features) {
    if (feature[0] == '+') enabled.push_back(feature.substr(1));
  }
  std::sort(enabled.begin(), enabled.end());
  return enabled;
}

}  // namespace lluda::codegen
