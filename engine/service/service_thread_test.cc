// Many requests at once on the default model, each held against itself alone in a session.
#include "engine/service/service_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/model.h"
#include "engine/service/chances.h"
#include "engine/service/listener_log.h"
#include "engine/session.h"
#include "engine/stories_model.h"

namespace lluda::engine {
namespace {

using testing::HasSubstr;

constexpr int64_t kContext = 128;

class ServiceThreadTest : public StoriesTest<kContext> {
 protected:
  static absl::StatusOr<std::unique_ptr<ServiceThread>> TryOpen(const ServiceOptions& options) {
    return ServiceThread::Create({model_->executable(), model_->pool(), model_->tokenizer()},
                                 options);
  }
  static std::unique_ptr<ServiceThread> Open(int slots) {
    ServiceOptions options;
    options.slots = slots;
    auto service = TryOpen(options);
    EXPECT_TRUE(service.ok()) << service.status();
    return *std::move(service);
  }

  // Different in prompt, length, sampling and stops, by `kind`.
  static ServiceRequest Request(int kind) {
    ServiceRequest request;
    request.prompt = model_->tokenizer()->Encode(kStoryPrompts[kind % 5]);
    request.options = StoryOptions(*model_, kind);
    request.client = "client " + std::to_string(kind % 2);
    return request;
  }
  // One that goes on until the context is full.
  static ServiceRequest LongRequest() {
    ServiceRequest request = Request(1);
    request.options.max_new_tokens = 1000;
    request.options.stop_tokens = {};
    return request;
  }

  static uint64_t Submit(Service* service, const ServiceRequest& request,
                         std::shared_ptr<RequestListener> listener) {
    const absl::StatusOr<uint64_t> id = service->Submit(request, std::move(listener));
    EXPECT_TRUE(id.ok()) << id.status();
    return *id;
  }

