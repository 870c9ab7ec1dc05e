#include "media/vorbis_headers.h"

#include <gtest/gtest.h>

#include <string>

#include "media/test_sounds.h"

namespace lluda::media {
namespace {

TEST(VorbisHeaders, OfAnUndamagedFileAreRead) {
  const std::string file = EncodedSound({Encoding::kVorbis}, Tone(440, 16000, 0.1));
  EXPECT_TRUE(VorbisHeadersAreRead(BytesOf(file)));
}

TEST(VorbisHeaders, ThatAreCutOffAreNot) {
  const std::string file = EncodedSound({Encoding::kVorbis}, Tone(440, 16000, 0.1));
  EXPECT_FALSE(VorbisHeadersAreRead(BytesOf(file.substr(0, 1000))));
}

TEST(VorbisHeaders, OpusHasNone) {
  const std::string file = EncodedSound({Encoding::kOpus}, Tone(440, 16000, 0.1));
  EXPECT_TRUE(VorbisHeadersAreRead(BytesOf(file)));
  EXPECT_TRUE(VorbisHeadersAreRead(BytesOf("OggS and no more")));
}

}  // namespace
}  // namespace lluda::media
