#include "tools/run/cache_report.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;

// 86399 is the last second of the first day.
CacheReport Report() {
  return {"/cache",
          {{"/cache/a.code", "matmul_16", 1000, 86399, true}, {"/cache/b.code", "", 24, 0, false}}};
}

TEST(CacheReportTest, AListNamesKernelsAndTheFilesOfDamagedOnes) {
  EXPECT_EQ(CacheListText(Report()),
            "     bytes  last used (UTC)      kernel\n"
            "      1000  1970-01-01 23:59:59  matmul_16\n"
            "        24  1970-01-01 00:00:00  damaged: /cache/b.code\n"
            "      1024  in 2 kernels, /cache\n");
}

TEST(CacheReportTest, VerifyingNamesDamagedFilesAndCountsBoth) {
  EXPECT_EQ(Report().damaged(), 1);
  EXPECT_EQ(CacheVerifyText(Report()), "/cache/b.code: damaged\n1 kernels intact, 1 damaged\n");
}

TEST(CacheReportTest, ADamagedEntryHasNoKernelInJson) {
  const std::string json = CacheJson(Report());
  EXPECT_THAT(json, HasSubstr(R"("bytes": 1024, "damaged": 1, )"));
  EXPECT_THAT(json,
              HasSubstr(R"({"path": "/cache/a.code", "intact": true, "kernel": "matmul_16", )"));
  EXPECT_THAT(json, HasSubstr(R"({"path": "/cache/b.code", "intact": false, "bytes": 24, )"));
}

}  // namespace
}  // namespace lluda::tools