  // No service is at work.
  static void ExpectAsAlone(const ListenerLog& log, const ServiceRequest& request,
                            int64_t choice = 0) {
    const absl::StatusOr<Generation>& result = log.result(choice);
    ASSERT_TRUE(result.ok()) << result.status();
    ServiceRequest one = request;
    one.options.sampler.seed += static_cast<uint64_t>(choice);
    const Generation alone = Alone(one.prompt, one.options);
    ExpectSame(*result, alone);
    std::vector<int32_t> told;
    for (const ServedToken& token : log.choice(choice).tokens) told.push_back(token.id);
    EXPECT_EQ(told, alone.tokens);
    EXPECT_EQ(log.choice(choice).text, alone.text);
  }
};

TEST_F(ServiceThreadTest, RequestsOfManyThreadsAreWhatEachIsAlone) {
  for (const int slots : {1, 4}) {
    auto service = Open(slots);
    std::vector<std::shared_ptr<ListenerLog>> logs;
    for (int i = 0; i < 18; ++i) logs.push_back(std::make_shared<ListenerLog>());
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = thread; i < 18; i += 3) {
          Submit(service.get(), Request(i), logs[i]);
          std::this_thread::sleep_for(std::chrono::milliseconds(i));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& log : logs) log->WaitForEnd();
    service = nullptr;
    for (int i = 0; i < 18; ++i) ExpectAsAlone(*logs[i], Request(i));
  }
}

TEST_F(ServiceThreadTest, EachChoiceIsWhatItsSeedGivesAlone) {
  for (const int slots : {1, 2, 6}) {
    auto service = Open(slots);
    ServiceRequest request = Request(7);
    request.choices = 4;
    auto log = std::make_shared<ListenerLog>(4);
    Submit(service.get(), request, log);
    log->WaitForEnd();
    service = nullptr;
    for (int64_t choice = 0; choice < 4; ++choice) ExpectAsAlone(*log, request, choice);
    // The prompt was computed once, but for its last token.
    const auto prompt = static_cast<int64_t>(request.prompt.size());
    for (int64_t choice = 1; choice < 4; ++choice) {
      EXPECT_EQ(log->result(choice)->reused_tokens, prompt - 1) << slots;
    }
  }
}

TEST_F(ServiceThreadTest, ARequestThatIsCancelledEndsWhileOthersGoOn) {
  auto service = Open(2);
  auto leaves = std::make_shared<ListenerLog>(), stays = std::make_shared<ListenerLog>();
  const uint64_t id = Submit(service.get(), LongRequest(), leaves);
  Submit(service.get(), Request(5), stays);
  leaves->WaitForTokens(3);
  service->Cancel(id);
  leaves->WaitForEnd();
  stays->WaitForEnd();
  service->Cancel(id);  // nothing: it has ended
  service = nullptr;
  ASSERT_TRUE(leaves->result().ok());
  EXPECT_EQ(leaves->result()->finish, FinishReason::kCancelled);
  EXPECT_GE(leaves->result()->tokens.size(), 3u);
  EXPECT_EQ(leaves->choice().text, leaves->result()->text);
  ExpectAsAlone(*stays, Request(5));
}

TEST_F(ServiceThreadTest, ACancelledRequestDoesNotWaitForItsTurn) {
  auto service = Open(1);
  auto first = std::make_shared<ListenerLog>(), second = std::make_shared<ListenerLog>(2);
  const uint64_t running = Submit(service.get(), LongRequest(), first);
  first->WaitForTokens(1);
  service->Pause(running, true);  // so that it cannot end
  ServiceRequest request = Request(1);
  request.choices = 2;
  const uint64_t waiting = Submit(service.get(), request, second);
  service->Cancel(waiting);
  second->WaitForEnd();
  for (const int64_t choice : {0, 1}) {
    ASSERT_TRUE(second->result(choice).ok());
    EXPECT_EQ(second->result(choice)->finish, FinishReason::kCancelled);
    EXPECT_TRUE(second->result(choice)->tokens.empty());
  }
  EXPECT_FALSE(first->choice().result.has_value());
}

TEST_F(ServiceThreadTest, APausedRequestComputesNothingAndGoesOnWhereItWas) {
  auto service = Open(2);
  auto paused = std::make_shared<ListenerLog>();
  const ServiceRequest request = LongRequest();
  const uint64_t id = Submit(service.get(), request, paused);
  paused->WaitForTokens(5);
  service->Pause(id, true);
  // Whatever step was under way when it was paused, the next request's have come after.
  auto other = std::make_shared<ListenerLog>();
  Submit(service.get(), Request(3), other);
  other->WaitForTokens(2);
  const size_t tokens = paused->TokensSoFar();
  other->WaitForEnd();
  EXPECT_EQ(paused->TokensSoFar(), tokens);
  EXPECT_EQ(service->Stats()->paused, 1);
  service->Pause(id, false);
  paused->WaitForEnd();
  service = nullptr;
  ExpectAsAlone(*paused, request);
  ExpectAsAlone(*other, Request(3));
}

TEST_F(ServiceThreadTest, ChancesAreThoseOfTheModelsOwnDistribution) {
  ServiceRequest request = Request(4);
  request.options.sampler.temperature = 0.5f;
  request.top_logprobs = 3;
  auto log = std::make_shared<ListenerLog>();
  {
    auto service = Open(3);
    auto other = std::make_shared<ListenerLog>();
    Submit(service.get(), Request(8), other);
    Submit(service.get(), request, log);
    log->WaitForEnd();
    other->WaitForEnd();
    EXPECT_TRUE(other->choice().tokens[0].likeliest.empty());
  }
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  std::vector<int32_t> tokens = request.prompt;
  ASSERT_FALSE(log->choice().tokens.empty());
  for (const ServedToken& token : log->choice().tokens) {
    const auto logits = (*session)->Evaluate(tokens);
    ASSERT_TRUE(logits.ok()) << logits.status();
    const TokenChances expected = ChancesOf(*logits, token.id, 3);
    EXPECT_EQ(token.log_probability, expected.log_probability);
    ASSERT_EQ(token.likeliest.size(), 3u);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(token.likeliest[i].id, expected.likeliest[i].id);
      EXPECT_EQ(token.likeliest[i].log_probability, expected.likeliest[i].log_probability);
    }
    tokens.push_back(token.id);
  }
}

