#include "tools/inspect/explain_report.h"

#include <string>

#include "base/json/json.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

ExplainReport TwoStatements() {
  ExplainReport report;
  report.run = "one token after 3 others";
  report.threads = 2;
  report.seconds = 0.001;
  report.limits = {{"DRAM read", 80e9}, {"bf16", 1.5e12}};
  ExplainedStatement matmul;
  matmul.name = "attn.qkv";
  matmul.kernel = "matmul_0";
  matmul.ops = {"matmul", "cast", "matmul"};
  matmul.module = "model.layers.{layer}.self_attn";
  matmul.passes = {"merge-matmul", "fuse-epilogue"};
  matmul.calls = 4;
  matmul.bytes = 8388608;
  matmul.flops = 16777216;
  matmul.predicted_seconds = 1e-4;
  matmul.measured_seconds = 2e-4;
  matmul.limit = "DRAM read";
  ExplainedStatement cast;
  cast.name = "step.x1";
  cast.kernel = "cast_1";
  cast.ops = {"cast"};
  cast.calls = 1;
  cast.flops = 512;
  cast.predicted_seconds = 1e-9;
  cast.measured_seconds = 1e-6;
  cast.limit = "f32";
  report.statements = {matmul, cast};
  report.misses = {{"fuse-rope", "attn", "q3", "'qt0' has 2 uses, expected 1"}};
  return report;
}

TEST(ExplainReportTest, TextTellsOriginWorkTimeAndMisses) {
  EXPECT_EQ(ExplainText(TwoStatements()),
            R"(one token after 3 others, 2 threads: 1000.0 us
limits: DRAM read 80 GB/s, bf16 1.5 TFLOP/s

attn.qkv  matmul_0
    from   2 matmul, cast of model.layers.{layer}.self_attn
    by     merge-matmul, fuse-epilogue
    work   4 calls, 8.39 MB, 16.8 MFLOP
    time   200.0 us, 20.0% of the run; predicted 100.0 us: 50% of the DRAM read limit
step.x1  cast_1
    from   cast
    work   1 call, 0 B, 512 FLOP
    time   1.0 us, 0.1% of the run

near misses:
    fuse-rope @attn %q3: 'qt0' has 2 uses, expected 1
)");
}

TEST(ExplainReportTest, JsonHasTheSameNumbers) {
  const auto json = base::JsonDocument::Parse("report", ExplainJson(TwoStatements()));
  ASSERT_TRUE(json.ok()) << json.status();
  const simdjson::dom::object root = json->root().dom();
  EXPECT_EQ(root["limits"]["DRAM read"].get_double().value_unsafe(), 80e9);
  const simdjson::dom::array statements = root["statements"].get_array().value_unsafe();
  EXPECT_EQ(statements.at(0)["share_of_limit"].get_double().value_unsafe(), 0.5);
  EXPECT_TRUE(statements.at(1)["share_of_limit"].value_unsafe().is_null());
  EXPECT_EQ(statements.at(1)["calls"].get_int64().value_unsafe(), 1);
  EXPECT_EQ(statements.size(), 2u);
}

TEST(ExplainReportTest, WhatIsNotKnownAfterPassesThatNobodySawIsSaid) {
  ExplainReport report = TwoStatements();
  report.misses.clear();
  EXPECT_NE(ExplainText(report).find("no near misses"), std::string::npos);
  report.unseen_passes = 15;
  const std::string text = ExplainText(report);
  EXPECT_EQ(text.find("no near misses"), std::string::npos);
  EXPECT_NE(text.find("\n15 passes had run before: "), std::string::npos) << text;
  const auto json = base::JsonDocument::Parse("report", ExplainJson(report));
  ASSERT_TRUE(json.ok()) << json.status();
  const std::string note(json->root().dom()["note"].get_string().value_unsafe());
  EXPECT_NE(note.find("near misses are not known"), std::string::npos) << note;
}

}  // namespace
}  // namespace lluda::tools
