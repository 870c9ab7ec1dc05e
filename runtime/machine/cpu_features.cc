#include "runtime/machine/cpu_features.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace lluda::runtime {
namespace {

struct Feature {
  absl::string_view name;
  bool present;
};

// The compiler's built-in, which asks CPUID and XGETBV, takes its name as a literal only.
std::vector<Feature> KnownFeatures() {
#if defined(__x86_64__)
#define LLUDA_FEATURE(name) {name, __builtin_cpu_supports(name) != 0}
  return {LLUDA_FEATURE("avx2"),     LLUDA_FEATURE("fma"),        LLUDA_FEATURE("f16c"),
          LLUDA_FEATURE("bmi"),      LLUDA_FEATURE("bmi2"),       LLUDA_FEATURE("avx512f"),
          LLUDA_FEATURE("avx512bw"), LLUDA_FEATURE("avx512cd"),   LLUDA_FEATURE("avx512dq"),
          LLUDA_FEATURE("avx512vl"), LLUDA_FEATURE("avx512bf16"), LLUDA_FEATURE("amx-tile"),
          LLUDA_FEATURE("amx-bf16"), LLUDA_FEATURE("avx512vnni")};
#undef LLUDA_FEATURE
#else
  return {};
#endif
}

}  // namespace

// Linux, Documentation/arch/x86/xstate.rst.
bool SystemGrantsAmx() {
#if defined(__x86_64__)
  constexpr int kRequestPermission = 0x1023;
  constexpr int kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

absl::Status CheckCpuFeatures(const std::vector<std::string>& names) {
  const std::vector<Feature> known = KnownFeatures();
  std::vector<absl::string_view> lacking;
  for (const std::string& name : names) {
    const bool has = absl::c_any_of(
        known, [&](const Feature& feature) { return feature.present && feature.name == name; });
    if (!has) lacking.push_back(name);
  }
  if (!lacking.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this CPU lacks ", absl::StrJoin(lacking, ", ")));
  }
  if (absl::c_linear_search(names, "amx-tile") && !SystemGrantsAmx()) {
    return absl::FailedPreconditionError("the operating system does not let this process use AMX");
  }
  return absl::OkStatus();
}

}  // namespace lluda::runtime