TEST_F(ServiceThreadTest, AnswersDoNotDependOnTheTimeAStepMayTake) {
  for (const double seconds : {1e-6, 10.0}) {
    ServiceOptions options;
    options.slots = 3;
    options.step_seconds = seconds;
    auto service = *TryOpen(options);
    std::vector<std::shared_ptr<ListenerLog>> logs;
    for (int i = 0; i < 6; ++i) {
      logs.push_back(std::make_shared<ListenerLog>());
      Submit(service.get(), Request(i), logs.back());
    }
    for (const auto& log : logs) log->WaitForEnd();
    service = nullptr;
    for (int i = 0; i < 6; ++i) ExpectAsAlone(*logs[i], Request(i));
  }
}

TEST_F(ServiceThreadTest, WhatIsComputedOfAPromptIsKeptForItsKey) {
  auto service = Open(3);
  const auto reused = [&](absl::string_view key) {
    ServiceRequest request = Request(3);
    request.prefix_key = std::string(key);
    auto log = std::make_shared<ListenerLog>();
    Submit(service.get(), request, log);
    log->WaitForEnd();
    return log->result()->reused_tokens;
  };
  const auto all_but_one = static_cast<int64_t>(Request(3).prompt.size()) - 1;
  EXPECT_EQ(reused("a"), 0);
  EXPECT_EQ(reused("b"), 0);
  EXPECT_EQ(reused("a"), all_but_one);
  EXPECT_EQ(reused("b"), all_but_one);
  EXPECT_EQ(service->Stats()->prefix_hits, 2 * all_but_one);
}

TEST_F(ServiceThreadTest, ARequestForNoTokensEndsWithoutAny) {
  auto service = Open(1);
  ServiceRequest request = Request(1);
  request.options.max_new_tokens = 0;
  request.choices = 2;
  auto log = std::make_shared<ListenerLog>(2);
  Submit(service.get(), request, log);
  log->WaitForEnd();
  EXPECT_EQ(log->result(1)->finish, FinishReason::kLength);
  EXPECT_TRUE(log->result(1)->tokens.empty());
}

TEST_F(ServiceThreadTest, BadRequestsAreRefusedAtOnce) {
  auto service = Open(1);
  const auto refuse = [&](void (*change)(ServiceRequest*)) {
    ServiceRequest request = Request(1);
    change(&request);
    return service->Submit(request, std::make_shared<ListenerLog>()).status();
  };
  const absl::Status full = refuse([](ServiceRequest* r) { r->prompt.assign(kContext, 1); });
  EXPECT_EQ(full.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(full.message()), HasSubstr("128 tokens"));
  EXPECT_THAT(std::string(full.message()), HasSubstr("the context's 128"));
  EXPECT_EQ(refuse([](ServiceRequest* r) { r->prompt.clear(); }).message(), "the prompt is empty");
  EXPECT_EQ(refuse([](ServiceRequest* r) { r->choices = 0; }).message(),
            "choices must be 1 to 16, is 0");
  EXPECT_EQ(refuse([](ServiceRequest* r) { r->choices = 17; }).message(),
            "choices must be 1 to 16, is 17");
  EXPECT_EQ(refuse([](ServiceRequest* r) { r->top_logprobs = 21; }).message(),
            "top_logprobs must be 0 to 20, is 21");
  EXPECT_EQ(refuse([](ServiceRequest* r) { r->options.sampler.temperature = -1; }).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(service->Stats()->rejected[ServiceStats::kInvalid], 6);
}

TEST_F(ServiceThreadTest, AFullQueueTakesNoMoreUntilOneHasItsTurn) {
  ServiceOptions options;
  options.slots = 1;
  options.max_queue = 2;
  auto service = *TryOpen(options);
  auto running = std::make_shared<ListenerLog>();
  const uint64_t id = Submit(service.get(), LongRequest(), running);
  running->WaitForTokens(1);
  service->Pause(id, true);
  std::vector<std::shared_ptr<ListenerLog>> logs;
  for (int i = 0; i < 2; ++i) {
    logs.push_back(std::make_shared<ListenerLog>());
    Submit(service.get(), Request(i), logs.back());
  }
  const absl::Status full = service->Submit(Request(2), std::make_shared<ListenerLog>()).status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("2 requests"));
  EXPECT_GE(service->RetryAfterSeconds(), 1);
  EXPECT_EQ(service->Stats()->rejected[ServiceStats::kQueueFull], 1);
  service->Cancel(id);
  for (const auto& log : logs) log->WaitForEnd();
  auto last = std::make_shared<ListenerLog>();
  Submit(service.get(), Request(2), last);
  last->WaitForEnd();
  service = nullptr;
  ExpectAsAlone(*last, Request(2));
}

