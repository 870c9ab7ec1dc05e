#include "tools/report/build_report.h"

#include <string>

#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

absl::StatusOr<Report> Build(const ReportOptions& report,
                             const std::string& folder = "reference_data/tiny") {
  engine::LoadOptions options;
  auto source = engine::OpenModelSource(folder);
  if (!source.ok()) return source.status();
  options.source = *source;
  options.threads = 1;
  options.need_tokenizer = false;
  return BuildReport(options, report, engine::Model::Load);
}

TEST(BuildReportTest, WithoutMeasuringItHasThePassesTheCallsAndTheMemory) {
  ReportOptions options;
  options.measure = false;
  const auto report = Build(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->runs, IsEmpty());
  EXPECT_EQ(report->header.threads, 0);
  EXPECT_THAT(report->header.model, HasSubstr("tiny"));
  EXPECT_FALSE(report->header.is_bundle);
  EXPECT_THAT(report->pipeline.steps(), Not(IsEmpty()));
  ASSERT_THAT(report->calls, Not(IsEmpty()));
  for (const ReportCall& call : report->calls) {
    EXPECT_THAT(call.name, HasSubstr("."));
    EXPECT_THAT(call.kernel, Not(IsEmpty()));
  }
  // Every buffer lies within the frame that is planned for it.
  ASSERT_THAT(report->buffers, Not(IsEmpty()));
  for (const FrameBuffer& buffer : report->buffers) {
    EXPECT_GE(buffer.offset, 0);
    EXPECT_LE(buffer.offset + buffer.bytes, report->memory.frame) << buffer.name;
  }
}

TEST(BuildReportTest, MeasuringRunsATokenBehindOthersAndAPrompt) {
  ReportOptions options;
  options.tokens = 5;
  options.depth = 7;
  const auto report = Build(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->header.threads, 1);
  ASSERT_THAT(report->runs, SizeIs(2));
  EXPECT_EQ(report->runs[0].run, "one token after 7 others");
  EXPECT_EQ(report->runs[1].run, "a prompt of 5 tokens");
  for (const ExplainReport& run : report->runs) {
    double flops = 0;
    for (const ExplainedStatement& statement : run.statements) flops += statement.flops;
    EXPECT_GT(flops, 0);
  }
}

TEST(BuildReportTest, OfAnEntryItHasThatAlone) {
  ReportOptions options;
  options.entry = "audio";
  options.tokens = 20;
  const auto report = Build(options, "reference_data/asr");
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_THAT(report->runs, SizeIs(1));
  EXPECT_EQ(report->runs[0].run, "audio, 20 rows of sound");
  EXPECT_FALSE(report->runs[0].misses.empty()) << "its attention has no causal mask";
  for (const MissedFusion& miss : report->runs[0].misses) {
    EXPECT_THAT(miss.func, testing::StartsWith("audio"));
  }
  for (const ReportFunction& function : report->pipeline.functions()) {
    EXPECT_THAT(function.name, testing::AnyOf("load", testing::StartsWith("@audio")));
  }
  ASSERT_THAT(report->calls, Not(IsEmpty()));
  for (const ReportCall& call : report->calls) {
    EXPECT_THAT(call.name, testing::StartsWith("audio"));
  }
  ASSERT_THAT(report->buffers, Not(IsEmpty()));
}

TEST(BuildReportTest, AnEntryThatTheModelLacksAndTokensBeforeOneAreRefused) {
  ReportOptions options;
  options.entry = "audio";
  options.measure = false;
  EXPECT_EQ(Build(options).status().message(),
            "--entry: there is no entry 'audio'; the entries are step");
  options.depth = 3;
  EXPECT_THAT(std::string(Build(options, "reference_data/asr").status().message()),
              HasSubstr("--depth: @audio has nothing before it"));
}

TEST(BuildReportTest, MoreTokensThanThereIsRoomForAreRefusedByTheFlagsName) {
  ReportOptions options;
  options.tokens = 1 << 20;
  EXPECT_THAT(std::string(Build(options).status().message()), HasSubstr("--tokens"));
  options = {};
  options.depth = 1 << 20;
  EXPECT_THAT(std::string(Build(options).status().message()), HasSubstr("--depth"));
}

}  // namespace
}  // namespace lluda::tools
