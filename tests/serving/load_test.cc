// Many requests at once on the default model, with arrivals from several threads, clients that
// leave, clients that do not read, a cache that has too few pages for all, and a restart in between:
// each answer must be, byte for byte, what the same request gives alone in a slot, whether the service
// has slots or pages.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "engine/model.h"
#include "engine/service/listener_log.h"
#include "engine/service/service_plan.h"
#include "engine/service/service_thread.h"
#include "engine/session.h"
#include "engine/stories_model.h"

namespace lluda::engine {
namespace {

constexpr int kRequests = 64;
constexpr int64_t kContext = 256;
constexpr const char* kBeginnings[] = {
    "Once upon a time there was a little girl called Anna, who had a red ball. Every day she ",
    "Once upon a time there was a little boy called Tom. He ",
    "The fox and the bear were friends. One day ",
    "Lily went to the park with her mom. She saw ",
};

int64_t Below(int64_t bound, base::SplitMix64* random) {
  return static_cast<int64_t>(random->Next() % static_cast<uint64_t>(bound));
}

class LoadTest : public SlotsAndPagesTest<kContext, 96> {
 protected:
  // All that a request may ask for, by its number.
  static ServiceRequest Request(int number) {
    base::SplitMix64 random(static_cast<uint64_t>(number));
    std::string text = kBeginnings[Below(4, &random)];
    for (int64_t i = Below(4, &random); i > 0; --i)
      absl::StrAppend(&text, kBeginnings[Below(4, &random)]);
    ServiceRequest request;
    request.prompt = model_->tokenizer()->Encode(text);
    request.client = absl::StrCat("client ", Below(5, &random));
    request.prefix_key = absl::StrCat("key ", Below(2, &random));
    request.choices = Below(8, &random) == 0 ? 3 : 1;
    GenerateOptions& options = request.options;
    options.max_new_tokens = 5 + Below(60, &random);
    options.stop_tokens = model_->StopTokens();
    if (Below(3, &random) == 0) options.stop_strings = {".", "ball"};
    options.sampler.seed = random.Next();
    options.sampler.temperature = Below(3, &random) == 0 ? 0.0f : 1.0f;
    options.sampler.top_k = Below(2, &random) == 0 ? 40 : 0;
    options.sampler.top_p = Below(2, &random) == 0 ? 0.9f : 1.0f;
    options.sampler.frequency_penalty = Below(4, &random) == 0 ? 0.5f : 0.0f;
    if (Below(4, &random) == 0) request.top_logprobs = 2;
    return request;
  }

  // What keys and values take if every slot is full.
  static int64_t CacheOf(const ServiceOptions& options) {
    const auto plan =
        PlanService(served()->executable()->program(), served()->threads(), options, std::nullopt);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan->cache;
  }

  static void Compare(const std::vector<ServiceRequest>& requests,
                      const std::vector<std::shared_ptr<ListenerLog>>& logs) {
    int compared = 0;
    auto session = Session::Create(model_, {});
    ASSERT_TRUE(session.ok()) << session.status();
    for (int i = 0; i < kRequests; ++i) {
      for (int64_t choice = 0; choice < requests[i].choices; ++choice) {
        const auto& result = logs[i]->result(choice);
        ASSERT_TRUE(result.ok()) << i << ": " << result.status();
        GenerateOptions alone_options = requests[i].options;
        alone_options.sampler.seed += static_cast<uint64_t>(choice);
        const auto alone = (*session)->Generate(requests[i].prompt, alone_options);
        ASSERT_TRUE(alone.ok()) << alone.status();
        if (result->finish == FinishReason::kCancelled) {
          // As far as it went.
          EXPECT_EQ(i % 7, 3);
          ASSERT_LE(result->tokens.size(), alone->tokens.size());
          EXPECT_TRUE(
              std::equal(result->tokens.begin(), result->tokens.end(), alone->tokens.begin()))
              << i;
          continue;
        }
        SCOPED_TRACE(absl::StrCat(i, " ", choice));
        ExpectSame(*result, *alone);
        EXPECT_EQ(logs[i]->choice(choice).text, alone->text);
        ++compared;
      }
    }
    EXPECT_GE(compared, kRequests * 3 / 4);
  }
};

// How a request goes: by its number, a seventh of clients leaves, another one stops reading for a
// while.
bool Leaves(int number) { return number % 7 == 3; }
bool StopsReading(int number) { return number % 7 == 5; }

INSTANTIATE_TEST_SUITE_P(All, LoadTest, testing::Bool(), SlotsOrPages);

TEST_P(LoadTest, EachOfManyAnswersIsWhatItIsAlone) {
  ServiceOptions options;
  options.slots = 12;
  options.step_seconds = 0.005;  // so that prompts are cut
  options.cache_bytes = CacheOf(options) / 4;
  std::vector<std::shared_ptr<ListenerLog>> logs(kRequests);
  std::vector<ServiceRequest> requests;
  for (int i = 0; i < kRequests; ++i) requests.push_back(Request(i));

  // The first service ends when a third of the answers are there; the second one starts with what
  // was then not answered.
  std::vector<int> open;
  for (int i = 0; i < kRequests; ++i) open.push_back(i);
  int64_t preemptions = 0, prefix_hits = 0;
  for (const size_t enough : {open.size() / 3, open.size()}) {
    auto opened = ServiceThread::Create(
        {served()->executable(), served()->pool(), served()->tokenizer()}, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    ServiceThread* const service = opened->get();
    for (const int i : open) logs[i] = std::make_shared<ListenerLog>(requests[i].choices);
    std::vector<std::thread> clients;
    for (size_t client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        base::SplitMix64 random(1000 + client);
        const auto rest = [&] {
          std::this_thread::sleep_for(std::chrono::milliseconds(Below(15, &random)));
        };
        for (size_t at = client; at < open.size(); at += 4) {
          const int i = open[at];
          const auto id = service->Submit(requests[i], logs[i]);
          ASSERT_TRUE(id.ok()) << id.status();
          rest();
          if (Leaves(i)) {
            service->Cancel(*id);
          } else if (StopsReading(i)) {
            service->Pause(*id, true);
            rest();
            service->Pause(*id, false);
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
    const bool ends = enough < open.size();
    for (size_t at = 0; at < enough; ++at) logs[open[at]]->WaitForEnd();
    preemptions += service->Stats()->preemptions;
    prefix_hits += service->Stats()->prefix_hits;
    if (!ends) {
      EXPECT_EQ(service->Stats()->running, 0);
    }
    opened->reset();
    const auto is_answered = [&](int i) {
      for (int64_t choice = 0; choice < requests[i].choices; ++choice) {
        const auto& result = logs[i]->result(choice);
        if (!Leaves(i) && result.ok() && result->finish == FinishReason::kCancelled) return false;
      }
      return true;
    };
    open.erase(std::remove_if(open.begin(), open.end(), is_answered), open.end());
    if (ends) {
      EXPECT_FALSE(open.empty());
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_GT(preemptions, 0);
  EXPECT_GT(prefix_hits, 0);
  Compare(requests, logs);
}

}  // namespace
}  // namespace lluda::engine
