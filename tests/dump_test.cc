// Dumps of the pipeline: from each of them the passes go on to the same module, which computes the
// same bits; and they are short enough to be read.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/model.h"
#include "engine/session.h"
#include "engine/source/model_files.h"
#include "gtest/gtest.h"
#include "ir/text/diff.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::tests {
namespace {

constexpr char kTiny[] = "reference_data/tiny";
constexpr char k06B[] = "tests/testdata/qwen3_0_6b";

std::unique_ptr<ir::Module> Import(const std::string& folder) {
  const auto files = engine::OpenModelFiles(folder, engine::Weights::kOptional);
  if (!files.ok()) {
    ADD_FAILURE() << files.status();
    return nullptr;
  }
  auto module = engine::ImportModule(*files, {});
  EXPECT_TRUE(module.ok()) << module.status();
  return module.ok() ? *std::move(module) : nullptr;
}

void RunPasses(const std::vector<std::string>& names, ir::Module* module) {
  auto pipeline = passes::Pipeline::Create(names, {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  const auto reports = pipeline->Run(module);
  ASSERT_TRUE(reports.ok()) << reports.status();
}

// The module's text after each prefix of the default pipeline, from none of it to all.
std::vector<std::string> Dumps(const std::string& folder) {
  const auto module = Import(folder);
  std::vector<std::string> dumps = {ir::PrintModule(*module)};
  for (const std::string& pass : passes::DefaultPipeline()) {
    RunPasses({pass}, module.get());
    dumps.push_back(ir::PrintModule(*module));
  }
  return dumps;
}

// The logits after a prompt and after one more token.
std::vector<float> Logits(const engine::LoadOptions& options) {
  std::vector<float> logits;
  const auto model = engine::Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  if (!model.ok()) return logits;
  const auto session = engine::Session::Create(model->get(), {});
  EXPECT_TRUE(session.ok()) << session.status();
  for (const std::vector<int32_t>& tokens : {std::vector<int32_t>{3, 1, 4, 1, 5}, {9}}) {
    const auto result = (*session)->Evaluate(tokens);
    EXPECT_TRUE(result.ok()) << result.status();
    if (result.ok()) logits.insert(logits.end(), result->begin(), result->end());
  }
  return logits;
}

engine::LoadOptions Tiny() {
  engine::LoadOptions options;
  options.folder = kTiny;
  options.need_tokenizer = false;
  options.threads = 1;
  return options;
}

TEST(DumpTest, FromEveryDumpThePassesGoOnToTheSameModule) {
  const std::vector<std::string> dumps = Dumps(kTiny);
  for (size_t i = 0; i < dumps.size(); ++i) {
    const auto parsed = ir::ParseModule(dumps[i], "dump.lluda");
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    const auto rest = passes::RemainingPasses(**parsed);
    ASSERT_TRUE(rest.ok()) << rest.status();
    EXPECT_EQ(rest->size(), dumps.size() - 1 - i);
    RunPasses(*rest, parsed->get());
    EXPECT_EQ(ir::PrintModule(**parsed), dumps.back()) << "from pass " << i;
  }
}

TEST(DumpTest, EveryDumpRunsToTheSameBitsAsTheModelItself) {
  const std::vector<float> expected = Logits(Tiny());
  ASSERT_FALSE(expected.empty());
  const std::vector<std::string> dumps = Dumps(kTiny);
  for (size_t i = 0; i < dumps.size(); ++i) {
    engine::LoadOptions options = Tiny();
    options.ir = {absl::StrCat(i, ".lluda"), dumps[i]};
    EXPECT_EQ(Logits(options), expected) << "from pass " << i;
  }
}

TEST(DumpTest, AnEditedDumpComputesWhatItSays) {
  std::string text = Dumps(kTiny)[0];
  const std::string eps = "{eps = 1e-06}";
  const size_t at = text.rfind(eps);  // of the final norm
  ASSERT_NE(at, std::string::npos);
  text.replace(at, eps.size(), "{eps = 10}");
  engine::LoadOptions options = Tiny();
  options.ir = {"edited.lluda", text};
  EXPECT_NE(Logits(options), Logits(Tiny()));
}

TEST(DumpTest, DumpsOfQwen306BHaveUnder400Lines) {
  for (const std::string& dump : Dumps(k06B)) {
    EXPECT_LT(std::count(dump.begin(), dump.end(), '\n'), 400) << dump;
  }
}

TEST(DumpTest, WhatFuseRopeDoesToQwen306BFitsAScreen) {
  const std::vector<std::string> dumps = Dumps(k06B);
  const std::vector<std::string> names = passes::DefaultPipeline();
  const size_t number =
      std::find(names.begin(), names.end(), std::string("fuse-rope")) - names.begin() + 1;
  const auto diff = ir::Diff(dumps[number - 1], dumps[number]);
  ASSERT_EQ(diff.size(), 1u) << ir::DiffText(diff, false);
  EXPECT_EQ(diff[0].name, "@attn");
  int added = 0, removed = 0;
  for (const ir::DiffLine& line : diff[0].lines) {
    if (line.mark == '+') {
      ++added;
      EXPECT_TRUE(absl::StrContains(line.text, " = rope ")) << line.text;
    }
    removed += line.mark == '-' ? 1 : 0;
  }
  EXPECT_EQ(added, 2);     // of the query and of the key
  EXPECT_EQ(removed, 18);  // two slices, four products, a difference, a sum and a concat of each
  EXPECT_LE(diff[0].lines.size(), 40u) << ir::DiffText(diff, false);
}

}  // namespace
}  // namespace lluda::tests
