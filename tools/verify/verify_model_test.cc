#include "tools/verify/verify_model.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "base/json/json.h"
#include "engine/compile/compile_bundle.h"
#include "engine/open_module.h"
#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/printer.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

engine::LoadOptions Opened(const std::string& path) {
  engine::LoadOptions load;
  auto source = engine::OpenModelSource(path);
  EXPECT_TRUE(source.ok()) << source.status();
  if (source.ok()) load.source = *std::move(source);
  return load;
}

engine::LoadOptions Tiny() { return Opened("reference_data/tiny"); }

// A model that hears: two layers for sound, three for text.
engine::LoadOptions Hearing() { return Opened("reference_data/asr"); }

absl::StatusOr<VerifyReport> Verify(const engine::LoadOptions& load, const VerifyOptions& options) {
  auto opened = engine::OpenModule(load.source.get(), load, engine::Weights::kRequired);
  if (!opened.ok()) return opened.status();
  return VerifyModel(load, *std::move(opened), options);
}

TEST(VerifyModelTest, ARightModelPassesWithTheExtentOfWhatWasRun) {
  VerifyOptions options;
  options.layers = 1;
  options.tokens = 5;
  const auto report = Verify(Tiny(), options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->finding.has_value());
  EXPECT_EQ(report->layers, 1);
  EXPECT_GT(report->passes, 10);
  EXPECT_GT(report->kernels, 10);
  EXPECT_THAT(VerifyText(*report, ""), StartsWith("ok: "));
  EXPECT_THAT(VerifyText(*report, ""), HasSubstr(" kernels, 1 layer, 5 tokens and one more\n"));
  options.reference = "reference_data/tiny/reference.json";
  const auto with_import = Verify(Tiny(), options);
  ASSERT_TRUE(with_import.ok()) << with_import.status();
  EXPECT_TRUE(with_import->import_verified);
  EXPECT_THAT(VerifyText(*with_import, ""), StartsWith("ok: the import, "));
}

TEST(VerifyModelTest, AnEditedDumpIsFoundUnlessItIsTakenToBeRight) {
  engine::LoadOptions load = Tiny();
  const auto imported = engine::OpenModule(load.source.get(), load, engine::Weights::kRequired);
  ASSERT_TRUE(imported.ok()) << imported.status();
  const std::string text = ir::PrintModule(*imported->module);
  VerifyOptions options;
  options.layers = 1;
  options.tokens = 5;
  load.ir = {"right.lluda", text};
  const auto right = Verify(load, options);
  ASSERT_TRUE(right.ok()) << right.status();
  EXPECT_TRUE(right->dump_verified);
  EXPECT_FALSE(right->finding.has_value());
  load.ir = {"edited.lluda", absl::StrReplaceAll(text, {{"eps = 1e-06", "eps = 1"}})};
  const auto edited = Verify(load, options);
  ASSERT_TRUE(edited.ok()) << edited.status();
  ASSERT_TRUE(edited->finding.has_value());
  EXPECT_FALSE(edited->dump_verified);
  EXPECT_EQ(edited->kernels, 0);
  EXPECT_THAT(VerifyText(*edited, ""), StartsWith("edited.lluda:"));
  options.dump_is_right = true;
  const auto as_is = Verify(load, options);
  ASSERT_TRUE(as_is.ok()) << as_is.status();
  EXPECT_FALSE(as_is->finding.has_value());
  EXPECT_FALSE(as_is->dump_verified);
}

TEST(VerifyModelTest, EachEntryOfAModelThatHearsIsVerifiedByItself) {
  VerifyOptions options;
  options.entry = "audio";
  const auto audio = Verify(Hearing(), options);
  ASSERT_TRUE(audio.ok()) << audio.status();
  EXPECT_THAT(VerifyText(*audio, ""), StartsWith("ok: "));
  EXPECT_THAT(VerifyText(*audio, ""), HasSubstr(" kernels of @audio, 2 layers, 13 rows of sound"));
  EXPECT_THAT(VerifyJson(*audio, ""), HasSubstr(R"("entry": "audio")"));
  options.entry = "audio_chunk";
  const auto chunk = Verify(Hearing(), options);
  ASSERT_TRUE(chunk.ok()) << chunk.status();
  EXPECT_THAT(VerifyText(*chunk, ""), StartsWith("ok: "));
  EXPECT_EQ(chunk->tokens, 0);
  EXPECT_NE(chunk->kernels, audio->kernels);
}

