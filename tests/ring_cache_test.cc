// Small models of families with windows, in contexts so long that the caches of these layers are
// rings: their logits against the same model in plain loops, in other steps, beside another sequence,
// and after going back.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/model.h"
#include "engine/session.h"
#include "gtest/gtest.h"
#include "runtime/session/session.h"
#include "tests/support/model_logits.h"
#include "tests/support/seeded_families.h"

namespace lluda::tests {
namespace {

constexpr int kLength = 600;    // more than twice round a ring
constexpr int64_t kRing = 256;  // the windows are of 7 to 11 positions
constexpr int64_t kMaxStep = 50;

class RingCacheTest : public testing::TestWithParam<std::string> {
 protected:
  RingCacheTest() : folder_(LongCaseNamed(GetParam())), prompt_(folder_.Prompt(kLength, 11)) {}

  std::unique_ptr<engine::Model> Load(engine::Precision precision,
                                      engine::KvCache cache = engine::KvCache::kPrecision) {
    return LoadFolder(folder_, precision, cache);
  }

  static std::unique_ptr<engine::Model> LoadFolder(const SeededFolder& folder,
                                                   engine::Precision precision,
                                                   engine::KvCache cache) {
    engine::LoadOptions options;
    options.folder = folder.path();
    options.module.precision = precision;
    options.module.kv_cache = cache;
    options.module.max_step = kMaxStep;
    options.threads = 2;
    options.need_tokenizer = false;
    auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *std::move(model) : nullptr;
  }

  absl::Span<const int32_t> First(int64_t tokens) const {
    return absl::MakeConstSpan(prompt_).subspan(0, static_cast<size_t>(tokens));
  }

  SeededFolder folder_;
  std::vector<int32_t> prompt_;
};

TEST_P(RingCacheTest, LayersWithAWindowHoldARingAndTheOthersTheContext) {
  const auto model = Load(engine::Precision::kBF16);
  ASSERT_NE(model, nullptr);
  const std::vector<int64_t>& windows = folder_.plain().windows;
  int64_t rings = 0;
  for (const runtime::Tensor& state : model->executable()->program().states) {
    const bool in_window = state.name.find("_window[") != std::string::npos;
    EXPECT_EQ(state.positions.ring, in_window ? kRing : 0) << state.name;
    rings += in_window ? 1 : 0;
  }
  // Keys and values.
  EXPECT_EQ(rings, 2 * (static_cast<int64_t>(windows.size()) -
                        std::count(windows.begin(), windows.end(), 0)));
  EXPECT_EQ(model->executable()->program().states.size(), 2 * windows.size());
}

TEST_P(RingCacheTest, LogitsAreThoseOfThePlainModel) {
  const auto model = Load(engine::Precision::kF32);
  ASSERT_NE(model, nullptr);
  const std::vector<float> ours = Copy(OpenSession(model.get())->Evaluate(prompt_));
  const std::vector<double> theirs = folder_.plain().Logits(prompt_);
  EXPECT_LT(RelativeDistance(ours, theirs), 1e-10);
}

TEST_P(RingCacheTest, StepsAndNeighboursDoNotShow) {
  const std::vector<int32_t> other = folder_.Prompt(kLength, 12);
  for (const engine::KvCache cache : {engine::KvCache::kPrecision, engine::KvCache::kInt8}) {
    const auto model = Load(engine::Precision::kBF16, cache);
    ASSERT_NE(model, nullptr);
    const std::vector<float> whole = Copy(OpenSession(model.get())->Evaluate(prompt_));
    const auto session = OpenSession(model.get(), 2);
    std::vector<float> both;
    for (size_t at = 0; at < kLength; at += 24) {
      const runtime::Chunk chunks[] = {{0, absl::MakeConstSpan(other).subspan(at, 24)},
                                       {1, absl::MakeConstSpan(prompt_).subspan(at, 24)}};
      both = Copy(session->Step(chunks));
    }
    ASSERT_EQ(both.size(), 2 * whole.size());
    const auto second = both.begin() + static_cast<int64_t>(whole.size());
    EXPECT_TRUE(SameBits({second, both.end()}, whole));
    EXPECT_FALSE(SameBits({both.begin(), second}, whole));
  }
}

// Generates a token after them, for its count of tokens that were not computed again.
int64_t Reused(engine::Session* session, absl::Span<const int32_t> prompt) {
  engine::GenerateOptions options;
  options.max_new_tokens = 1;
  const auto result = session->Generate(prompt, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->reused_tokens : -1;
}

TEST_P(RingCacheTest, ASequenceGoesOnFromItsBeginningOrStartsAgain) {
  const auto model = Load(engine::Precision::kBF16);
  ASSERT_NE(model, nullptr);
  auto session = engine::Session::Create(model.get(), {});
  ASSERT_TRUE(session.ok()) << session.status();
  for (const int64_t length : {600, 570, 300, 200}) {
    const std::vector<float> alone = Copy(OpenSession(model.get())->Evaluate(First(length)));
    EXPECT_TRUE(SameBits(Copy((*session)->Evaluate(First(length))), alone)) << length;
  }
  // Twice round, and a step's tokens back at most.
  ASSERT_TRUE((*session)->Evaluate(prompt_).ok());
  EXPECT_EQ(Reused(session->get(), First(560)), 559);
  EXPECT_EQ(Reused(session->get(), First(500)), 0);
  // Not once round.
  (*session)->Clear();
  ASSERT_TRUE((*session)->Evaluate(First(kRing)).ok());
  EXPECT_EQ(Reused(session->get(), First(100)), 99);
}

// A token alone at a span's edge: threads share the spans of layers with a window and of those
// without one, in the same workspace, and they have different numbers of spans.
TEST_P(RingCacheTest, KernelsOfOtherSpansShareTheirWorkspace) {
  FamilyCase longer = LongCaseNamed(GetParam());
  longer.positions = 4096;
  const SeededFolder folder(longer);
  const std::vector<int32_t> prompt = folder.Prompt(kLength, 13);
  const auto model = LoadFolder(folder, engine::Precision::kBF16, engine::KvCache::kPrecision);
  ASSERT_NE(model, nullptr);
  const std::vector<float> whole = Copy(OpenSession(model.get())->Evaluate(prompt));
  const auto session = OpenSession(model.get());
  constexpr size_t kBefore = 505;
  ASSERT_TRUE(session->Evaluate(absl::MakeConstSpan(prompt).subspan(0, kBefore)).ok());
  std::vector<float> last;
  for (size_t at = kBefore; at < kLength; ++at) {
    const runtime::Chunk chunks[] = {{0, absl::MakeConstSpan(prompt).subspan(at, 1)}};
    last = Copy(session->Step(chunks));
  }
  EXPECT_TRUE(SameBits(last, whole));
}

INSTANTIATE_TEST_SUITE_P(All, RingCacheTest,
                         testing::Values("mistral_with_a_window", "gemma3", "smollm3_with_windows"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace lluda::tests
