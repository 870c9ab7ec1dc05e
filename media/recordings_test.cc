#include "media/recordings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "media/test_sounds.h"

namespace lluda::media {
namespace {

using ::testing::HasSubstr;

std::string Encoded(Encoding encoding, double seconds = 0.5) {
  return EncodedSound({encoding}, Tone(440, 16000, seconds));
}

std::vector<std::string> Recordings(const std::string& file) {
  const auto recordings = RecordingsOf(BytesOf(file), SoundFormatOf(BytesOf(file)));
  EXPECT_TRUE(recordings.ok()) << recordings.status();
  std::vector<std::string> texts;
  if (!recordings.ok()) return texts;
  for (const auto part : *recordings) {
    texts.emplace_back(reinterpret_cast<const char*>(part.data()), part.size());
  }
  return texts;
}

std::string ErrorOf(const std::string& file) {
  return std::string(RecordingsOf(BytesOf(file), SoundFormatOf(BytesOf(file))).status().message());
}

// Where the pages of an Ogg file begin.
std::vector<size_t> Pages(const std::string& ogg) {
  std::vector<size_t> pages;
  for (size_t at = ogg.find("OggS"); at != std::string::npos; at = ogg.find("OggS", at + 1)) {
    pages.push_back(at);
  }
  return pages;
}

TEST(Recordings, AFileOfAnyFormatIsOne) {
  for (const Encoding encoding : kEncodings) {
    const std::string file = Encoded(encoding);
    EXPECT_EQ(Recordings(file), std::vector<std::string>{file}) << static_cast<int>(encoding);
  }
}

TEST(Recordings, FilesOfOneFormatBehindEachOtherAreAsMany) {
  for (const Encoding encoding : kEncodings) {
    const std::string a = Encoded(encoding), b = Encoded(encoding, 1), c = Encoded(encoding, 0.7);
    EXPECT_EQ(Recordings(absl::StrCat(a, b, c)), (std::vector<std::string>{a, b, c}))
        << static_cast<int>(encoding);
  }
}

TEST(Recordings, WhatOthersAppendIsNone) {
  for (const Encoding encoding : kEncodings) {
    const std::string file = absl::StrCat(Encoded(encoding), "TAG and other things");
    EXPECT_EQ(Recordings(file), std::vector<std::string>{file}) << static_cast<int>(encoding);
  }
}

TEST(Recordings, OfMp3BeginWithTheirTags) {
  const std::string mp3 = Encoded(Encoding::kMp3);
  const std::string tagged = absl::StrCat(std::string("ID3\3\0\0\0\0\0\4", 10), "abcd", mp3);
  EXPECT_EQ(Recordings(absl::StrCat(mp3, tagged)), (std::vector<std::string>{mp3, tagged}));
}

TEST(Recordings, OfMp3WithoutACountOfFramesBeginWhereTheFirstOnesFramesEnd) {
  const std::string mp3 = Encoded(Encoding::kMp3, 2);
  std::string uncounted = mp3;
  uncounted.replace(uncounted.find("Xing"), 4, 4, '\0');
  EXPECT_EQ(Recordings(absl::StrCat(mp3, uncounted)), (std::vector<std::string>{mp3, uncounted}));
}

TEST(Recordings, ADamagedOggPageIsToldWithItsPlace) {
  const std::string ogg = Encoded(Encoding::kOpus, 8);
  const std::vector<size_t> pages = Pages(ogg);
  ASSERT_GT(pages.size(), 4u);
  for (size_t page = 1; page < pages.size(); ++page) {
    std::string damaged = ogg;
    damaged[pages[page] + 40] ^= 1;
    EXPECT_EQ(ErrorOf(damaged),
              absl::StrCat("is damaged: byte ", pages[page], " begins no Ogg page"));
  }
}

TEST(Recordings, AMissingOggPageIsTold) {
  const std::string ogg = Encoded(Encoding::kOpus, 8);
  const std::vector<size_t> pages = Pages(ogg);
  const std::string without = absl::StrCat(ogg.substr(0, pages[4]), ogg.substr(pages[5]));
  EXPECT_EQ(ErrorOf(without),
            absl::StrCat("is damaged: at byte ", pages[4], " there is page 5, not page 4"));
}

TEST(Recordings, AStationsStreamMayBeginInItsMiddle) {
  const std::string ogg = Encoded(Encoding::kOpus, 8);
  const std::vector<size_t> pages = Pages(ogg);
  const std::string joined = absl::StrCat(ogg.substr(0, pages[2]), ogg.substr(pages[3]));
  EXPECT_EQ(Recordings(joined), std::vector<std::string>{joined});
}

TEST(Recordings, AnOggFileThatIsCutOffIsAShorterOneUnlessItsSamplesAreYetToCome) {
  for (const Encoding encoding : {Encoding::kVorbis, Encoding::kOpus}) {
    const std::string ogg = Encoded(encoding, 8);
    const std::string cut = ogg.substr(0, ogg.size() * 9 / 10);
    EXPECT_EQ(Recordings(cut), std::vector<std::string>{cut});
    EXPECT_EQ(ErrorOf(ogg.substr(0, Pages(ogg)[2])),
              "is truncated: it ends before its samples begin");
  }
}

}  // namespace
}  // namespace lluda::media
