// Slots that share pages, on a fake model: its cache holds the tokens themselves, and a row's result
// is what its token sees of them through the table.
#include <algorithm>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cpu_device.h"
#include "runtime/session/session.h"

namespace lluda::runtime {
namespace {

using ::testing::Not;

constexpr int64_t kPage = PageBudget::kPagePositions;
constexpr int64_t kVocabulary = 1000;
enum { kPlaces, kContext, kPages, kRows, kSlots, kTokens };

// buffers: cache page[P] pos[64], tokens, pos, page
void AppendTokens(const KernelArgs* args) {
  auto* cache = static_cast<int32_t*>(args->buffers[0]);
  const auto input = [&](int i) { return static_cast<const int32_t*>(args->buffers[i]); };
  for (int64_t t = args->begin; t < args->end; ++t) {
    cache[input(3)[t] * kPage + input(2)[t] % kPage] = input(1)[t];
  }
}

// buffers: cache, pos, slot, rows, table, result: the last tokens that are seen, and a sum of all
void Look(const KernelArgs* args) {
  const auto input = [&](int i) { return static_cast<const int32_t*>(args->buffers[i]); };
  for (int64_t row = args->begin; row < args->end; ++row) {
    const int32_t t = input(3)[row];
    float* result = static_cast<float*>(args->buffers[5]) + row * kVocabulary;
    std::fill_n(result, kVocabulary, 0.0f);
    for (int32_t p = 0; p <= input(1)[t]; ++p) {
      const int32_t page = input(4)[input(2)[t] * args->dims[kPlaces] + p / kPage];
      result[0] = static_cast<float>(input(0)[page * kPage + p % kPage]);
      result[1] += result[0] * static_cast<float>(p + 1);
    }
  }
}

Program PagedModel() {
  Program program;
  program.symbols = {{"B", 1, 4}, {"C", 64, 256}, {"P", 1, 12},
                     {"R", 1, 4}, {"S", 1, 3},    {"T", 1, 300}};
  program.states = {{"cache", kPage * 4, {kPages}}};
  program.entries.resize(1);
  program.entries[0].name = "step";
  program.entries[0].inputs = {
      {"tokens", 1, {}, kVocabulary}, {"pos"}, {"slot"}, {"rows"}, {"page"}, {"table"}};
  program.entries[0].result = {"logits", kVocabulary * 4, {kRows}};
  program.kernels.resize(2);
  program.kernels[0].fn = AppendTokens;
  program.kernels[0].work = {1, {{kTokens, 1}}};
  program.kernels[1].fn = Look;
  program.kernels[1].work = {1, {{kRows, 1}}};
  const BufferRef cache{Space::kState, 0, 0}, output{Space::kOutput, 0, 0};
  const auto input = [](uint32_t i) { return BufferRef{Space::kInput, i, 0}; };
  program.entries[0].calls = {{0, {cache, input(0), input(1), input(4)}},
                              {1, {cache, input(1), input(2), input(3), input(5), output}}};
  return program;
}

std::vector<int32_t> Tokens(int64_t count, int32_t first) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(first + static_cast<int32_t>(i * 7 % 90));
  return tokens;
}

float SumOf(const std::vector<int32_t>& sequence) {
  float sum = 0;
  for (size_t p = 0; p < sequence.size(); ++p) sum += static_cast<float>(sequence[p] * (p + 1));
  return sum;
}

class SharedPagesTest : public ::testing::Test {
 protected:
  SharedPagesTest() {
    auto executable = Executable::Create(PagedModel(), std::make_unique<CpuDevice>(&pool_));
    EXPECT_TRUE(executable.ok()) << executable.status();
    executable_ = *std::move(executable);
    EXPECT_EQ(executable_->Load(nullptr, nullptr), absl::OkStatus());
  }

  std::unique_ptr<Session> Open(int slots, int64_t pages = 0) {
    auto session = Session::Create(executable_.get(), {slots, 256, 0, pages});
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }

  // What the slot sees after these tokens more.
  static float Evaluate(Session* session, int slot, const std::vector<int32_t>& tokens) {
    const Chunk chunk{slot, tokens};
    const auto result = session->Evaluate(absl::MakeConstSpan(&chunk, 1));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? (*result)[1] : -1;
  }

