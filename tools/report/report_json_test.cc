#include "tools/report/report_json.h"

#include <string>

#include "absl/strings/match.h"
#include "base/json/json.h"
#include "gtest/gtest.h"
#include "tools/report/report_page.h"

namespace lluda::tools {
namespace {

constexpr char kHostile[] = "</script><!-- <b> & \"quoted\" \\ 'name' \n";

Report SmallReport() {
  Report report;
  report.header.model = kHostile;
  report.header.cpu = "a CPU";
  report.header.threads = 2;
  report.calls = {{"attn[0].qkv", "matmul_0"}};
  report.buffers = {{"attn[0].qkv", 64, 128, 0, 3}};
  report.memory.states = 4096;
  ExplainReport run;
  run.run = "one token after 3 others";
  run.limits = {{"DRAM read", 8e10}};
  report.runs = {run};
  return report;
}

TEST(ReportJsonTest, HasTheReportsValues) {
  auto document = base::JsonDocument::Parse("json", ReportJson(SmallReport()));
  ASSERT_TRUE(document.ok()) << document.status();
  const auto header = document->root().Object("header");
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(*header->String("cpu"), "a CPU");
  EXPECT_EQ(*header->Int("threads", {0, 10}), 2);
  EXPECT_EQ(*document->root().Object("memory")->Int("states", {0, 10000}), 4096);
  const simdjson::dom::object root = document->root().dom();
  std::string_view name;
  int64_t offset = 0;
  ASSERT_FALSE(root.at_pointer("/buffers/0/name").get(name));
  ASSERT_FALSE(root.at_pointer("/buffers/0/offset").get(offset));
  EXPECT_EQ(name, "attn[0].qkv");
  EXPECT_EQ(offset, 64);
  ASSERT_FALSE(root.at_pointer("/calls/0/1").get(name));
  EXPECT_EQ(name, "matmul_0");
  ASSERT_FALSE(root.at_pointer("/runs/0/run").get(name));
  EXPECT_EQ(name, "one token after 3 others");
}

TEST(ReportJsonTest, NothingInItCanEndTheElementItStandsIn) {
  const std::string json = ReportJson(SmallReport());
  EXPECT_FALSE(absl::StrContains(json, "<"));
  auto document = base::JsonDocument::Parse("json", json);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(*document->root().Object("header")->String("model"), kHostile);
}

TEST(ReportPageTest, HoldsTheDataOnce) {
  const std::string page = ReportPage("{\"a\": 1}");
  EXPECT_TRUE(absl::StartsWith(page, "<!DOCTYPE html>"));
  EXPECT_TRUE(absl::StrContains(
      page, "<script type=\"application/json\" id=\"report\">{\"a\": 1}</script>"));
  EXPECT_FALSE(absl::StrContains(page, "@data@"));
}

TEST(ReportPageTest, NeedsNoOtherFile) {
  const std::string page = ReportPage("{}");
  for (const char* reference : {"<script src", "rel=\"stylesheet\"", "@import", "url(http"}) {
    EXPECT_FALSE(absl::StrContains(page, reference)) << reference;
  }
  // The one address in it is the name of a namespace.
  const size_t address = page.find("://");
  ASSERT_NE(address, std::string::npos);
  EXPECT_EQ(page.substr(address, 17), "://www.w3.org/200");
  EXPECT_EQ(page.find("://", address + 1), std::string::npos);
}

}  // namespace
}  // namespace lluda::tools
