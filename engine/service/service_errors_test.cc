// What fails: one request by its logits, all that run by a step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/service/counting_model.h"
#include "engine/service/listener_log.h"
#include "engine/service/service_thread.h"

namespace lluda::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ServiceErrorsTest : public testing::Test {
 protected:
  ServiceErrorsTest() {
    ServiceOptions options;
    options.slots = 4;
    auto service = ServiceThread::Create(model_.served(), options);
    EXPECT_TRUE(service.ok()) << service.status();
    service_ = *std::move(service);
  }

  std::shared_ptr<ListenerLog> Submit(int32_t token, int64_t new_tokens) {
    ServiceRequest request;
    request.prompt = {token};
    request.options.max_new_tokens = new_tokens;
    request.options.sampler.temperature = 0;
    auto log = std::make_shared<ListenerLog>();
    const auto submitted = service_->Submit(request, log);
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    return log;
  }

  CountingModel model_{2};
  std::unique_ptr<ServiceThread> service_;
};

TEST_F(ServiceErrorsTest, ARequestWhoseLogitsAreNoNumbersFailsAlone) {
  const auto bad = Submit(CountingModel::kBadToken - 2, 5);
  const auto good = Submit(20, 5);
  bad->WaitForEnd();
  good->WaitForEnd();
  EXPECT_EQ(bad->result().status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(bad->result().status().message()), HasSubstr("token 3 is NaN"));
  EXPECT_EQ(bad->choice().tokens.size(), 2u);
  ASSERT_TRUE(good->result().ok()) << good->result().status();
  EXPECT_THAT(good->result()->tokens, ElementsAre(21, 22, 23, 24, 25));
  EXPECT_EQ(service_->Stats()->finished[ServiceStats::kError], 1);
}

TEST_F(ServiceErrorsTest, AStepThatFailsEndsWhatRunsAndTheServiceGoesOn) {
  const auto one = Submit(20, 29), two = Submit(30, 19);
  one->WaitForTokens(1);
  model_.Fail(true);
  one->WaitForEnd();
  two->WaitForEnd();
  for (const auto &log : {one, two}) {
    // Either may have come to its end before.
    if (log->result().ok()) continue;
    EXPECT_EQ(log->result().status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(log->result().status().message(), "a step of the model failed: the device is gone");
  }
  const auto failed = Submit(5, 3);
  failed->WaitForEnd();
  EXPECT_EQ(failed->result().status().code(), absl::StatusCode::kInternal);
  EXPECT_GE(service_->Stats()->failed_steps, 1);
  model_.Fail(false);
  const auto later = Submit(20, 3);
  later->WaitForEnd();
  ASSERT_TRUE(later->result().ok()) << later->result().status();
  EXPECT_THAT(later->result()->tokens, ElementsAre(21, 22, 23));
}

TEST_F(ServiceErrorsTest, WithoutATokenizerThereAreTokensButNoText) {
  const auto log = Submit(7, 2);
  log->WaitForEnd();
  EXPECT_THAT(log->result()->tokens, ElementsAre(8, 9));
  EXPECT_EQ(log->choice().text, "");
  ServiceRequest request;
  request.prompt = {1};
  request.options.stop_strings = {"x"};
  EXPECT_EQ(service_->Submit(request, log).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace lluda::engine
