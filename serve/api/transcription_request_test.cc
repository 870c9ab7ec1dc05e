#include "serve/api/transcription_request.h"

#include <gtest/gtest.h>

#include <string>

namespace lluda::api {
namespace {

TranscriptionRequest Read(const std::vector<FormPart>& parts) {
  TranscriptionRequest request;
  const Refusal refusal = ReadTranscriptionRequest(parts, /*strict_fields=*/false, &request);
  EXPECT_FALSE(refusal.has_value()) << refusal->message;
  return request;
}

ApiError Refused(std::vector<FormPart> parts, bool strict_fields = false) {
  TranscriptionRequest request;
  parts.insert(parts.begin(), {"file", "a.wav", "RIFF"});
  return ReadTranscriptionRequest(parts, strict_fields, &request).value_or(ApiError{});
}

TEST(TranscriptionRequest, HasASoundAndMayHaveTheRest) {
  const TranscriptionRequest least = Read({{"file", "a.wav", "RIFF"}});
  EXPECT_EQ(least.sound, "RIFF");
  EXPECT_EQ(least.model, "");
  EXPECT_EQ(least.format, TranscriptFormat::kJson);
  EXPECT_FALSE(least.temperature.has_value());
  EXPECT_FALSE(least.seed.has_value());
  EXPECT_FALSE(least.stream);

  const TranscriptionRequest all = Read({{"file", "a.wav", "RIFF"},
                                         {"model", "", "whisper-1"},
                                         {"language", "", "en"},
                                         {"prompt", "", "Ada, Bob"},
                                         {"response_format", "", "text"},
                                         {"temperature", "", "0.2"},
                                         {"seed", "", "-7"},
                                         {"stream", "", "true"},
                                         {"colour", "", "red"}});
  EXPECT_EQ(all.model, "whisper-1");
  EXPECT_EQ(all.language, "en");
  EXPECT_EQ(all.prompt, "Ada, Bob");
  EXPECT_EQ(all.format, TranscriptFormat::kText);
  EXPECT_EQ(all.temperature, 0.2);
  EXPECT_EQ(all.seed, -7);
  EXPECT_TRUE(all.stream);
  EXPECT_EQ(all.ignored, std::vector<std::string>{"colour"});
}

TEST(TranscriptionRequest, WithoutASoundIsRefused) {
  TranscriptionRequest request;
  const Refusal refusal = ReadTranscriptionRequest({}, false, &request);
  EXPECT_EQ(refusal->code, "missing_required_parameter");
  EXPECT_EQ(refusal->message, "file: is missing");
}

TEST(TranscriptionRequest, FieldsAreRefusedByName) {
  EXPECT_EQ(Refused({{"response_format", "", "srt"}}).message,
            "response_format: must be json or text, as the model gives no times; is 'srt'");
  EXPECT_EQ(Refused({{"temperature", "", "2"}}).message,
            "temperature: must be a number from 0 to 1, is '2'");
  EXPECT_EQ(Refused({{"temperature", "", "nan"}}).message,
            "temperature: must be a number from 0 to 1, is 'nan'");
  EXPECT_EQ(Refused({{"seed", "", "9223372036854775808"}}).message,
            "seed: must be an integer of 64 bits, is '9223372036854775808'");
  EXPECT_EQ(Refused({{"stream", "", "yes"}}).message, "stream: must be true or false, is 'yes'");
  EXPECT_EQ(Refused({{"timestamp_granularities[]", "", "word"}}).code, "unsupported_parameter");
  EXPECT_EQ(Refused({{"prompt", "", "\xff"}}).message, "prompt: must be UTF-8");
  EXPECT_EQ(Refused({{"file", "", "x"}}).message, "file: comes twice");
  EXPECT_EQ(Refused({{"colour", "", "red"}}, /*strict_fields=*/true).message, "colour: is unknown");
  const std::string longest(65537, 'a');
  EXPECT_EQ(Refused({{"prompt", "", longest}}).message,
            "prompt: must have at most 65536 bytes, has 65537");
}

TEST(TranscriptionRequest, AnAnswerHasTheTextAndWhatItCost) {
  EXPECT_EQ(TranscriptionJson("a\nb", {13, 20, 5}),
            "{\"text\": \"a\\nb\", \"usage\": {\"type\": \"tokens\", \"input_tokens\": 33, "
            "\"input_token_details\": {\"text_tokens\": 20, \"audio_tokens\": 13}, "
            "\"output_tokens\": 5, \"total_tokens\": 38}}");
}

TEST(TranscriptionRequest, AStreamHasPiecesAndThenTheWhole) {
  EXPECT_EQ(TranscriptDeltaJson("a\n"), R"({"type": "transcript.text.delta", "delta": "a\n"})");
  EXPECT_EQ(TranscriptDoneJson("ab", {13, 20, 5}).substr(0, 63),
            R"({"type": "transcript.text.done", "text": "ab", "usage": {"type")");
}

}  // namespace
}  // namespace lluda::api
