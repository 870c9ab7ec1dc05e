#include "tools/eval/evaluate.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "base/json/json.h"
#include "engine/session.h"
#include "engine/source/model_files.h"
#include "engine/source/open_model_source.h"
#include "frontends/checkpoint/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/eval/eval_report.h"
#include "tools/eval/measure_importance.h"

namespace lluda::tools {
namespace {

using ::testing::HasSubstr;

constexpr char kStories[] = "reference_data/stories";
constexpr char kText[] =
    "Once upon a time, there was a little girl named Lily. She had a red ball. One day, the ball "
    "rolled into the pond, and Lily was sad. A duck swam by and pushed it back to her.";

engine::LoadOptions OptionsFor(const std::string& folder, engine::Precision precision,
                               int threads = 2) {
  engine::LoadOptions options;
  options.folder = folder;
  options.module.precision = precision;
  options.module.context = 64;
  options.threads = threads;
  options.need_tokenizer = false;
  return options;
}

std::unique_ptr<engine::Model> Load(const engine::LoadOptions& options) {
  auto model = engine::Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

// The default model in both precisions, loaded once.
class EvaluateTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = Load(OptionsFor(kStories, engine::Precision::kBF16)).release();
    wide_ = Load(OptionsFor(kStories, engine::Precision::kF32)).release();
  }
  static void TearDownTestSuite() {
    delete model_;
    delete wide_;
  }