TEST_F(ServiceThreadTest, TheQueueIsBoundedInBytesButOneAlwaysFits) {
  ServiceOptions options;
  options.slots = 1;
  options.max_queue_bytes = 10;
  auto service = *TryOpen(options);
  auto running = std::make_shared<ListenerLog>(), waiting = std::make_shared<ListenerLog>();
  const uint64_t id = Submit(service.get(), LongRequest(), running);
  running->WaitForTokens(1);
  service->Pause(id, true);
  Submit(service.get(), Request(3), waiting);
  EXPECT_EQ(service->Submit(Request(1), std::make_shared<ListenerLog>()).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(ServiceThreadTest, ARequestThatWaitsTooLongIsGivenUp) {
  ServiceOptions options;
  options.slots = 1;
  options.queue_seconds = 0.05;
  auto service = *TryOpen(options);
  auto running = std::make_shared<ListenerLog>(), waiting = std::make_shared<ListenerLog>(2);
  const uint64_t id = Submit(service.get(), LongRequest(), running);
  running->WaitForTokens(1);
  service->Pause(id, true);
  ServiceRequest request = Request(1);
  request.choices = 2;
  Submit(service.get(), request, waiting);
  waiting->WaitForEnd();
  for (const int64_t choice : {0, 1}) {
    EXPECT_EQ(waiting->result(choice).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(service->Stats()->rejected[ServiceStats::kQueueTimeout], 1);
  EXPECT_FALSE(running->choice().result.has_value());
}

TEST_F(ServiceThreadTest, ARequestThatTakesTooLongIsEnded) {
  ServiceOptions options;
  options.slots = 2;
  options.request_seconds = 0.2;
  auto service = *TryOpen(options);
  auto late = std::make_shared<ListenerLog>();
  const uint64_t id = Submit(service.get(), LongRequest(), late);
  late->WaitForTokens(1);
  service->Pause(id, true);  // so that it cannot end by itself
  late->WaitForEnd();
  EXPECT_EQ(late->result().status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(service->Stats()->running, 0);
  auto next = std::make_shared<ListenerLog>();
  Submit(service.get(), Request(2), next);
  next->WaitForEnd();
  service = nullptr;
  ExpectAsAlone(*next, Request(2));
}

TEST_F(ServiceThreadTest, AServiceThatDrainsEndsWhatItHasBegun) {
  auto service = Open(1);
  auto running = std::make_shared<ListenerLog>(2), waiting = std::make_shared<ListenerLog>();
  ServiceRequest request = Request(7);
  request.choices = 2;
  const uint64_t id = Submit(service.get(), request, running);
  running->WaitForTokens(1);
  service->Pause(id, true);
  Submit(service.get(), Request(1), waiting);
  service->Drain();
  waiting->WaitForEnd();
  EXPECT_EQ(waiting->result().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(service->Submit(Request(1), waiting).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(service->Stats()->draining);
  service->Pause(id, false);
  running->WaitForEnd();
  service = nullptr;
  for (const int64_t choice : {0, 1}) ExpectAsAlone(*running, request, choice);
}

TEST_F(ServiceThreadTest, AServiceThatGoesEndsAllItHas) {
  auto service = Open(1);
  std::vector<std::shared_ptr<ListenerLog>> logs;
  for (int i = 0; i < 4; ++i) {
    logs.push_back(std::make_shared<ListenerLog>());
    Submit(service.get(), LongRequest(), logs.back());
  }
  logs[0]->WaitForTokens(1);
  service = nullptr;
  for (const auto& log : logs) {
    ASSERT_TRUE(log->choice().result.has_value());
    EXPECT_EQ(log->result()->finish, FinishReason::kCancelled);
  }
}

TEST_F(ServiceThreadTest, WhatItHasDoneIsCounted) {
  auto service = Open(2);
  std::vector<std::shared_ptr<ListenerLog>> logs;
  for (int i = 0; i < 3; ++i) {
    logs.push_back(std::make_shared<ListenerLog>());
    Submit(service.get(), Request(i), logs.back());
  }
  int64_t prompt = 0, generated = 0;
  for (int i = 0; i < 3; ++i) {
    logs[i]->WaitForEnd();
    prompt += logs[i]->result()->prompt_tokens;
    generated += static_cast<int64_t>(logs[i]->result()->tokens.size());
  }
  const std::unique_ptr<ServiceStats> stats = service->Stats();
  EXPECT_EQ(stats->prompt_tokens, prompt);
  EXPECT_EQ(stats->prefix_queries, prompt);
  EXPECT_EQ(stats->prompt_tokens, stats->computed_tokens + stats->prefix_hits);
  EXPECT_EQ(stats->generated_tokens, generated);
  EXPECT_EQ(stats->end_to_end.count(), 3);
  EXPECT_EQ(stats->time_to_first_token.count(), 3);
  EXPECT_EQ(stats->inter_token.count(), generated - 3);
  EXPECT_EQ(stats->step_seconds.count(), stats->steps);
  EXPECT_EQ(stats->request_generated_tokens.sum, static_cast<double>(generated));
  int64_t finished = 0;
  for (const int64_t count : stats->finished) finished += count;
  EXPECT_EQ(finished, 3);
}

// A service that is told what a step reads says how near its steps come to the machine's limit, once it
// has had the time to measure that: while there is nothing to do.
TEST_F(ServiceThreadTest, StepsThatReadAreHeldAgainstTheMachinesLimit) {
  StepReads reads;
  reads.weights = static_cast<double>(model_->executable()->loaded().size());
  const auto ratios = [&](const StepReads* told) {
    ServedModel model = {model_->executable(), model_->pool(), model_->tokenizer()};
    model.reads = told;
    auto service = ServiceThread::Create(model, {});
    EXPECT_TRUE(service.ok()) << service.status();
    HistogramCounts counts;
    for (int tries = 0; tries < 100 && counts.count() == 0; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(told == nullptr ? 0 : 20));
      auto log = std::make_shared<ListenerLog>();
      Submit(service->get(), Request(0), log);
      log->WaitForEnd();
      counts = (*service)->Stats()->step_limit_ratio;
    }
    return counts;
  };
  const HistogramCounts known = ratios(&reads);
  EXPECT_GT(known.count(), 0);
  EXPECT_GT(known.sum, 0);
  EXPECT_EQ(ratios(nullptr).count(), 0);
}

TEST_F(ServiceThreadTest, BadOptionsAreNamed) {
  ServiceOptions options;
  options.slots = 0;
  EXPECT_THAT(std::string(TryOpen(options).status().message()), HasSubstr("slots is 0"));
  options = {};
  options.max_queue = 0;
  EXPECT_EQ(TryOpen(options).status().message(), "max_queue must be at least 1, is 0");
  options = {};
  options.slots = 17;
  EXPECT_EQ(TryOpen(options).status().message(),
            "17 texts side by side (--max-sequences) are more than the 16 tokens that a step of "
            "this context computes");
  options = {};
  options.step_seconds = 0;
  EXPECT_EQ(TryOpen(options).status().message(), "step_seconds must be above 0, is 0");
  options = {};
  options.queue_seconds = 0;
  EXPECT_EQ(TryOpen(options).status().message(), "queue_seconds must be above 0, is 0");
  options = {};
  options.request_seconds = 0;
  EXPECT_EQ(TryOpen(options).status().message(), "request_seconds must be above 0, is 0");
}

}  // namespace
}  // namespace lluda::engine
