// A service hears sounds, between the steps of others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/audio_encoder.h"
#include "engine/model.h"
#include "engine/service/listener_log.h"
#include "engine/service/service_thread.h"
#include "engine/session.h"
#include "media/log_mel.h"
#include "media/sound_file.h"
#include "media/test_sounds.h"

namespace lluda::engine {
namespace {

class HearingTest : public testing::Test {
 protected:
  HearingTest() {
    LoadOptions options;
    options.folder = "reference_data/asr";
    options.module.precision = Precision::kF32;
    options.threads = 2;
    auto model = Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto ears = AudioEncoder::Create(model_.get());
    EXPECT_TRUE(ears.ok()) << ears.status();
    ears_ = *std::move(ears);
    pad_ = *model_->tokenizer()->TokenToId("<|audio_pad|>");
  }

  std::unique_ptr<ServiceThread> Serve(AudioEncoder* ears) {
    ServiceOptions options;
    options.slots = 2;
    auto service = ServiceThread::Create(
        {model_->executable(), model_->pool(), model_->tokenizer(), ears}, options);
    EXPECT_TRUE(service.ok()) << service.status();
    return *std::move(service);
  }

  // What a tone sounds like, in a prompt of three tokens.
  ServiceRequest Question(double seconds) const {
    ServiceRequest request;
    request.prompt = {1, pad_, 2};
    const auto mel =
        media::LogMelOf(media::Tone(440, media::kSampleRate, seconds), media::kMelBins);
    auto sound = std::make_shared<PromptSound>();
    sound->place = 1;
    sound->frames = mel->frames;
    sound->features = mel->values;
    request.sound = std::move(sound);
    request.options.max_new_tokens = 20;
    return request;
  }

  // The same of a session.
  std::vector<int32_t> Alone(const ServiceRequest& request) {
    const auto rows = ears_->Encode(request.sound->features, request.sound->frames, {});
    EXPECT_TRUE(rows.ok()) << rows.status();
    const auto prompt = PlaceMedia(request.prompt, pad_, {*rows});
    const auto session = Session::Create(model_.get(), {});
    const auto generation = (*session)->Generate(*prompt, request.options);
    EXPECT_TRUE(generation.ok()) << generation.status();
    return generation->tokens;
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<AudioEncoder> ears_;
  int32_t pad_ = 0;
};

TEST_F(HearingTest, AnswersAreThoseOfASessionWhateverElseIsHeard) {
  const ServiceRequest first = Question(12), second = Question(2.5);
  const std::vector<int32_t> first_alone = Alone(first), second_alone = Alone(second);
  ServiceRequest words;
  words.prompt = {1, 2, 3};
  words.options.max_new_tokens = 200;
  const std::unique_ptr<ServiceThread> service = Serve(ears_.get());
  const auto others = std::make_shared<ListenerLog>();
  ASSERT_TRUE(service->Submit(words, others).ok());
  const auto one = std::make_shared<ListenerLog>(), two = std::make_shared<ListenerLog>();
  ASSERT_TRUE(service->Submit(first, one).ok());
  ASSERT_TRUE(service->Submit(second, two).ok());
  for (const auto& log : {others, one, two}) log->WaitForEnd();
  ASSERT_TRUE(one->result().ok()) << one->result().status();
  ASSERT_TRUE(two->result().ok()) << two->result().status();
  EXPECT_EQ(one->result()->tokens, first_alone);
  EXPECT_EQ(two->result()->tokens, second_alone);
  EXPECT_EQ(one->result()->prompt_tokens, 2 + 12 * 13);
  EXPECT_EQ(two->result()->prompt_tokens, 2 + 2 * 13 + 7);
  EXPECT_EQ(others->result()->tokens.size(), 200u);
}

TEST_F(HearingTest, WhatCannotBeHeardIsRefused) {
  const std::unique_ptr<ServiceThread> deaf = Serve(nullptr);
  EXPECT_EQ(deaf->Submit(Question(1), std::make_shared<ListenerLog>()).status(),
            absl::FailedPreconditionError("the model hears nothing"));
}

TEST_F(HearingTest, ASoundThatFillsTheContextIsRefused) {
  const std::unique_ptr<ServiceThread> service = Serve(ears_.get());
  const absl::Status status =
      service->Submit(Question(320), std::make_shared<ListenerLog>()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("the prompt has 4162 tokens"));
}

TEST_F(HearingTest, ASoundThatIsCancelledEndsAsCancelled) {
  const std::unique_ptr<ServiceThread> service = Serve(ears_.get());
  const auto log = std::make_shared<ListenerLog>();
  const auto id = service->Submit(Question(100), log);
  ASSERT_TRUE(id.ok()) << id.status();
  service->Cancel(*id);
  log->WaitForEnd();
  ASSERT_TRUE(log->result().ok()) << log->result().status();
  EXPECT_EQ(log->result()->finish, FinishReason::kCancelled);
}

}  // namespace
}  // namespace lluda::engine
