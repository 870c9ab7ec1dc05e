#include "tools/inspect/file_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "base/files/test_files.h"
#include "frontends/gguf/file/gguf_writer.h"

namespace lluda::tools {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

frontends::gguf::GgufWriter Writer() {
  frontends::gguf::GgufWriter writer;
  writer.String("general.architecture", "llama").F32("llama.rope.freq_base", 5e5F);
  writer.String("bad", "a\xFF\nb");
  writer.Tensor("norm", 0, {2}, "12345678").Tensor("w", 8, {32, 2}, std::string(68, 'w'));
  writer.Tensor("v", 8, {32}, std::string(34, 'v'));
  return writer;
}

TEST(FileReportTest, AGgufFileIsToldKeyByKeyAndTensorByTensor) {
  const base::TemporaryFolder folder;
  const std::string path = folder.Write("m.gguf", Writer().Bytes());
  const auto report = InspectFiles(path);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->format, "GGUF 3");
  ASSERT_THAT(report->types, SizeIs(2));
  EXPECT_EQ(report->types[0].type, "Q8_0");
  EXPECT_EQ(report->types[0].tensors, 2);
  EXPECT_EQ(report->types[0].bytes, 102);
  const std::string text = FileReportText(*report);
  EXPECT_THAT(text, HasSubstr(path + ": GGUF 3, 3 keys, 3 tensors, "));
  EXPECT_THAT(text, HasSubstr("  llama.rope.freq_base  f32     5e+05\n"));
  EXPECT_THAT(text, HasSubstr("  bad                   string  'a\uFFFD\\nb'\n"));
  EXPECT_THAT(text, HasSubstr("  w     Q8_0  [2, 32]  68\n"));
  EXPECT_THAT(text, HasSubstr("  Q8_0  2 tensors  102 bytes\n"));
  EXPECT_THAT(text, HasSubstr("odd\n  is not run: "));
  EXPECT_THAT(
      FileReportJson(*report),
      HasSubstr(R"({"name": "w", "type": "Q8_0", "shape": [2, 32], "bytes": 68, "file": 0})"));
}

TEST(FileReportTest, AFolderIsToldByItsTensors) {
  const auto report = InspectFiles("reference_data/tiny");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->format, "safetensors");
  ASSERT_THAT(report->files, SizeIs(1));
  EXPECT_GT(report->files[0].bytes, 0);
  EXPECT_THAT(FileReportText(*report), HasSubstr("model.embed_tokens.weight"));
}

TEST(FileReportTest, WhatIsNotThereIsSaid) {
  EXPECT_TRUE(absl::IsNotFound(InspectFiles("/no/such.gguf").status()));
  EXPECT_TRUE(absl::IsNotFound(InspectFiles("/no/such").status()));
}

}  // namespace
}  // namespace lluda::tools
