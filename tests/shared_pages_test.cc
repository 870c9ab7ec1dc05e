// Small models of several families whose sequences share pages: their logits against the same model
// with slots, bit for bit, with pages scattered, shared, given up and computed again.
#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "engine/model.h"
#include "gtest/gtest.h"
#include "runtime/session/session.h"
#include "tests/support/model_logits.h"
#include "tests/support/seeded_families.h"

namespace lluda::tests {
namespace {

constexpr int kLength = 600;  // nine pages and a part, more than a span
constexpr int64_t kShared = 256;

std::unique_ptr<engine::Model> Load(const SeededFolder& folder, bool pages,
                                    engine::Precision precision = engine::Precision::kBF16,
                                    engine::KvCache cache = engine::KvCache::kPrecision,
                                    int threads = 2) {
  engine::LoadOptions options;
  options.folder = folder.path();
  options.module.precision = precision;
  options.module.kv_cache = cache;
  options.module.max_step = 50;
  options.module.pages = pages;
  options.threads = threads;
  options.need_tokenizer = false;
  auto model = engine::Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

class SharedPagesTest : public testing::TestWithParam<std::string> {};

TEST_P(SharedPagesTest, LogitsAreThoseOfSlotsWhateverThePages) {
  const SeededFolder folder(LongCaseNamed(GetParam()));
  const std::vector<int32_t> prompt = folder.Prompt(kLength, 11);
  const std::vector<int32_t> other = folder.Prompt(kLength, 12);
  const auto part = [](const std::vector<int32_t>& tokens, int64_t begin, int64_t end) {
    return absl::MakeConstSpan(tokens).subspan(static_cast<size_t>(begin),
                                               static_cast<size_t>(end - begin));
  };
  for (const auto& [precision, cache, threads] :
       {std::tuple{engine::Precision::kBF16, engine::KvCache::kPrecision, 2},
        std::tuple{engine::Precision::kF32, engine::KvCache::kPrecision, 1},
        std::tuple{engine::Precision::kBF16, engine::KvCache::kInt8, 3}}) {
    const auto slots = Load(folder, /*pages=*/false, precision, cache);
    const auto pages = Load(folder, /*pages=*/true, precision, cache, threads);
    ASSERT_TRUE(slots != nullptr && pages != nullptr);
    const std::vector<float> expected = Copy(OpenSession(slots.get())->Evaluate(prompt));

    auto opened = runtime::Session::Create(pages->executable(), {3, 0, 0, 40});
    ASSERT_TRUE(opened.ok()) << opened.status();
    runtime::Session* const session = opened->get();
    ASSERT_TRUE(session->shares_pages());
    const auto step = [&](const std::vector<runtime::Chunk>& chunks) {
      return Copy(session->Evaluate(chunks));
    };
    // Two texts take pages in turns, and one gives its own back: what comes next lies between them.
    for (int64_t at = 0; at < 300; at += 30) {
      step({{0, part(other, at, at + 30)}, {1, part(prompt, at, at + 30)}});
    }
    session->Truncate(0, 70);
    std::vector<float> last;
    for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 1},
                                     {1, 64},
                                     {64, 191},
                                     {191, 450},
                                     {450, kLength - 1},
                                     {kLength - 1, kLength}}) {
      last = step({{2, part(prompt, begin, end)}});
    }
    EXPECT_TRUE(SameBits(last, expected));

    // The beginning of it as somebody else's, and the rest beside the first text.
    session->Truncate(1, 0);
    session->Begin(1, session->PagesOf(2).first(kShared / 64));
    ASSERT_EQ(session->GoOnInCopy(1, session->PagesOf(2)[kShared / 64], 17), absl::OkStatus());
    session->Truncate(2, 0);
    for (int64_t at = kShared + 17; at < kLength; at += 40) {
      const int64_t end = std::min<int64_t>(at + 40, kLength);
      last = step({{1, part(prompt, at, end)}, {0, part(other, 70, 71)}});
      session->Truncate(0, 70);
      last.resize(expected.size());
    }
    EXPECT_TRUE(SameBits(last, expected));

    // Given up, and computed again over what others left.
    session->Truncate(1, 0);
    step({{2, part(other, 0, 500)}});
    EXPECT_TRUE(SameBits(step({{1, part(prompt, 0, kLength)}}), expected));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SharedPagesTest, testing::Values("qwen3", "llama_odd", "qwen3_moe"),
                         [](const auto& info) { return info.param; });

TEST(SharedPages, AModelWithRingsKeepsItsSlots) {
  const SeededFolder folder(LongCaseNamed("gemma3"));
  const std::vector<int32_t> prompt = folder.Prompt(kLength, 11);
  const auto slots = Load(folder, /*pages=*/false);
  const auto asked = Load(folder, /*pages=*/true);
  ASSERT_TRUE(slots != nullptr && asked != nullptr);
  const auto session = OpenSession(asked.get());
  EXPECT_FALSE(session->shares_pages());
  EXPECT_TRUE(
      SameBits(Copy(session->Evaluate(prompt)), Copy(OpenSession(slots.get())->Evaluate(prompt))));
}

}  // namespace
}  // namespace lluda::tests
