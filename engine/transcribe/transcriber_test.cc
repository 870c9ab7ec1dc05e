#include "engine/transcribe/transcriber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/transcribe/asr_answer.h"
#include "engine/transcribe/asr_piece.h"
#include "media/sound_file.h"
#include "media/test_sounds.h"

namespace lluda::engine {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::unique_ptr<Model> LoadAsr(int threads = 1, int64_t context = 0,
                               const std::string& folder = "reference_data/asr") {
  LoadOptions options;
  options.folder = folder;
  options.module.precision = Precision::kF32;
  options.module.context = context;
  options.threads = threads;
  auto model = Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::vector<float> Sound(const std::string& name) {
  auto sound = media::ReadSoundFile("reference_data/sounds/" + name + ".wav", {});
  EXPECT_TRUE(sound.ok()) << sound.status();
  return *std::move(sound);
}

Transcript Transcribed(Model* model, absl::Span<const float> sound,
                       const TranscribeOptions& options = {}) {
  const auto transcriber = Transcriber::Create(model);
  EXPECT_TRUE(transcriber.ok()) << transcriber.status();
  auto transcript = (*transcriber)->Transcribe(sound, options);
  EXPECT_TRUE(transcript.ok()) << transcript.status();
  return *std::move(transcript);
}

TEST(Transcriber, WritesWhatTransformersWrites) {
  const std::unique_ptr<Model> model = LoadAsr();
  const tokenizer::Tokenizer& tokenizer = *model->tokenizer();
  auto encoder = AudioEncoder::Create(model.get());
  ASSERT_TRUE(encoder.ok()) << encoder.status();
  const std::vector<float> sound = Sound("audio0");
  const auto mel = AsrFeatures(sound, media::kMelBins);
  const auto rows = (*encoder)->Encode(mel->values, mel->frames, {});
  ASSERT_TRUE(rows.ok()) << rows.status();
  const auto prompt =
      PlaceMedia(*AsrPrompt(tokenizer, {}), *tokenizer.TokenToId("<|audio_pad|>"), {*rows});
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  const auto session = Session::Create(model.get(), {});
  GenerateOptions options;
  options.sampler = model->DefaultSampler();
  options.max_new_tokens = MostTextTokens(sound.size());
  options.stop_tokens = model->StopTokens();
  options.continues = false;
  const auto generation = (*session)->Generate(*prompt, options);
  ASSERT_TRUE(generation.ok()) << generation.status();
  // `greedy` of the prompt `audio` in reference_data/asr/reference.json.
  const std::vector<int32_t> greedy = {116, 116, 116, 116, 116, 116, 116, 116, 116, 116, 401, 401};
  const auto first = generation->tokens.begin();
  EXPECT_THAT(std::vector<int32_t>(first, first + greedy.size()), ElementsAreArray(greedy));

  AsrAnswer answer("");
  answer.Add(generation->text);
  answer.Finish();
  const Transcript transcript = Transcribed(model.get(), sound);
  ASSERT_EQ(transcript.pieces.size(), 1u);
  EXPECT_EQ(transcript.pieces[0].text, answer.text());
  EXPECT_EQ(transcript.pieces[0].prompt_tokens, 39);
  EXPECT_EQ(transcript.pieces[0].end, 1.3);
}

TEST(Transcriber, StreamsWhatTheTranscriptHas) {
  const std::unique_ptr<Model> model = LoadAsr();
  std::string streamed;
  std::vector<double> heard;
  int pieces = 0;
  TranscribeOptions options;
  options.question = {"Names: Ada, Bob.", "English"};
  options.on_text = [&](absl::string_view text) {
    streamed.append(text.data(), text.size());
    return true;
  };
  options.on_piece = [&](const TranscribedPiece&) { ++pieces; };
  options.progress = [&](double seconds) { heard.push_back(seconds); };
  const Transcript transcript = Transcribed(model.get(), Sound("audio0"), options);
  EXPECT_EQ(streamed, transcript.Text());
  EXPECT_EQ(transcript.Language(), "English");
  EXPECT_EQ(pieces, 1);
  EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
  EXPECT_DOUBLE_EQ(heard.back(), 1.3);
}

TEST(Transcriber, APieceIsTheSameAloneAndAmongOthers) {
  const std::unique_ptr<Model> one = LoadAsr(1, 600), two = LoadAsr(2, 600);
  const std::vector<float> sound = media::Tone(440, media::kSampleRate, 45);
  const Transcript whole = Transcribed(one.get(), sound);
  ASSERT_GT(whole.pieces.size(), 1u);
  EXPECT_EQ(Transcribed(two.get(), sound).Text(), whole.Text());
  const TranscribedPiece& last = whole.pieces.back();
  const auto begin = static_cast<size_t>(last.begin * media::kSampleRate + 0.5);
  EXPECT_EQ(Transcribed(one.get(), absl::MakeConstSpan(sound).subspan(begin)).Text(), last.text);
}

TEST(Transcriber, KeepsWhatWasWrittenUntilItWasCancelled) {
  const std::unique_ptr<Model> model = LoadAsr(1, 600);
  std::atomic<bool> cancel{false};
  TranscribeOptions options;
  options.cancel = &cancel;
  int pieces = 0;
  options.on_piece = [&](const TranscribedPiece&) { cancel = ++pieces == 1; };
  const Transcript transcript =
      Transcribed(model.get(), media::Tone(440, media::kSampleRate, 60), options);
  EXPECT_TRUE(transcript.cancelled);
  EXPECT_EQ(transcript.pieces.size(), 1u);
  cancel = true;
  EXPECT_TRUE(Transcribed(model.get(), Sound("audio0"), options).pieces.empty());
}

TEST(Transcriber, AModelThatHearsNothingIsRefused) {
  const std::unique_ptr<Model> model = LoadAsr(1, 0, "reference_data/stories");
  EXPECT_FALSE(Transcriber::CanHear(model.get()));
  const absl::Status status = Transcriber::Create(model.get()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("reference_data/stories hears nothing: it has no encoder for sound"));
}

}  // namespace
}  // namespace lluda::engine
