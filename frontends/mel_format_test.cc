#include "frontends/mel_format.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/files/test_files.h"

namespace lluda::frontends {
namespace {

constexpr char kReleased[] = R"({
  "feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 128, "sampling_rate": 16000,
  "hop_length": 160, "n_fft": 400, "chunk_length": 300, "dither": 0.0, "padding_value": 0.0,
  "return_attention_mask": true, "min_pixels": 3136})";

class MelFormatTest : public testing::Test {
 protected:
  // What the folder is refused with, without its name.
  std::string Error(int64_t mel_bins = 128) const {
    const std::string message(CheckMelFormat(folder_.path(), mel_bins).message());
    return message.substr(std::min(message.size(), folder_.path().size() + 1));
  }

  base::TemporaryFolder folder_;
};

TEST_F(MelFormatTest, AFolderThatSaysNothingAndTheReleasedModelsAreHeard) {
  EXPECT_EQ(Error(), "");
  folder_.Write("preprocessor_config.json", kReleased);
  EXPECT_EQ(Error(), "");
}

TEST_F(MelFormatTest, FeaturesThatAreMadeOtherwiseAreRefusedByName) {
  for (const char* field :
       {R"("hop_length": 320)", R"("sampling_rate": 8000)", R"("n_fft": 512)", R"("dither": 0.1)",
        R"("do_normalize": true)", R"("feature_extractor_type": "ClapFeatureExtractor")"}) {
    const std::string text = field;
    folder_.Write("preprocessor_config.json", "{" + text + "}");
    EXPECT_NE(Error().find("field '" + text.substr(1, text.find('"', 1) - 1) + "' asks for"),
              std::string::npos)
        << Error();
  }
}

TEST_F(MelFormatTest, TheBinsAreThoseOfTheEncoder) {
  folder_.Write("preprocessor_config.json", kReleased);
  EXPECT_EQ(
      Error(80),
      "preprocessor_config.json: field 'feature_size' must be the encoder's num_mel_bins, 80, "
      "is 128");
}

TEST_F(MelFormatTest, ReadsThemAsAPartOfProcessorConfig) {
  folder_.Write("processor_config.json", R"({"image_processor": {}})");
  EXPECT_EQ(Error(), "");
  folder_.Write("processor_config.json", R"({"feature_extractor": {"hop_length": 320}})");
  EXPECT_NE(Error().find("field 'feature_extractor.hop_length' asks for 320"), std::string::npos)
      << Error();
}

}  // namespace
}  // namespace lluda::frontends
