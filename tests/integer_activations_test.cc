// Activations as integers, end to end: near the exact product, and the same bits whatever the threads,
// the steps of the prompt and the neighbours.
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "engine/model.h"
#include "gtest/gtest.h"
#include "ir/type/dtype.h"
#include "runtime/session/session.h"
#include "tests/support/seeded_families.h"

namespace lluda::tests {
namespace {

using engine::Activations;

FamilyCase Qwen3() {
  for (FamilyCase& family : FamilyCases()) {
    if (family.name == "qwen3") return std::move(family);
  }
  return {};
}

class IntegerActivationsTest : public testing::TestWithParam<ir::DType> {
 protected:
  IntegerActivationsTest() : folder_(Qwen3()), prompt_(folder_.Prompt(40, 11)) {}

  std::unique_ptr<engine::Model> Load(Activations activations, int threads) const {
    engine::LoadOptions options;
    options.folder = folder_.path();
    options.module.weights = GetParam();
    options.module.activations = activations;
    options.threads = threads;
    options.need_tokenizer = false;
    auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *std::move(model) : nullptr;
  }

  // After the prompt, which is given `step` tokens at a time.
  std::vector<float> Logits(engine::Model* model, size_t step) const {
    const auto session = runtime::Session::Create(model->executable(), {1});
    EXPECT_TRUE(session.ok()) << session.status();
    std::vector<float> logits;
    for (size_t at = 0; at < prompt_.size(); at += step) {
      const auto found = (*session)->Evaluate(absl::MakeConstSpan(prompt_).subspan(at, step));
      EXPECT_TRUE(found.ok()) << found.status();
      if (found.ok()) logits.assign(found->begin(), found->end());
    }
    return logits;
  }

  SeededFolder folder_;
  std::vector<int32_t> prompt_;
};

TEST_P(IntegerActivationsTest, AreNearTheExactProductAndTheSameForAnyStepsAndThreads) {
  const auto exact = Load(Activations::kExact, 2);
  const auto integers = Load(Activations::kInt8, 2), alone = Load(Activations::kInt8, 1);
  ASSERT_TRUE(exact != nullptr && integers != nullptr && alone != nullptr);
  EXPECT_EQ(exact->stats().activations, "exact");
  EXPECT_EQ(integers->stats().activations, "int8");
  const std::vector<float> expected = Logits(exact.get(), 40), found = Logits(integers.get(), 40);
  ASSERT_EQ(found.size(), expected.size());
  double error = 0, total = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    error += (found[i] - expected[i]) * (found[i] - expected[i]);
    total += expected[i] * expected[i];
  }
  EXPECT_LT(error / total, 1e-3);
  EXPECT_GT(error / total, 1e-6);
  for (const size_t step : {size_t{40}, size_t{7}, size_t{1}}) {
    const std::vector<float> same = Logits(alone.get(), step);
    EXPECT_EQ(std::memcmp(same.data(), found.data(), found.size() * sizeof(float)), 0) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, IntegerActivationsTest,
                         testing::Values(ir::DType::kQ8_0, ir::DType::kQ4_0, ir::DType::kQ5_1),
                         [](const auto& info) { return std::string(ir::DTypeName(info.param)); });

}  // namespace
}  // namespace lluda::tests
