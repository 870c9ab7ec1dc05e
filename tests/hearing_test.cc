// A small checkpoint with seeded weights that hears, against transformers: what its encoder makes of
// sounds, the logits after prompts with them, and the tokens that follow. And whether all of it is
// the same bits, whatever else is computed.
#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/audio_encoder.h"
#include "engine/model.h"
#include "engine/session.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/validate/bounds.h"
#include "tools/validate/compare.h"
#include "tools/validate/reference.h"

namespace lluda::tests {
namespace {

using engine::AudioEncoder;
using engine::MediaRows;
using engine::Model;
using engine::Precision;
using engine::Prompt;
using engine::Session;
using tools::ReferencePrompt;

constexpr char kFolder[] = "reference_data/asr";

std::vector<ReferencePrompt> Reference() {
  auto prompts = tools::LoadReference(absl::StrCat(kFolder, "/reference.json"));
  EXPECT_TRUE(prompts.ok()) << prompts.status();
  return prompts.ok() ? *std::move(prompts) : std::vector<ReferencePrompt>();
}

std::unique_ptr<Model> Load(Precision precision, int threads, int64_t max_step = 512) {
  engine::LoadOptions options;
  options.folder = kFolder;
  options.module.precision = precision;
  options.module.context = 256;
  options.module.max_step = max_step;
  options.threads = threads;
  auto model = Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

std::shared_ptr<const MediaRows> Hear(Model* model, const ReferencePrompt& reference) {
  auto encoder = AudioEncoder::Create(model);
  EXPECT_TRUE(encoder.ok()) << encoder.status();
  auto rows = (*encoder)->Encode(reference.sounds[0].features, reference.sounds[0].frames, {});
  EXPECT_TRUE(rows.ok()) << rows.status();
  return *std::move(rows);
}

// The reference's tokens with these rows in the places of the sound's.
Prompt Placed(Model* model, const ReferencePrompt& reference,
              std::shared_ptr<const MediaRows> rows) {
  const std::vector<int32_t> pad = model->tokenizer()->Encode("<|audio_pad|>");
  EXPECT_EQ(pad.size(), 1u);
  Prompt prompt{reference.ids, {}};
  for (size_t i = 0; i < prompt.tokens.size() && prompt.media.empty(); ++i) {
    if (prompt.tokens[i] == pad[0]) {
      prompt.media.push_back({static_cast<int64_t>(i), std::move(rows)});
    }
  }
  return prompt;
}

std::unique_ptr<Session> NewSession(Model* model, int64_t max_step = 0) {
  auto session = Session::Create(model, {0, max_step});
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

std::vector<float> Logits(Session* session, const Prompt& prompt) {
  const auto logits = session->Evaluate(prompt);
  EXPECT_TRUE(logits.ok()) << logits.status();
  return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
}

std::optional<double> Bf16Error(const ReferencePrompt& reference, const std::string& what) {
  const auto found = reference.hf_bf16_activation_nmse.find(what);
  if (found == reference.hf_bf16_activation_nmse.end()) return std::nullopt;
  return found->second;
}

void ExpectTransformersNumbers(Precision precision) {
  const std::unique_ptr<Model> model = Load(precision, 2);
  const std::unique_ptr<Session> session = NewSession(model.get());
  for (const ReferencePrompt& reference : Reference()) {
    SCOPED_TRACE(*reference.name);
    ASSERT_EQ(reference.sounds.size(), 1u);
    const auto rows = Hear(model.get(), reference);
    ASSERT_EQ(rows->values.size(), reference.heard.size());
    EXPECT_LT(tools::Compare(rows->values, reference.heard).nmse,
              tools::HeardBound(precision, Bf16Error(reference, "audio.embeds")));
    const Prompt prompt = Placed(model.get(), reference, rows);
    EXPECT_LT(tools::Compare(Logits(session.get(), prompt), reference.logits).nmse,
              tools::LogitsBound(precision, reference.hf_bf16_nmse));
    engine::GenerateOptions options;
    options.max_new_tokens = static_cast<int64_t>(reference.greedy.size());
    options.sampler.temperature = 0;
    const auto generated = session->Generate(prompt, options);
    ASSERT_TRUE(generated.ok()) << generated.status();
    // Up to the first token that rounding may choose otherwise.
    const int64_t decided =
        precision == Precision::kF32
            ? options.max_new_tokens
            : tools::DecidedSteps(reference.greedy_margin, options.max_new_tokens);
    std::vector<int32_t> ours = generated->tokens, theirs = reference.greedy;
    ours.resize(static_cast<size_t>(decided));
    theirs.resize(static_cast<size_t>(decided));
    EXPECT_EQ(ours, theirs);
  }
}

TEST(Hearing, GivesTransformersNumbersInFloat32) { ExpectTransformersNumbers(Precision::kF32); }

TEST(Hearing, GivesTransformersNumbersInBfloat16) { ExpectTransformersNumbers(Precision::kBF16); }

TEST(Hearing, DependsNeitherOnThreadsNorOnHowThePromptIsDivided) {
  const std::vector<ReferencePrompt> references = Reference();
  for (const ReferencePrompt& reference : references) {
    SCOPED_TRACE(*reference.name);
    const std::unique_ptr<Model> one = Load(Precision::kBF16, 1);
    const auto rows = Hear(one.get(), reference);
    const Prompt prompt = Placed(one.get(), reference, rows);
    const std::vector<float> logits = Logits(NewSession(one.get()).get(), prompt);
    const std::unique_ptr<Model> three = Load(Precision::kBF16, 3);
    EXPECT_EQ(Hear(three.get(), reference)->values, rows->values);
    for (const int64_t max_step : {1, 7, 20}) {
      EXPECT_EQ(Logits(NewSession(three.get(), max_step).get(), prompt), logits) << max_step;
    }
  }
}

TEST(Hearing, KeepsSoundsApartThatHaveTheSamePlaceholders) {
  const std::vector<ReferencePrompt> references = Reference();
  const std::unique_ptr<Model> model = Load(Precision::kBF16, 2);
  const auto rows = Hear(model.get(), references[0]);
  auto louder = std::make_shared<MediaRows>(*rows);
  for (float& value : louder->values) value *= 2;
  louder->identity = "louder";
  const Prompt first = Placed(model.get(), references[0], rows);
  const Prompt second = Placed(model.get(), references[0], louder);
  const std::vector<float> alone = Logits(NewSession(model.get()).get(), first);
  const std::vector<float> other = Logits(NewSession(model.get()).get(), second);
  EXPECT_NE(alone, other);
  // One behind the other in a session that uses again what it has computed.
  const std::unique_ptr<Session> session = NewSession(model.get());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Logits(session.get(), first), alone);
    EXPECT_EQ(Logits(session.get(), second), other);
  }
}

TEST(Hearing, UsesAgainWhatItHasComputedOfTheSameSound) {
  const std::vector<ReferencePrompt> references = Reference();
  const std::unique_ptr<Model> model = Load(Precision::kBF16, 2);
  const Prompt prompt = Placed(model.get(), references[0], Hear(model.get(), references[0]));
  const std::unique_ptr<Session> session = NewSession(model.get());
  engine::GenerateOptions options;
  options.max_new_tokens = 1;
  EXPECT_EQ(session->Generate(prompt, options)->reused_tokens, 0);
  EXPECT_EQ(session->Generate(prompt, options)->reused_tokens,
            static_cast<int64_t>(prompt.tokens.size()) - 1);
}

TEST(Hearing, HearsASoundTheSameBesideAnother) {
  const std::vector<ReferencePrompt> references = Reference();
  const std::unique_ptr<Model> model = Load(Precision::kBF16, 2);
  const auto rows = Hear(model.get(), references[0]);
  Hear(model.get(), references[1]);
  EXPECT_EQ(Hear(model.get(), references[0])->values, rows->values);
  // Behind a second of another sound, in a window of its own.
  Prompt both = Placed(model.get(), references[0], rows);
  const std::vector<float> logits = Logits(NewSession(model.get()).get(), both);
  both.tokens.insert(both.tokens.end(), references[2].ids.begin(), references[2].ids.end());
  const Prompt tail = Placed(model.get(), references[2], Hear(model.get(), references[2]));
  both.media.push_back(
      {static_cast<int64_t>(references[0].ids.size()) + tail.media[0].first, tail.media[0].rows});
  const std::unique_ptr<Session> session = NewSession(model.get());
  EXPECT_TRUE(session->Evaluate(both).ok());
  EXPECT_EQ(Logits(session.get(), Placed(model.get(), references[0], rows)), logits);
}

TEST(Hearing, SaysWhatIsWrongWithASound) {
  const std::unique_ptr<Model> model = Load(Precision::kBF16, 1);
  const auto encoder = *AudioEncoder::Create(model.get());
  EXPECT_EQ(encoder->mel_bins(), 128);
  EXPECT_EQ(encoder->Encode({}, 0, {}).status().message(), "the sound has no frame");
  EXPECT_EQ(encoder->Encode({1.0f}, 1, {}).status().message(),
            "1 features are not 128 times 1 frames");
  std::vector<float> features(128, 0.0f);
  features[5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(encoder->Encode(features, 1, {}).status().message(),
            "the sound has features that are not finite");
  const std::atomic<bool> cancel = true;
  engine::EncodeOptions cancelled;
  cancelled.cancel = &cancel;
  features[5] = 0;
  EXPECT_EQ(encoder->Encode(features, 1, cancelled).status().code(), absl::StatusCode::kCancelled);
}

TEST(Hearing, CountsRowsAsTheModelsProcessorDoes) {
  EXPECT_EQ(AudioEncoder::RowsOf(1), 1);
  EXPECT_EQ(AudioEncoder::RowsOf(8), 1);
  EXPECT_EQ(AudioEncoder::RowsOf(9), 2);
  EXPECT_EQ(AudioEncoder::RowsOf(100), 13);
  EXPECT_EQ(AudioEncoder::RowsOf(371), 48);
  const std::unique_ptr<Model> model = Load(Precision::kBF16, 1);
  const auto encoder = *AudioEncoder::Create(model.get());
  EXPECT_THAT(encoder->WindowsOf(371), testing::ElementsAre(26, 22));
  EXPECT_THAT(encoder->WindowsOf(200), testing::ElementsAre(26));
}

TEST(Hearing, AModelWithoutEarsSaysSo) {
  engine::LoadOptions options;
  options.folder = "reference_data/tiny";
  options.need_tokenizer = false;
  const auto model = Model::Load(options);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(AudioEncoder::Create(model->get()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto session = NewSession(model->get());
  auto rows = std::make_shared<MediaRows>();
  rows->width = 4;
  rows->values.resize(4);
  EXPECT_EQ(session->Evaluate(Prompt{{1, 2}, {{0, rows}}}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace lluda::tests