  ThreadPool pool_{1};
  std::unique_ptr<Executable> executable_;
};

TEST_F(SharedPagesTest, ASlotTakesPagesAsItGrowsAndGivesThemBack) {
  auto session = Open(3, 7);
  EXPECT_TRUE(session->shares_pages());
  EXPECT_EQ(session->pages(), 7);
  EXPECT_EQ(session->kv_bytes(), 7 * kPage * 4);
  session->TouchMemory(&pool_);
  const std::vector<int32_t> a = Tokens(100, 5), b = Tokens(200, 40);
  EXPECT_EQ(Evaluate(session.get(), 0, a), SumOf(a));
  EXPECT_EQ(Evaluate(session.get(), 2, b), SumOf(b));
  EXPECT_EQ(session->used_pages(0), 2);
  EXPECT_EQ(session->used_pages(2), 4);
  EXPECT_EQ(session->free_pages(), 1);
  EXPECT_EQ(session->PagesMissing(0, 129), 1);
  const Chunk more{1, a};
  EXPECT_EQ(session->Step(absl::MakeConstSpan(&more, 1)).status().code(),
            absl::StatusCode::kResourceExhausted);
  session->Truncate(2, 70);
  EXPECT_EQ(session->free_pages(), 3);
  EXPECT_EQ(Evaluate(session.get(), 1, a), SumOf(a));
  std::vector<int32_t> rest(b.begin(), b.begin() + 70);
  rest.push_back(9);
  EXPECT_EQ(Evaluate(session.get(), 2, {9}), SumOf(rest));
}

TEST_F(SharedPagesTest, ASlotBeginsWithAnothersPagesAndACopyOfAPart) {
  auto session = Open(2);
  const std::vector<int32_t> first = Tokens(150, 5);
  Evaluate(session.get(), 0, first);
  session->Begin(1, session->PagesOf(0).first(2));
  EXPECT_EQ(session->free_pages(), 8 - 3);
  ASSERT_EQ(session->GoOnInCopy(1, session->PagesOf(0)[2], 10), absl::OkStatus());
  EXPECT_EQ(session->length(1), 138);
  EXPECT_EQ(session->free_pages(), 8 - 4);
  std::vector<int32_t> second(first.begin(), first.begin() + 138);
  second.push_back(77);
  EXPECT_EQ(Evaluate(session.get(), 1, {77}), SumOf(second));
  // The source has its own tokens still, and shared pages outlive it.
  std::vector<int32_t> longer = first;
  longer.push_back(3);
  EXPECT_EQ(Evaluate(session.get(), 0, {3}), SumOf(longer));
  session->Truncate(0, 0);
  Evaluate(session.get(), 0, Tokens(200, 300));
  second.push_back(78);
  EXPECT_EQ(Evaluate(session.get(), 1, {78}), SumOf(second));
}

TEST_F(SharedPagesTest, APageThatIsHeldStaysWhenItsSlotEnds) {
  auto session = Open(2);
  const std::vector<int32_t> first = Tokens(70, 5);
  Evaluate(session.get(), 0, first);
  const std::vector<int32_t> pages(session->PagesOf(0).begin(), session->PagesOf(0).end());
  for (const int32_t page : pages) session->HoldPage(page);
  session->Truncate(0, 0);
  EXPECT_EQ(session->free_pages(), 6);
  Evaluate(session.get(), 0, Tokens(250, 300));
  EXPECT_THAT(session->PagesOf(0), Not(testing::Contains(testing::AnyOf(pages[0], pages[1]))));
  session->Begin(1, {pages[0]});
  session->GoOnIn(1, pages[1], 6);
  session->DropPage(pages[1]);
  std::vector<int32_t> second = first;
  second.push_back(8);
  EXPECT_EQ(Evaluate(session.get(), 1, {8}), SumOf(second));
  session->Truncate(1, 0);
  EXPECT_EQ(session->free_pages(), 3) << "one is still held";
}

TEST_F(SharedPagesTest, OneOfTwoEqualPagesCanTakeTheOthersPlace) {
  auto session = Open(2);
  const std::vector<int32_t> tokens = Tokens(100, 5);
  Evaluate(session.get(), 0, tokens);
  Evaluate(session.get(), 1, tokens);
  session->ReplacePage(1, 0, session->PagesOf(0)[0]);
  EXPECT_EQ(session->PagesOf(1)[0], session->PagesOf(0)[0]);
  EXPECT_EQ(session->free_pages(), 8 - 3);
  std::vector<int32_t> more = tokens;
  more.push_back(8);
  EXPECT_EQ(Evaluate(session.get(), 1, {8}), SumOf(more));
}

TEST_F(SharedPagesTest, ACopiedPrefixIsTheSlotsOwn) {
  auto session = Open(2);
  const std::vector<int32_t> tokens = Tokens(100, 5);
  Evaluate(session.get(), 0, tokens);
  ASSERT_EQ(session->CopyPrefix(0, 1, 80), absl::OkStatus());
  EXPECT_THAT(session->PagesOf(0),
              Not(testing::Contains(testing::AnyOfArray(session->PagesOf(1)))));
  std::vector<int32_t> more(tokens.begin(), tokens.begin() + 80);
  more.push_back(8);
  EXPECT_EQ(Evaluate(session.get(), 1, {8}), SumOf(more));
}

TEST_F(SharedPagesTest, AContextFitsInAnyCase) {
  EXPECT_EQ(Session::Create(executable_.get(), {2, 256, 0, 3}).status().message(),
            "pages is 3, must be 4..8");
}

}  // namespace
}  // namespace lluda::runtime
