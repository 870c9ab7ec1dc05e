// Damages sound files of every format at random, from a fixed seed, and checks what the reader
// promises of any bytes: an error of one line that names the file, or finite samples in -1..1 within
// the limit. Run under the sanitizers it also finds reads past the end, as each input has a buffer of
// its own size.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "media/sound_file.h"
#include "media/test_sounds.h"

namespace lluda::media {
namespace {

constexpr int kIterations = 3000;
constexpr int kHeader = 64;  // most headers are within the first bytes
constexpr int kMostSeconds = 2;

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const Encoding encoding : kEncodings) {
    seeds.push_back(EncodedSound({encoding, 16000, 1}, Tone(440, 16000, 0.2)));
    seeds.push_back(EncodedSound({encoding, 48000, 2}, Tone(440, 48000, 0.1)));
    seeds.push_back(seeds.back() + seeds[seeds.size() - 2]);  // two recordings
  }
  return seeds;
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string Mutate(std::string bytes) {
    for (size_t i = Below(4) + 1; i > 0 && !bytes.empty(); --i) MutateOnce(&bytes);
    return bytes;
  }

  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }

 private:
  // Half of the time in the header.
  size_t Place(const std::string& bytes) {
    return Below(Below(2) == 0 ? bytes.size() : std::min<size_t>(bytes.size(), kHeader));
  }

  void MutateOnce(std::string* bytes) {
    const size_t at = Place(*bytes);
    switch (Below(6)) {
      case 0:
        (*bytes)[at] = static_cast<char>(Below(256));
        break;
      case 1:
        (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << Below(8)));
        break;
      case 2:
        bytes->erase(at, 1 + Below(16));
        break;
      case 3:
        bytes->insert(at, bytes->substr(Below(bytes->size()), 1 + Below(16)));
        break;
      case 4: {  // a number that lies
        constexpr uint32_t kNumbers[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x00010000};
        const uint32_t number = kNumbers[Below(std::size(kNumbers))];
        for (size_t i = 0; i < sizeof(number) && at + i < bytes->size(); ++i) {
          (*bytes)[at + i] = static_cast<char>(number >> (8 * i));
        }
        break;
      }
      default:
        bytes->resize(at);
        break;
    }
  }

  std::mt19937 random_;
};

TEST(FuzzSoundFile, DamagedFilesAreReadSoundlyOrRefusedWithOneLine) {
  const std::vector<std::string> seeds = Seeds();
  Mutator mutator(20251129);
  int accepted = 0, refused = 0;
  for (int i = 0; i < kIterations; ++i) {
    SCOPED_TRACE(absl::StrCat("iteration ", i));
    const std::string bytes = mutator.Mutate(seeds[mutator.Below(seeds.size())]);
    const auto file = std::make_unique<std::byte[]>(bytes.size());
    std::memcpy(file.get(), bytes.data(), bytes.size());
    const auto sound = ReadSound("m", {file.get(), bytes.size()}, {kMostSeconds});
    if (!sound.ok()) {
      ++refused;
      const std::string message(sound.status().message());
      ASSERT_TRUE(absl::StartsWith(message, "m: ")) << message;
      ASSERT_EQ(message.find_first_of(std::string("\n\0", 2)), std::string::npos) << message;
      continue;
    }
    ++accepted;
    ASSERT_FALSE(sound->empty());
    ASSERT_LE(sound->size(), static_cast<size_t>(kMostSeconds * kSampleRate));
    for (const float sample : *sound) ASSERT_LE(std::fabs(sample), 1);
  }
  // The damage has to reach both what is read and what is refused.
  EXPECT_GT(accepted, kIterations / 10);
  EXPECT_GT(refused, kIterations / 10);
}

}  // namespace
}  // namespace lluda::media
