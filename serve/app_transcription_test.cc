// Sounds that become texts, over a real connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "media/log_mel.h"
#include "media/sound_file.h"
#include "media/test_sounds.h"
#include "serve/app_fixture.h"

namespace lluda::serve {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class TranscriptionTest : public AppTest {
 protected:
  // The pieces of text that a stream gave, a | behind each.
  static std::string DeltasOf(const std::string& answer) {
    const std::string kDelta = R"("delta": ")";
    std::string deltas;
    for (size_t at = 0; (at = answer.find(kDelta, at)) != std::string::npos;) {
      at += kDelta.size();
      absl::StrAppend(&deltas, answer.substr(at, answer.find('"', at) - at), "|");
    }
    return deltas;
  }

  // The answer to a form with a tone of so many seconds and these fields.
  std::string Transcribe(double seconds,
                         const std::vector<std::pair<std::string, std::string>>& fields = {}) {
    const std::string sound =
        media::EncodedSound({}, media::Tone(440, media::kSampleRate, seconds));
    return TranscribeFile(sound, fields);
  }
  std::string TranscribeFile(const std::string& sound,
                             const std::vector<std::pair<std::string, std::string>>& fields) {
    std::string body = absl::StrCat(
        "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n", sound,
        "\r\n");
    for (const auto& [name, value] : fields) {
      absl::StrAppend(&body, "--xyz\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n",
                      value, "\r\n");
    }
    const int client = Connect();
    Send(client, body + "--xyz--\r\n", "/v1/audio/transcriptions",
         "multipart/form-data; boundary=xyz");
    return ReadToEnd(client);
  }

  TranscriptionTest() {
    model_.mel_bins = media::kMelBins;
    app_->Serve(&model_);
    service_->text = "language Hindi<asr_text>hello.";
  }
};

TEST_F(TranscriptionTest, ASoundBecomesATextAndItsTokens) {
  const std::string answer = Transcribe(1);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr(R"({"text": "hello.", "usage": {"type": "tokens")"));
  EXPECT_THAT(answer, HasSubstr(R"("audio_tokens": 13)"));
  EXPECT_THAT(answer, HasSubstr("x-lluda-seed: "));
  const engine::ServiceRequest& request = service_->submitted.at(0);
  ASSERT_NE(request.sound, nullptr);
  EXPECT_EQ(request.sound->frames, 100);
  EXPECT_EQ(request.sound->features.size(), 128u * 100);
  EXPECT_EQ(tokenizer_.TokenBytes(request.prompt.at(request.sound->place)), "<|audio_pad|>");
  EXPECT_FALSE(request.options.stop_tokens.empty());
  EXPECT_EQ(request.client, "peer:127.0.0.1");
}

TEST_F(TranscriptionTest, TheTextAloneIsAFormat) {
  EXPECT_THAT(Transcribe(1, {{"response_format", "text"}}), EndsWith("\r\n\r\nhello.\n"));
}

TEST_F(TranscriptionTest, AGivenLanguageIsInThePrompt) {
  service_->text = "hello.";
  EXPECT_THAT(Transcribe(1, {{"language", "hi"}, {"prompt", "ada"}, {"temperature", "0.5"}}),
              HasSubstr(R"("text": "hello.")"));
  const engine::ServiceRequest& request = service_->submitted.at(0);
  const std::string prompt = tokenizer_.Decode(request.prompt, /*skip_special=*/false);
  EXPECT_THAT(prompt, EndsWith("language Hindi<asr_text>"));
  EXPECT_THAT(prompt, HasSubstr("system\nada<|im_end|>"));
  EXPECT_EQ(request.options.sampler.temperature, 0.5f);
}

TEST_F(TranscriptionTest, ASeedIsTheOneThatIsAskedFor) {
  EXPECT_THAT(Transcribe(1, {{"seed", "-5"}}), HasSubstr("x-lluda-seed: -5\r\n"));
  EXPECT_EQ(service_->submitted.at(0).options.sampler.seed, static_cast<uint64_t>(-5));
}

