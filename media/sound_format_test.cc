#include "media/sound_format.h"

#include <gtest/gtest.h>

#include <string>

#include "media/test_sounds.h"

namespace lluda::media {
namespace {

TEST(SoundFormat, IsToldByTheFirstBytes) {
  const std::pair<Encoding, SoundFormat> kFormats[] = {
      {Encoding::kWav16, SoundFormat::kWav},    {Encoding::kWavFloat, SoundFormat::kWav},
      {Encoding::kWavMulaw, SoundFormat::kWav}, {Encoding::kFlac, SoundFormat::kFlac},
      {Encoding::kVorbis, SoundFormat::kOgg},   {Encoding::kOpus, SoundFormat::kOgg},
      {Encoding::kMp3, SoundFormat::kMp3},
  };
  for (const auto& [encoding, format] : kFormats) {
    EXPECT_EQ(SoundFormatOf(BytesOf(EncodedSound({encoding}, Tone(440, 16000, 0.1)))), format);
  }
}

TEST(SoundFormat, OfWhatIsTooShortOrSomethingElseIsUnknown) {
  for (const absl::string_view text :
       {"", "R", "RIFF", "RIFF1234AVI ", "fLa", "\xff\xfb", "hello"}) {
    EXPECT_EQ(SoundFormatOf(BytesOf(text)), SoundFormat::kUnknown) << text;
  }
}

TEST(SoundFormat, ChunksBeforeTheSamplesAreSteppedOver) {
  std::string file = EncodedSound({}, Tone(440, 16000, 0.1));
  file.insert(12, std::string("LIST\3\0\0\0abc\0", 12));
  EXPECT_TRUE(CheckWavLength(BytesOf(file)).ok());
  file.pop_back();
  EXPECT_FALSE(CheckWavLength(BytesOf(file)).ok());
}

TEST(SoundFormat, AChunkThatReachesBeyondTheFileIsTruncated) {
  const std::string file("RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", 20);
  EXPECT_EQ(CheckWavLength(BytesOf(file)).message(),
            "is truncated: it ends before its samples begin");
}

}  // namespace
}  // namespace lluda::media
