// Models whose weights are in blocks on a simulated GPU: against the CPU's kernels on the same blocks,
// and against themselves in other steps.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "engine/model.h"
#include "gtest/gtest.h"
#include "ir/type/dtype.h"
#include "runtime/session/session.h"
#include "tests/support/real_model.h"
#include "tools/validate/compare.h"
#include "tools/validate/reference.h"

namespace lluda::tests {
namespace {

class GpuBlocksTest : public testing::TestWithParam<ir::DType> {
 protected:
  void SetUp() override {
    auto prompts = tools::LoadReference("reference_data/stories/reference.json");
    ASSERT_TRUE(prompts.ok()) << prompts.status();
    while (tokens_.size() < kTokens) {
      const auto& ids = (*prompts)[tokens_.size() % prompts->size()].ids;
      tokens_.insert(tokens_.end(), ids.begin(), ids.end());
    }
    tokens_.resize(kTokens);
  }

  std::vector<float> Logits(engine::Device device, size_t of_step) const {
    engine::LoadOptions options;
    options.folder = "reference_data/stories";
    options.device = device;
    options.module.weights = GetParam();
    options.threads = 2;
    options.need_tokenizer = false;
    const auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return {};
    const auto session = runtime::Session::Create((*model)->executable(), {1});
    EXPECT_TRUE(session.ok()) << session.status();
    std::vector<float> last;
    for (size_t at = 0; at < tokens_.size(); at += of_step) {
      const auto logits = (*session)->Evaluate(absl::MakeConstSpan(tokens_).subspan(at, of_step));
      EXPECT_TRUE(logits.ok()) << logits.status();
      if (logits.ok()) last.assign(logits->begin(), logits->end());
    }
    return last;
  }

  static constexpr size_t kTokens = 70;
  std::vector<int32_t> tokens_;
};

TEST_P(GpuBlocksTest, LogitsAreTheCpusButForRounding) {
  const std::vector<float> cpu = Logits(engine::Device::kCpu, kTokens);
  const std::vector<float> gpu = Logits(engine::Device::kSimulatedGpu, kTokens);
  ASSERT_FALSE(cpu.empty());
  EXPECT_EQ(tools::ArgMax(gpu), tools::ArgMax(cpu));
  EXPECT_LT(Nmse(gpu, cpu), 1.2e-4);
  EXPECT_GT(Nmse(gpu, cpu), 0);
  const std::vector<float> in_steps = Logits(engine::Device::kSimulatedGpu, 23);
  ASSERT_EQ(in_steps.size(), gpu.size());
  EXPECT_EQ(std::memcmp(in_steps.data(), gpu.data(), gpu.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(Formats, GpuBlocksTest,
                         testing::Values(ir::DType::kQ8_0, ir::DType::kQ4_0, ir::DType::kQ5_1,
                                         ir::DType::kQ4K, ir::DType::kQ6K),
                         [](const auto& info) { return std::string(ir::DTypeName(info.param)); });

}  // namespace
}  // namespace lluda::tests