TEST(VerifyModelTest, AFaultInAnEntryIsFoundWhereThatIsVerified) {
  engine::LoadOptions load = Hearing();
  const auto imported = engine::OpenModule(load.source.get(), load, engine::Weights::kRequired);
  ASSERT_TRUE(imported.ok()) << imported.status();
  const std::string text = ir::PrintModule(*imported->module);
  load.ir = {"edited.lluda", absl::StrReplaceAll(text, {{"eps = 1e-05", "eps = 1"}})};
  VerifyOptions options;
  options.layers = 1;
  options.tokens = 3;
  const auto step = Verify(load, options);
  ASSERT_TRUE(step.ok()) << step.status();
  EXPECT_FALSE(step->finding.has_value()) << "the step hears nothing";
  options.entry = "audio";
  const auto audio = Verify(load, options);
  ASSERT_TRUE(audio.ok()) << audio.status();
  ASSERT_TRUE(audio->finding.has_value());
  EXPECT_THAT(audio->finding->func, StartsWith("audio"));
}

TEST(VerifyModelTest, ABundlesEntryIsVerifiedByItself) {
  engine::LoadOptions hearing = Hearing();
  hearing.need_tokenizer = false;
  const std::string path = testing::TempDir() + "/hearing.llb";
  const absl::Status compiled = engine::CompileBundle(hearing, {path});
  ASSERT_TRUE(compiled.ok()) << compiled;
  engine::LoadOptions load = Opened(path);
  load.module = *load.source->OptionsFor({});
  VerifyOptions options;
  options.entry = "audio";
  const auto report = VerifyBundledModel(load, options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->finding.has_value());
  EXPECT_THAT(VerifyText(*report, ""), HasSubstr(" kernels of @audio, "));
}

TEST(VerifyModelTest, AnEntryThatTheModelLacksAndTooManyRowsAreOneLine) {
  VerifyOptions options;
  options.entry = "audio";
  EXPECT_EQ(Verify(Tiny(), options).status().message(),
            "--entry: there is no entry 'audio'; the entries are step");
  options.tokens = 27;
  EXPECT_EQ(Verify(Hearing(), options).status().message(),
            "--tokens: @audio takes 1 to 26 rows of sound, not 27");
}

VerifyReport Wrong() {
  VerifyReport report;
  report.finding = Finding{"pass cse (#2)", "attn", "q4", 1, 0, 0.5, 1e-9, "", "", "lluda 1"};
  return report;
}

TEST(VerifyModelTest, AFindingSaysWhereItsReproIs) {
  EXPECT_EQ(
      VerifyText(Wrong(), "r.lluda"),
      "pass cse (#2): @attn[1] %q4 in step 0: NMSE 5.0e-01, at most 1.0e-09\nwrote r.lluda\n");
  const auto json = base::JsonDocument::Parse("json", VerifyJson(Wrong(), "r.lluda"));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_FALSE(*json->root().Bool("ok"));
  EXPECT_EQ(*json->root().String("repro"), "r.lluda");
  EXPECT_EQ(*json->root().Object("finding")->Number("nmse", {0, 1}), 0.5);
}

TEST(VerifyModelTest, WhatIsNoNumberStandsInPlaceOfOne) {
  VerifyReport report = Wrong();
  report.finding->difference = "has another shape";
  const std::string json = VerifyJson(report, "");
  EXPECT_THAT(json, HasSubstr(R"("difference": "has another shape")"));
  EXPECT_THAT(json, testing::Not(HasSubstr("nmse")));
  EXPECT_THAT(json, testing::Not(HasSubstr("repro")));
}

TEST(VerifyModelTest, ABundleSaysWhatWasNotVerified) {
  VerifyReport report;
  report.is_bundle = true;
  report.kernels = 31;
  report.layers = 6;
  report.tokens = 13;
  EXPECT_THAT(VerifyText(report, ""),
              StartsWith("ok: 31 kernels, 6 layers, 13 tokens and one more; passes and packed "
                         "weights were not verified"));
}

}  // namespace
}  // namespace lluda::tools
