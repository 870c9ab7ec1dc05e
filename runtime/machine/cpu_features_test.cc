#include "runtime/machine/cpu_features.h"

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

TEST(CpuFeatures, NamesAllThatAreLacking) {
  const absl::Status status = CheckCpuFeatures({"no-such-feature", "another"});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "this CPU lacks no-such-feature, another");
  EXPECT_TRUE(CheckCpuFeatures({}).ok());
}

TEST(CpuFeatures, AgreeWithWhatTheKernelReports) {
  std::ifstream file("/proc/cpuinfo");
  const std::string all((std::istreambuf_iterator<char>(file)), {});
  const size_t begin = all.find("\nflags");
  if (begin == std::string::npos) GTEST_SKIP() << "this kernel lists no x86 flags";
  const std::string flags =
      absl::StrCat(all.substr(begin + 1, all.find('\n', begin + 1) - begin - 1), " ");
  for (const std::string name :
       {"avx2", "fma", "f16c", "bmi2", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl",
        "avx512bf16", "avx512vnni", "amx-tile", "amx-bf16"}) {
    // Linux writes an underscore in these.
    const std::string reported = absl::StrReplaceAll(
        name, {{"512bf16", "512_bf16"}, {"512vnni", "512_vnni"}, {"amx-", "amx_"}});
    const bool granted = name != "amx-tile" || SystemGrantsAmx();
    const bool present =
        granted && flags.find(absl::StrCat(" ", reported, " ")) != std::string::npos;
    EXPECT_EQ(CheckCpuFeatures({name}).ok(), present) << name;
  }
}

}  // namespace
}  // namespace lluda::runtime
