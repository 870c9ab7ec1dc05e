#include "tools/inspect/explain_run.h"

#include <memory>
#include <string>
#include <vector>

#include "engine/source/open_model_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {
namespace {

using testing::SizeIs;
using testing::StartsWith;

// A model that hears, compiled once for all tests: a window of its encoder has at most 26 rows.
class ExplainRunTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine::LoadOptions options;
    auto source = engine::OpenModelSource("reference_data/asr");
    ASSERT_TRUE(source.ok()) << source.status();
    options.source = *std::move(source);
    options.threads = 1;
    options.need_tokenizer = false;
    auto optimised = OpenOptimised(options, engine::Weights::kRequired);
    ASSERT_TRUE(optimised.ok()) << optimised.status();
    optimised_ = std::make_unique<OptimisedModel>(*std::move(optimised));
    options.optimised = optimised_.get();
    auto model = engine::Model::Load(options);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  static void TearDownTestSuite() {
    model_.reset();
    optimised_.reset();
  }
  void SetUp() override { ASSERT_NE(model_, nullptr); }

  absl::StatusOr<std::vector<ExplainReport>> Explain(const std::vector<ExplainedRun>& runs) {
    return ExplainRuns(*optimised_, runs, model_.get());
  }

  inline static std::unique_ptr<OptimisedModel> optimised_;
  inline static std::unique_ptr<engine::Model> model_;
};

double FlopsOf(const ExplainReport& report) {
  double flops = 0;
  for (const ExplainedStatement& statement : report.statements) flops += statement.flops;
  return flops;
}

TEST_F(ExplainRunTest, AnEntryIsRunByItself) {
  const auto reports =
      Explain({{0, 0, "audio"}, {0, 0, "audio", 13}, {0, 0, "audio_chunk"}, {3, 1}});
  ASSERT_TRUE(reports.ok()) << reports.status();
  ASSERT_THAT(*reports, SizeIs(4));
  EXPECT_EQ((*reports)[0].run, "audio, 26 rows of sound");
  EXPECT_EQ((*reports)[1].run, "audio, 13 rows of sound");
  EXPECT_EQ((*reports)[2].run, "audio_chunk");
  EXPECT_EQ((*reports)[3].run, "one token after 3 others");
  for (const ExplainReport& report : *reports) {
    EXPECT_GT(report.seconds, 0);
    EXPECT_GT(FlopsOf(report), 0);
    for (const ExplainedStatement& statement : report.statements) {
      EXPECT_GT(statement.measured_seconds, 0) << statement.name;
    }
  }
  for (const ExplainedStatement& statement : (*reports)[0].statements) {
    EXPECT_THAT(statement.name, StartsWith("audio"));
    if (statement.name == "audio_attn.qkv") {
      EXPECT_EQ(statement.calls, 2);
      EXPECT_EQ(statement.flops, 2.0 * 2 * 26 * 64 * 192);
    }
  }
  EXPECT_GT(FlopsOf((*reports)[0]), 2 * FlopsOf((*reports)[1])) << "attention is quadratic";
}

TEST_F(ExplainRunTest, RowsThatAnEntryDoesNotTakeAreOneLine) {
  EXPECT_EQ(Explain({{0, 0, "audio", 27}}).status().message(),
            "--tokens: @audio takes 1 to 26 rows of sound, not 27");
  EXPECT_EQ(Explain({{0, 0, "audio_chunk", 13}}).status().message(),
            "--tokens: @audio_chunk always takes as much");
}

TEST_F(ExplainRunTest, NearMissesAreThoseOfTheEntry) {
  ASSERT_FALSE(optimised_->history.misses.empty()) << "the encoder's attention has no causal mask";
  PassHistory of_audio = optimised_->history;
  KeepMissesOf(*optimised_->module->FindFunc("audio"), &of_audio);
  EXPECT_THAT(of_audio.misses, testing::Not(testing::IsEmpty()));
  for (const MissedFusion& miss : of_audio.misses) EXPECT_THAT(miss.func, StartsWith("audio"));
  KeepMissesOf(*optimised_->module->FindFunc("audio_chunk"), &of_audio);
  EXPECT_THAT(of_audio.misses, testing::IsEmpty());
}

// A group's work is that of all its statements: in sum, what a CPU does.
TEST(ExplainGpu, CountsWhatACallComputesOfSeveralStatements) {
  std::vector<double> flops;
  for (const engine::Device device : {engine::Device::kCpu, engine::Device::kSimulatedGpu}) {
    engine::LoadOptions options;
    options.folder = "reference_data/tiny";
    options.device = device;
    options.threads = 2;
    options.need_tokenizer = false;
    auto source = engine::OpenModelSource(options.folder);
    ASSERT_TRUE(source.ok()) << source.status();
    options.source = *std::move(source);
    auto optimised = OpenOptimised(options, engine::Weights::kRequired);
    ASSERT_TRUE(optimised.ok()) << optimised.status();
    options.optimised = &*optimised;
    auto model = engine::Model::Load(options);
    ASSERT_TRUE(model.ok()) << model.status();
    const auto reports = ExplainRuns(*optimised, {{3, 1}}, model->get());
    ASSERT_TRUE(reports.ok()) << reports.status();
    flops.push_back(FlopsOf(reports->front()));
    for (const ExplainedStatement& statement : reports->front().statements) {
      EXPECT_FALSE(statement.limit.empty()) << statement.name;
    }
  }
  EXPECT_GT(flops[0], 1e4);
  EXPECT_NEAR(flops[1], flops[0], 0.02 * flops[0]);
}

}  // namespace
}  // namespace lluda::tools