TEST_F(TranscriptionTest, ALongSoundIsHeardInPieces) {
  service_->context = 500;  // room for 20 s
  EXPECT_THAT(Transcribe(25, {{"response_format", "text"}}), EndsWith("\r\n\r\nhello.\nhello.\n"));
  ASSERT_EQ(service_->submitted.size(), 2u);
  EXPECT_LE(service_->submitted[0].sound->frames, 2000);
}

TEST_F(TranscriptionTest, AStreamGivesTheTextAsItComes) {
  const std::string answer = Transcribe(1, {{"stream", "true"}});
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/event-stream"));
  EXPECT_THAT(answer, HasSubstr(R"(data: {"type": "transcript.text.delta", "delta": "h"})"));
  EXPECT_EQ(DeltasOf(answer), "h|e|l|l|o|.|");
  EXPECT_THAT(answer, HasSubstr(R"("transcript.text.done", "text": "hello.", "usage": {)"));
  EXPECT_THAT(answer, HasSubstr("data: [DONE]\n\n"));
}

TEST_F(TranscriptionTest, AStreamGivesPiecesInTheirOrder) {
  service_->context = 500;  // room for 20 s
  service_->last_comes_first = true;
  const std::string answer = Transcribe(25, {{"stream", "true"}});
  ASSERT_EQ(service_->submitted.size(), 2u);
  EXPECT_EQ(DeltasOf(answer), "h|e|l|l|o|.|\\nh|e|l|l|o|.|");
  EXPECT_THAT(answer, HasSubstr(R"("text": "hello.\nhello.")"));
}

TEST_F(TranscriptionTest, AStreamThatFailsEndsWithTheError) {
  service_->failure = absl::InternalError("a step failed");
  const std::string answer = Transcribe(1, {{"stream", "true"}});
  EXPECT_THAT(answer, HasSubstr(R"(data: {"error": {"message": "a step failed)"));
  EXPECT_THAT(answer, Not(HasSubstr("[DONE]")));
}

TEST_F(TranscriptionTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(TranscribeFile("hello", {}), HasSubstr("file: is no sound file"));
  EXPECT_THAT(Transcribe(30), HasSubstr(R"("code": "context_length_exceeded")"));
  EXPECT_THAT(Transcribe(30), HasSubstr(R"("param": "file")"));
  EXPECT_THAT(Transcribe(1, {{"prompt", std::string(150, 'a')}}),
              HasSubstr(R"("param": "prompt")"));
  EXPECT_THAT(Transcribe(1, {{"language", "xx"}}), HasSubstr("language 'xx' is unknown"));
  EXPECT_THAT(Transcribe(1, {{"model", "other"}}), HasSubstr(R"("code": "model_not_found")"));
  EXPECT_THAT(Transcribe(1, {{"response_format", "srt"}}), HasSubstr("response_format: must be"));
  EXPECT_THAT(Transcribe(1, {{"stream", "yes"}}), HasSubstr("stream: must be true or false"));
  EXPECT_THAT(Transcribe(1, {{"colour", "red"}}), HasSubstr("x-lluda-ignored: colour"));
  model_.mel_bins = 0;
  EXPECT_THAT(Transcribe(1), HasSubstr("model: 'm' hears nothing"));
}

TEST_F(TranscriptionTest, OnlyAFormIsRead) {
  const int client = Connect();
  Send(client, "{}", "/v1/audio/transcriptions");
  EXPECT_THAT(ReadToEnd(client), HasSubstr("the Content-Type must be multipart/form-data"));
  const int chat = Connect();
  Send(chat, "{}", "/v1/chat/completions", "multipart/form-data; boundary=xyz");
  EXPECT_THAT(ReadToEnd(chat), HasSubstr("the Content-Type must be application/json"));
}

TEST_F(TranscriptionTest, WhatTheServiceRefusesHasAStatus) {
  service_->refusal = absl::ResourceExhaustedError("256 requests wait");
  const std::string answer = Transcribe(1);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 7\r\n"));
}

TEST_F(TranscriptionTest, OneThatFailsIsAnError) {
  service_->failure = absl::InternalError("a step failed");
  EXPECT_THAT(Transcribe(1), StartsWith("HTTP/1.1 500"));
}

}  // namespace
}  // namespace lluda::serve
