#include "media/sound_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "media/test_sounds.h"

namespace lluda::media {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::vector<float>> Read(absl::string_view file, const SoundLimits& limits = {}) {
  return ReadSound("a.wav", BytesOf(file), limits);
}

std::string ErrorOf(absl::string_view file, const SoundLimits& limits = {}) {
  const absl::StatusOr<std::vector<float>> sound = Read(file, limits);
  EXPECT_EQ(sound.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(sound.status().message());
}

// The largest difference to a tone, of what lies at least 50 ms from either end.
double FarthestFrom(const std::vector<float>& wanted, const std::vector<float>& sound) {
  constexpr size_t kBorder = kSampleRate / 20;
  double farthest = 0;
  for (size_t i = kBorder; i + kBorder < std::min(wanted.size(), sound.size()); ++i) {
    farthest = std::max<double>(farthest, std::fabs(wanted[i] - sound[i]));
  }
  return farthest;
}

TEST(SoundFile, SixteenBitsAt16KilohertzAreTheSamplesThemselves) {
  std::string file = EncodedSound({}, std::vector<float>(4, 0));
  file.replace(file.size() - 8, 8, std::string("\0\x80\xff\x7f\1\0\0\xc0", 8));
  EXPECT_EQ(*Read(file), (std::vector<float>{-1, 1 - 0x1p-15f, 0x1p-15f, -0.5}));
}

TEST(SoundFile, EveryFormatRateAndNumberOfChannelsBecomesTheSameTone) {
  const std::vector<float> wanted = Tone(440, kSampleRate, 1.0);
  for (const Encoding encoding : kEncodings) {
    for (const int rate : {8000, 16000, 24000, 44100, 48000}) {
      for (const int channels : {1, 2, 8}) {
        if (encoding == Encoding::kMp3 && channels > 2) continue;
        if (encoding == Encoding::kOpus && (rate == 44100 || channels > 2)) continue;
        SCOPED_TRACE(absl::StrCat("encoding ", static_cast<int>(encoding), ", ", rate, " Hz, ",
                                  channels, " channels"));
        const auto sound = Read(EncodedSound({encoding, rate, channels}, Tone(440, rate, 1.0)));
        ASSERT_TRUE(sound.ok()) << sound.status();
        const bool is_lossless = encoding <= Encoding::kWavFloat || encoding == Encoding::kFlac;
        // Encoders add to an end what fills a block.
        EXPECT_NEAR(sound->size(), wanted.size(), is_lossless ? 0 : kSampleRate / 10);
        // What encoders throw away, and of MP3 a delay, is no concern here.
        if (encoding != Encoding::kMp3) {
          EXPECT_LT(FarthestFrom(wanted, *sound), is_lossless ? 1e-4 : 0.1);
        }
      }
    }
  }
}

TEST(SoundFile, ChannelsAreAveraged) {
  std::string file = EncodedSound({Encoding::kWav16, 16000, 2}, std::vector<float>{0.5, 0.5});
  // The last sample of the second channel becomes 0.
  file.replace(file.size() - 2, 2, 2, '\0');
  EXPECT_EQ(*Read(file), (std::vector<float>{0.5, 0.25}));
}

TEST(SoundFile, ASoundThatIsLouderThanOneIsDividedByItsPeak) {
  const std::vector<float> loud = {0.5, -2, 1};
  EXPECT_EQ(*Read(EncodedSound({Encoding::kWavFloat}, loud)), (std::vector<float>{0.25, -1, 0.5}));
}

TEST(SoundFile, SilenceAndClippedSoundsAreRead) {
  EXPECT_EQ(*Read(EncodedSound({}, std::vector<float>(100, 0))), std::vector<float>(100, 0));
  const std::vector<float> clipped(100, 1);
  EXPECT_EQ(Read(EncodedSound({Encoding::kWavFloat}, clipped)).value(), clipped);
}

TEST(SoundFile, WhatIsNotANumberIsRefusedWithItsPlace) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(ErrorOf(EncodedSound({Encoding::kWavFloat}, std::vector<float>{0, 0, kNan})),
            "a.wav: sample 2 of channel 1 is not a number");
  EXPECT_EQ(ErrorOf(EncodedSound({Encoding::kWavFloat, 16000, 2},
                                 std::vector<float>{0, std::numeric_limits<float>::infinity()})),
            "a.wav: sample 1 of channel 1 is too large to be one");
}

TEST(SoundFile, AFileWithoutSamplesIsRefused) {
  EXPECT_EQ(ErrorOf(""), "a.wav: is empty");
  EXPECT_EQ(ErrorOf(EncodedSound({}, {})), "a.wav: has no samples");
}

TEST(SoundFile, WhatIsNoSoundIsRefused) {
  EXPECT_EQ(ErrorOf("hello"),
            "a.wav: is no sound file: WAV, FLAC, Ogg Vorbis, Opus and MP3 are read");
  EXPECT_EQ(ErrorOf("RIFF\xff\xff\xff\xffWAVE"),
            "a.wav: is truncated: it ends before its samples begin");
  EXPECT_EQ(ErrorOf("fLaC and no more"),
            "a.wav: begins as a file of FLAC, but its header cannot be read: unknown error in flac "
            "decoder");
  EXPECT_EQ(
      ErrorOf(std::string("ID3\4\0\0\0\0\0\0", 10)),
      "a.wav: begins as a file of MP3, but its header cannot be read: there is no whole frame "
      "of MPEG audio");
}

TEST(SoundFile, AWavFileThatPromisesMoreThanItHasIsRefused) {
  std::string file = EncodedSound({}, Tone(440, 16000, 0.1));
  const size_t bytes = file.size();
  file.resize(bytes - 2000);
  EXPECT_EQ(ErrorOf(file), absl::StrCat("a.wav: is truncated: its header promises 3200 bytes of "
                                        "samples, and 1200 are there"));
}

TEST(SoundFile, AWavFileFromAPipeHasNoLengthAndIsReadToItsEnd) {
  const std::vector<float> tone = Tone(440, 16000, 0.1);
  std::string file = EncodedSound({}, tone);
  const size_t length = file.find("data") + 4;
  file.replace(length, 4, 4, '\xff');
  file.replace(4, 4, 4, '\xff');
  const auto sound = Read(file);
  ASSERT_TRUE(sound.ok()) << sound.status();
  EXPECT_EQ(sound->size(), tone.size());
}

TEST(SoundFile, ATruncatedFlacFileIsRefused) {
  const std::string file = EncodedSound({Encoding::kFlac}, Tone(440, 16000, 2));
  EXPECT_THAT(ErrorOf(file.substr(0, file.size() / 2)), HasSubstr("a.wav: is "));
}

// A FLAC file whose header promises this many samples.
std::string FlacPromising(uint32_t samples, const std::vector<float>& mono) {
  std::string file = EncodedSound({Encoding::kFlac}, mono);
  for (size_t i = 0; i < 4; ++i) file[22 + i] = static_cast<char>(samples >> (24 - 8 * i));
  return file;
}

TEST(SoundFile, AFlacFileWithMoreOrFewerSamplesThanItPromisesIsRefused) {
  const std::vector<float> tone = Tone(440, 16000, 2);
  for (const uint32_t promised : {1u, 1000u, 31999u}) {
    EXPECT_EQ(ErrorOf(FlacPromising(promised, tone)),
              absl::StrCat("a.wav: is damaged: its header promises ", promised,
                           " samples, and more are there"));
  }
  EXPECT_EQ(ErrorOf(FlacPromising(32001, tone)),
            "a.wav: is truncated: its header promises 32001 samples, and 32000 are there");
}

TEST(SoundFile, AFlacFileThatPromisesNothingIsReadToItsEnd) {
  const std::vector<float> tone = Tone(440, 16000, 2);
  EXPECT_EQ(Read(FlacPromising(0, tone)).value(), Read(FlacPromising(32000, tone)).value());
}

TEST(SoundFile, TagsBeforeAndBehindAFlacStreamAreNoneOfIt) {
  const std::string file = EncodedSound({Encoding::kFlac}, Tone(440, 16000, 2));
  const std::string tags = absl::StrCat(std::string("ID3\4\0\0\0\0\0\5", 10), "title");
  EXPECT_EQ(Read(absl::StrCat(tags, file, "TAG", std::string(125, 'x'))).value(),
            Read(file).value());
}

TEST(SoundFile, RecordingsBehindEachOtherAreHeardOneAfterTheOther) {
  for (const Encoding encoding : kEncodings) {
    SCOPED_TRACE(absl::StrCat("encoding ", static_cast<int>(encoding)));
    const std::string first = EncodedSound({encoding, 16000, 1}, Tone(440, 16000, 1, 0.2));
    const std::string second = EncodedSound({encoding, 24000, 2}, Tone(300, 24000, 0.5, 0.2));
    std::vector<float> wanted = Read(first).value();
    const std::vector<float> rest = Read(second).value();
    wanted.insert(wanted.end(), rest.begin(), rest.end());
    EXPECT_EQ(Read(absl::StrCat(first, second)).value(), wanted);
  }
}

TEST(SoundFile, TheRecordingThatIsDamagedIsNamedByItsPlace) {
  const std::string file = EncodedSound({Encoding::kFlac}, Tone(440, 16000, 2));
  EXPECT_THAT(ErrorOf(absl::StrCat(file, file.substr(0, file.size() / 2))),
              HasSubstr(absl::StrCat("a.wav: its recording at byte ", file.size(), " is damaged")));
  EXPECT_EQ(ErrorOf(absl::StrCat(file, file), {3}),
            absl::StrCat("a.wav: its recording at byte ", file.size(),
                         " is 0:00:04 long; at most 0:00:03 are read"));
}

TEST(SoundFile, ADamagedOggPageIsNotSteppedOver) {
  for (const Encoding encoding : {Encoding::kVorbis, Encoding::kOpus}) {
    std::string file = EncodedSound({encoding}, Tone(440, 16000, 8));
    file[file.size() / 2] ^= 0x55;
    EXPECT_THAT(ErrorOf(file), HasSubstr("a.wav: is damaged: byte "));
  }
}

TEST(SoundFile, AWavHeaderThatCannotBeReadSaysWhy) {
  std::string file = EncodedSound({}, Tone(440, 16000, 0.1));
  const auto with = [&](size_t at, char byte) {
    std::string changed = file;
    changed[at] = byte;
    return changed;
  };
  EXPECT_EQ(ErrorOf(with(22, 0)), "a.wav: has 0 channels; 1 to 32 are read");
  EXPECT_EQ(ErrorOf(with(25, 0)), "a.wav: has a rate of 128 Hz; 4000 to 768000 are read");
  EXPECT_EQ(
      ErrorOf(with(34, 64)),
      "a.wav: begins as a file of WAV, but its header cannot be read: File contains data in an "
      "unimplemented format (format 0x0001, 64 bits a sample)");
}

TEST(SoundFile, DamagedMp3FramesAreToldByUsAlone) {
  std::string file = EncodedSound({Encoding::kMp3}, Tone(440, 16000, 2));
  for (size_t at = file.size() / 2; at < file.size(); at += 97) file[at] ^= 0x10;
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Read(file).ok());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(SoundFile, ASoundLongerThanTheLimitIsRefusedByItsHeader) {
  const SoundLimits limits = {1};
  EXPECT_TRUE(Read(EncodedSound({}, Tone(440, 16000, 0.999)), limits).ok());
  EXPECT_EQ(ErrorOf(EncodedSound({Encoding::kFlac}, Tone(440, 16000, 3)), limits),
            "a.wav: is 0:00:03 long; at most 0:00:01 are read");
}

TEST(SoundFile, OddRatesAndTooManyChannelsAreRefused) {
  EXPECT_EQ(ErrorOf(EncodedSound({Encoding::kWav16, 100}, std::vector<float>{0})),
            "a.wav: has a rate of 100 Hz; 4000 to 768000 are read");
  EXPECT_EQ(ErrorOf(EncodedSound({Encoding::kWav16, 16000, 33}, std::vector<float>{0})),
            "a.wav: has 33 channels; 1 to 32 are read");
}

TEST(SoundFile, FoldersDevicesAndWhatIsNotThereAreRefused) {
  const base::TemporaryFolder folder;
  EXPECT_THAT(std::string(ReadSoundFile(folder.path(), {}).status().message()),
              HasSubstr("is a folder, not a file"));
  EXPECT_THAT(std::string(ReadSoundFile("/dev/zero", {}).status().message()),
              HasSubstr("/dev/zero: is not a regular file"));
  EXPECT_EQ(ReadSoundFile(folder.PathOf("none"), {}).status().code(), absl::StatusCode::kNotFound);
  const std::string path =
      folder.Write("b.flac", EncodedSound({Encoding::kFlac}, Tone(9, 16000, 1)));
  EXPECT_EQ(ReadSoundFile(path, {})->size(), 16000u);
}

}  // namespace
}  // namespace lluda::media
