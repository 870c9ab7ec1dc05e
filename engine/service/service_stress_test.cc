// Threads that submit, cancel, pause, look and listen at once, on a model whose steps take no time:
// what a thread sanitizer should see.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "base/random.h"
#include "engine/service/counting_model.h"
#include "engine/service/listener_log.h"
#include "engine/service/service_stats.h"
#include "engine/service/service_thread.h"

namespace lluda::engine {
namespace {

constexpr int kThreads = 4, kRequests = 60;

// Counts up from the prompt's last token, as far as it got.
void ExpectCounted(const ServiceRequest& request, const ListenerLog& log, int64_t choice) {
  const absl::StatusOr<Generation>& result = log.result(choice);
  ASSERT_TRUE(result.ok()) << result.status();
  int32_t next = request.prompt.back();
  for (const int32_t token : result->tokens) EXPECT_EQ(token, ++next);
  if (result->finish == FinishReason::kCancelled) return;
  EXPECT_EQ(static_cast<int64_t>(result->tokens.size()), request.options.max_new_tokens);
}

TEST(ServiceStressTest, WhateverThreadsDoEachRequestEndsOnceAndRight) {
  CountingModel model(2);
  ServiceOptions options;
  options.slots = 5;
  options.max_queue = 1000;
  auto service = ServiceThread::Create(model.served(), options);
  ASSERT_TRUE(service.ok()) << service.status();
  std::vector<ServiceRequest> requests(kThreads * kRequests);
  std::vector<std::shared_ptr<ListenerLog>> logs(requests.size());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      base::SplitMix64 random(static_cast<uint64_t>(thread));
      const auto one_of = [&](int64_t count) {
        return static_cast<int64_t>(random.Next() % static_cast<uint64_t>(count));
      };
      for (int i = 0; i < kRequests; ++i) {
        const size_t at = static_cast<size_t>(thread * kRequests + i);
        ServiceRequest& request = requests[at];
        request.prompt.assign(static_cast<size_t>(1 + one_of(20)), 5);
        request.prompt.push_back(static_cast<int32_t>(20 + one_of(5)));
        request.options.max_new_tokens = one_of(20);
        request.options.sampler.temperature = 0;
        request.choices = 1 + one_of(3);
        if (one_of(2) == 0) request.top_logprobs = 2;
        request.client = std::to_string(one_of(3));
        logs[at] = std::make_shared<ListenerLog>(request.choices);
        const auto id = (*service)->Submit(request, logs[at]);
        ASSERT_TRUE(id.ok()) << id.status();
        switch (one_of(5)) {
          case 0:
            (*service)->Cancel(*id);
            break;
          case 1:
            (*service)->Pause(*id, true);
            std::this_thread::yield();
            (*service)->Pause(*id, false);
            break;
          case 2:
            EXPECT_GE((*service)->Stats()->generated_tokens, 0);
            EXPECT_GE((*service)->RetryAfterSeconds(), 1);
            break;
          default:
            logs[at]->WaitForTokens(1);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < logs.size(); ++i) {
    logs[i]->WaitForEnd();
    for (int64_t choice = 0; choice < requests[i].choices; ++choice) {
      ExpectCounted(requests[i], *logs[i], choice);
    }
  }
  const auto stats = (*service)->Stats();
  int64_t ended = 0, choices = 0;
  for (const int64_t count : stats->finished) ended += count;
  for (const ServiceRequest& request : requests) choices += request.choices;
  EXPECT_EQ(ended, choices);
  EXPECT_EQ(stats->finished[ServiceStats::kError], 0);
}

TEST(ServiceStressTest, AServiceMayGoAtAnyTime) {
  for (int i = 0; i < 30; ++i) {
    CountingModel model(2);
    auto service = ServiceThread::Create(model.served(), {});
    ASSERT_TRUE(service.ok()) << service.status();
    ServiceRequest request;
    request.prompt = {20};
    request.options.max_new_tokens = 25;
    request.options.sampler.temperature = 0;
    std::vector<std::shared_ptr<ListenerLog>> logs;
    for (int j = 0; j < 10; ++j) {
      logs.push_back(std::make_shared<ListenerLog>());
      ASSERT_TRUE((*service)->Submit(request, logs.back()).ok());
    }
    if (i % 3 == 0) (*service)->Drain();
    if (i % 3 == 1) logs[0]->WaitForTokens(static_cast<size_t>(i % 7));
    service->reset();
    for (const auto& log : logs) EXPECT_TRUE(log->choice().result.has_value());
  }
}

}  // namespace
}  // namespace lluda::engine