  static Evaluation Of(engine::Model* model, engine::Model* against, const EvalOptions& options,
                       const std::string& text = kText) {
    auto evaluation = Evaluate(model, against, {"text", text}, options);
    EXPECT_TRUE(evaluation.ok()) << evaluation.status();
    return evaluation.ok() ? *std::move(evaluation) : Evaluation{};
  }
  static std::string ErrorOf(engine::Model* model, engine::Model* against,
                             const EvalOptions& options, const std::string& text = kText) {
    const absl::Status status = Evaluate(model, against, {"text", text}, options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  static engine::Model* model_;
  static engine::Model* wide_;
};
engine::Model* EvaluateTest::model_ = nullptr;
engine::Model* EvaluateTest::wide_ = nullptr;

// -log of a token's probability after `before`, in long double from the session's logits.
long double Surprise(engine::Session* session, const std::vector<int32_t>& before, int32_t token) {
  auto logits = session->Evaluate(before);
  EXPECT_TRUE(logits.ok()) << logits.status();
  long double sum = 0;
  for (const float logit : *logits) sum += std::exp(static_cast<long double>(logit));
  return std::log(sum) - (*logits)[token];
}

TEST_F(EvaluateTest, PerplexityIsThatOfLogitsTakenOneByOne) {
  EvalOptions options;
  options.window = 20;
  options.stride = 7;
  const Evaluation found = Of(model_, nullptr, options);
  const std::vector<int32_t> ids = model_->tokenizer()->Encode(kText);
  ASSERT_GT(ids.size(), 40u);
  auto session = engine::Session::Create(model_, {});
  ASSERT_TRUE(session.ok());
  long double sum = 0;
  for (size_t i = 1; i < ids.size(); ++i) {
    // The first window that reaches this token.
    const size_t begin = i < 20 ? 0 : (i - 20) / 7 * 7 + 7;
    const std::vector<int32_t> before(ids.begin() + static_cast<int64_t>(begin),
                                      ids.begin() + static_cast<int64_t>(i));
    (*session)->Clear();
    const long double nll = Surprise(session->get(), before, ids[i]);
    ASSERT_EQ(found.positions[i - 1].token, static_cast<int64_t>(i));
    EXPECT_NEAR(found.positions[i - 1].score.nll, static_cast<double>(nll), 1e-12) << i;
    sum += nll;
  }
  ASSERT_EQ(found.positions.size(), ids.size() - 1);
  EXPECT_TRUE(found.is_complete());
  EXPECT_NEAR(found.MeanNll(), static_cast<double>(sum / (ids.size() - 1)), 1e-12);
  EXPECT_GT(found.worst.front().position.score.nll, found.MeanNll());
}

TEST_F(EvaluateTest, AModelDivergesFromItselfByNothing) {
  const auto other = Load(OptionsFor(kStories, engine::Precision::kBF16, 1));
  const Evaluation found = Of(model_, other.get(), {});
  EXPECT_EQ(found.MeanKl(), 0);
  EXPECT_EQ(found.KlQuantile(1), 0);
  EXPECT_EQ(found.SameTop(), static_cast<int64_t>(found.positions.size()));
  EXPECT_EQ(found.MeanNll(), found.MeanAgainstNll());
}

TEST_F(EvaluateTest, AnotherPrecisionDivergesALittle) {
  const Evaluation found = Of(model_, wide_, {});
  EXPECT_GT(found.MeanKl(), 1e-8);
  EXPECT_LT(found.MeanKl(), 1e-3);
  EXPECT_GE(found.KlQuantile(1), found.KlQuantile(0.99));
  EXPECT_GE(found.KlQuantile(0.99), found.KlQuantile(0.5));
  EXPECT_EQ(found.worst.front().position.score.kl, found.KlQuantile(1));
  EXPECT_NEAR(found.MeanNll(), found.MeanAgainstNll(), 0.01);
}

TEST_F(EvaluateTest, NumbersAreTheSameForAnyNumberOfThreads) {
  const auto one = Load(OptionsFor(kStories, engine::Precision::kBF16, 1));
  const auto three = Load(OptionsFor(kStories, engine::Precision::kBF16, 3));
  const Evaluation a = Of(one.get(), wide_, {}), b = Of(three.get(), wide_, {});
  EXPECT_EQ(a.MeanNll(), b.MeanNll());
  EXPECT_EQ(a.MeanKl(), b.MeanKl());
  EXPECT_EQ(a.NllError(), b.NllError());
}

TEST_F(EvaluateTest, CountsTheBytesOfTheTokensThatCount) {
  const Evaluation found = Of(model_, nullptr, {});
  const std::vector<int32_t> ids = model_->tokenizer()->Encode(kText);
  const auto first = model_->tokenizer()->TokenBytes(ids[0]).size();
  EXPECT_EQ(found.bytes, static_cast<int64_t>(std::string(kText).size() - first));
}

TEST_F(EvaluateTest, TextsWithNothingToPredictAreRefused) {
  EXPECT_EQ(ErrorOf(model_, nullptr, {}, ""), "text: has 0 tokens, 2 are needed to predict one");
  EXPECT_EQ(ErrorOf(model_, nullptr, {}, "a"), "text: has 1 token, 2 are needed to predict one");
}

TEST_F(EvaluateTest, WindowsAndStridesOutOfRangeAreRefused) {
  EvalOptions options;
  options.window = 1;
  EXPECT_EQ(ErrorOf(model_, nullptr, options), "a window of 1 tokens, must be at least 2");
  options.window = 100000;
  EXPECT_THAT(ErrorOf(model_, nullptr, options), HasSubstr("a window of 100000 tokens"));
  options.window = 10;
  options.stride = 11;
  EXPECT_EQ(ErrorOf(model_, nullptr, options), "a stride of 11 tokens, must be 1 to 10");
}

TEST_F(EvaluateTest, AnotherVocabularyIsRefused) {
  const auto tiny = Load(OptionsFor("reference_data/tiny", engine::Precision::kBF16));
  EXPECT_EQ(ErrorOf(model_, tiny.get(), {}),
            "reference_data/stories and reference_data/tiny: cannot be compared: their "
            "vocabularies have 4096 and 512 tokens");
}

// The default model's folder, with a norm at the end of which one number is NaN.
void WriteBroken(const base::TemporaryFolder& folder) {
  for (const char* name : {"config.json", "tokenizer.json"}) {
    std::filesystem::copy_file(absl::StrCat(kStories, "/", name), folder.PathOf(name));
  }
  const std::string path = absl::StrCat(kStories, "/model.safetensors");
  std::string bytes = base::ReadAll(path);
  const auto file = frontends::SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto norm = file->Get("model.norm.weight");
  ASSERT_TRUE(norm.ok()) << norm.status();
  ASSERT_EQ((*norm)->dtype_name, "BF16");
  const std::string data(reinterpret_cast<const char*>((*norm)->data), (*norm)->bytes);
  bytes.replace(bytes.find(data), 2, "\xC0\x7F");
  folder.Write("model.safetensors", bytes);
}

TEST_F(EvaluateTest, AModelWhoseLogitsAreNaNHasNoPerplexity) {
  const base::TemporaryFolder folder;
  ASSERT_NO_FATAL_FAILURE(WriteBroken(folder));
  const auto broken = Load(OptionsFor(folder.path(), engine::Precision::kBF16));
  const std::string reason = absl::StrCat(
      folder.path(), ": predicts nothing for token 1 of text: the logit of token 0 is NaN");
  for (const auto& [model, against] :
       {std::pair{broken.get(), model_}, {broken.get(), nullptr}, {model_, broken.get()}}) {
    const absl::Status status = Evaluate(model, against, {"text", kText}, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_EQ(status.message(), reason);
  }
}

TEST_F(EvaluateTest, OfAModelWhoseHiddenStatesAreNaNNoImportancesAreMeasured) {
  const base::TemporaryFolder folder;
  ASSERT_NO_FATAL_FAILURE(WriteBroken(folder));
  engine::LoadOptions options = OptionsFor(folder.path(), engine::Precision::kBF16);
  auto source = engine::OpenModelSource(folder.path());
  ASSERT_TRUE(source.ok()) << source.status();
  options.source = *source;
  options.module = ImportanceModule(options.module);
  const auto files = (*source)->Files(engine::Weights::kRequired);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto model = Load(options);
  const auto importance = MeasureImportance(model.get(), **files, EvalText{"text", kText}, {});
  EXPECT_EQ(importance.status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(importance.status().message(),
            absl::StrCat(folder.path(), ": what the head reads of token 0 of text is nan"));
}

TEST_F(EvaluateTest, WhatWasMeasuredBeforeItWasStoppedIsTheResult) {
  std::atomic<bool> stop = false;
  EvalOptions options;
  options.window = 16;
  options.cancel = &stop;
  options.progress = [&](int64_t done, int64_t total) { stop = done >= total / 2; };
  const Evaluation found = Of(model_, nullptr, options);
  EXPECT_FALSE(found.is_complete());
  EXPECT_GE(static_cast<int64_t>(found.positions.size()), found.wanted / 2);
  EXPECT_LT(static_cast<int64_t>(found.positions.size()), found.wanted);
  EXPECT_FALSE(found.worst.empty());
  // Nothing at all is no error either.
  const Evaluation none = Of(model_, nullptr, options);
  EXPECT_TRUE(none.positions.empty());
  EXPECT_THAT(EvalReportJson({{"m", "bf16", "bf16", "", ""}, {}, none}),
              HasSubstr("\"perplexity\": null"));
}

TEST_F(EvaluateTest, ItsReportsSayTheSameAsTextAndAsJson) {
  EvalReport report;
  report.subject = {"a", "bf16", "int8", "q4_0", ""};
  report.against = EvalSubject{"b", "f32", "f32", "", ""};
  report.evaluation = Of(model_, wide_, {});
  const std::string text = EvalReportText(report);
  EXPECT_THAT(text, HasSubstr("model       a, bf16, KV cache int8, weights q4_0\n"));
  EXPECT_THAT(text, HasSubstr("against     b, f32\n"));
  EXPECT_THAT(text, HasSubstr("likeliest   the same token in "));
  auto json = base::JsonDocument::Parse("report", EvalReportJson(report));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json->root().String("schema"), "lluda.eval/1");
  EXPECT_EQ(*json->root().Int("positions", {0, 1000}), report.evaluation.wanted);
  EXPECT_NEAR(*json->root().Number("perplexity", {0, 1e9}), std::exp(report.evaluation.MeanNll()),
              1e-3);
  EXPECT_EQ(*json->root().Object("against")->Int("likeliest_equal", {0, 1000}),
            report.evaluation.SameTop());
}

}  // namespace
}  // namespace lluda::tools
