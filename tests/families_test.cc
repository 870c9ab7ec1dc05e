// A small model of each family, compiled: its logits against the same model in plain loops, and
// against its own in other steps and beside another sequence.
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "engine/model.h"
#include "gtest/gtest.h"
#include "runtime/executable.h"
#include "runtime/program.h"
#include "runtime/session/session.h"
#include "tests/support/model_logits.h"
#include "tests/support/seeded_families.h"

namespace lluda::tests {
namespace {

class FamiliesTest : public testing::TestWithParam<FamilyCase> {
 protected:
  static constexpr int kLength = 40;

  FamiliesTest()
      : folder_(GetParam()),
        prompt_(folder_.Prompt(kLength, 11)),
        other_(folder_.Prompt(kLength, 12)) {}

  std::unique_ptr<engine::Model> Load(engine::Precision precision) {
    engine::LoadOptions options;
    options.folder = folder_.path();
    options.module.precision = precision;
    options.threads = 2;
    options.need_tokenizer = false;
    auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return nullptr;
    const std::string notes = absl::StrJoin((*model)->notes(), "\n");
    EXPECT_EQ(notes.empty(), GetParam().note.empty()) << notes;
    EXPECT_NE(notes.find(GetParam().note), std::string::npos) << notes;
    return *std::move(model);
  }

  SeededFolder folder_;
  std::vector<int32_t> prompt_, other_;
};

TEST_P(FamiliesTest, LogitsAreThoseOfThePlainModel) {
  // A wrong formula is off by far more; what rounding to bf16 costs is in docs/numerics.md.
  const std::pair<engine::Precision, double> bounds[] = {{engine::Precision::kF32, 1e-10},
                                                         {engine::Precision::kBF16, 2e-3}};
  for (const auto& [precision, bound] : bounds) {
    auto model = Load(precision);
    ASSERT_NE(model, nullptr);
    const double distance = RelativeDistance(Copy(OpenSession(model.get())->Evaluate(prompt_)),
                                             folder_.plain().Logits(prompt_));
    EXPECT_LT(distance, bound);
    EXPECT_GT(distance, 0);
  }
}

TEST_P(FamiliesTest, StepsAndNeighboursDoNotShow) {
  auto model = Load(engine::Precision::kBF16);
  ASSERT_NE(model, nullptr);
  const std::vector<float> whole = Copy(OpenSession(model.get())->Evaluate(prompt_));
  const std::vector<float> other = Copy(OpenSession(model.get())->Evaluate(other_));
  EXPECT_FALSE(SameBits(whole, other));
  // In steps of 7 tokens, beside another sequence.
  auto session = OpenSession(model.get(), 2);
  std::vector<float> both;
  for (size_t at = 0; at < prompt_.size(); at += 7) {
    const runtime::Chunk chunks[] = {{0, absl::MakeConstSpan(other_).subspan(at, 7)},
                                     {1, absl::MakeConstSpan(prompt_).subspan(at, 7)}};
    both = Copy(session->Step(chunks));
  }
  const size_t vocabulary = whole.size();
  ASSERT_EQ(both.size(), 2 * vocabulary);
  EXPECT_TRUE(SameBits({both.begin(), both.begin() + static_cast<int64_t>(vocabulary)}, other));
  EXPECT_TRUE(SameBits({both.begin() + static_cast<int64_t>(vocabulary), both.end()}, whole));
}

TEST_P(FamiliesTest, TheLastLayerComputesTheRowsThatAreAskedFor) {
  auto model = Load(engine::Precision::kBF16);
  ASSERT_NE(model, nullptr);
  // Its attention and its MLP.
  std::set<std::string> of_rows;
  for (const runtime::Call& call : model->executable()->program().entry("step").calls) {
    if (absl::EndsWith(call.site.function, "_rows")) of_rows.insert(call.site.function);
  }
  EXPECT_EQ(of_rows.size(), 2u) << absl::StrJoin(of_rows, ", ");
}

INSTANTIATE_TEST_SUITE_P(All, FamiliesTest, testing::ValuesIn(FamilyCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace lluda::tests
