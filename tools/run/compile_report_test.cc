#include "tools/run/compile_report.h"

#include <filesystem>
#include <string>

#include "base/files/test_files.h"
#include "base/json/json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using testing::HasSubstr;

engine::BundleOutputs Compile(const base::TemporaryFolder& folder) {
  engine::LoadOptions options;
  options.folder = "reference_data/tiny";
  options.need_tokenizer = false;
  options.module.context = 64;
  const engine::BundleOutputs outputs{folder.PathOf("tiny.llb"), folder.PathOf("tiny.o"),
                                      folder.PathOf("tiny.h")};
  const absl::Status status = engine::CompileBundle(options, outputs);
  EXPECT_TRUE(status.ok()) << status;
  return outputs;
}

TEST(CompileReportTest, TellsOfEachFileHowLargeItIs) {
  const base::TemporaryFolder folder;
  const engine::BundleOutputs outputs = Compile(folder);
  const auto report = ReportOf(outputs);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->bundle.path, outputs.bundle);
  EXPECT_EQ(report->bundle.bytes, std::filesystem::file_size(outputs.bundle));
  ASSERT_TRUE(report->object.has_value());
  EXPECT_EQ(report->object->bytes, std::filesystem::file_size(outputs.object));
  ASSERT_TRUE(report->header.has_value());
  EXPECT_EQ(report->header->bytes, std::filesystem::file_size(outputs.header));
  EXPECT_EQ(report->model.context, 64);
  EXPECT_GT(report->packed_bytes, 0);
  EXPECT_LT(report->packed_bytes, report->bundle.bytes);
}

TEST(CompileReportTest, ItsJsonHasNoFilesThatWereNotWritten) {
  const base::TemporaryFolder folder;
  const engine::BundleOutputs outputs = Compile(folder);
  const auto report = ReportOf({outputs.bundle});
  ASSERT_TRUE(report.ok()) << report.status();
  const auto json = base::JsonDocument::Parse("report", CompileJson(*report));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json->root().Int("context", {1, 1 << 20}), 64);
  EXPECT_EQ(*json->root().Object("bundle")->Int("bytes", {1, 1 << 30}), report->bundle.bytes);
  EXPECT_FALSE(json->root().Has("object"));
  EXPECT_FALSE(json->root().Has("header"));
}

TEST(CompileReportTest, AFileThatIsGoneIsAnErrorThatNamesIt) {
  const base::TemporaryFolder folder;
  engine::BundleOutputs outputs = Compile(folder);
  std::filesystem::remove(outputs.header);
  EXPECT_THAT(std::string(ReportOf(outputs).status().message()), HasSubstr("tiny.h: "));
  outputs.bundle += ".away";
  EXPECT_THAT(std::string(ReportOf(outputs).status().message()), HasSubstr("tiny.llb.away"));
}

}  // namespace
}  // namespace lluda::tools
