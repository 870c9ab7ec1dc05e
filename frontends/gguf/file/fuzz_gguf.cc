// Damages sound GGUF files in seeded ways, and checks what the reader promises of any bytes: an
// error of one line, or keys and tensors that lie inside the file, apart and aligned. Run under the
// sanitizers it also finds reads past the end, as each input has a buffer of its own size.
#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "frontends/gguf/file/container.h"
#include "frontends/gguf/file/metadata.h"
#include "frontends/gguf/file/test_gguf.h"

namespace lluda::frontends::gguf {
namespace {

constexpr int kIterations = 200'000;

std::vector<std::string> Seeds() {
  GgufWriter small, all;
  small.U32("a", 1).Tensor("t", 0, {2}, "12345678");
  all.String("general.architecture", "llama").U32("general.alignment", 16).Align(16);
  all.F32("f", 1e-5F).Bool("b", true).U64("u", 7).I32s("types", {1, 3, 6}).F32s("scores", {0, -1});
  all.Strings("tokens", {"a", "", "\xC4\xA0"});
  all.Tensor("q", 12, {256, 2}, std::string(288, 'q')).Tensor("n", 30, {5}, std::string(10, 'n'));
  all.Tensor("o", 8, {32, 1, 2}, std::string(68, 'o'));
  return {GgufWriter().Bytes(), small.Bytes(), all.Bytes()};
}

// Numbers that are likelier to matter than random bytes: counts, types, lengths, extents.
constexpr uint64_t kNumbers[] = {
    0,
    1,
    2,
    3,
    4,
    5,
    8,
    9,
    12,
    13,
    31,
    32,
    255,
    256,
    uint64_t{1} << 16,
    uint64_t{1} << 31,
    uint64_t{1} << 32,
    (uint64_t{1} << 32) - 1,
    uint64_t{1} << 63,
    ~uint64_t{0},
    ~uint64_t{31},
};

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string Mutate(std::string bytes) {
    for (size_t i = Below(3) + 1; i > 0; --i) MutateOnce(&bytes);
    return bytes;
  }
  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }

 private:
  void MutateOnce(std::string* bytes) {
    const size_t at = Below(bytes->size() + 1);
    const size_t width = Below(2) == 0 ? 4 : 8;
    switch (Below(6)) {
      case 0:
        if (at < bytes->size()) (*bytes)[at] = static_cast<char>(Below(256));
        break;
      case 1:
        if (at < bytes->size()) (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << Below(8)));
        break;
      case 2:
        bytes->erase(at, Below(9));
        break;
      case 3:
        bytes->resize(at);
        break;
      case 4:
        bytes->insert(at, NumberBytes(kNumbers[Below(std::size(kNumbers))]).substr(0, width));
        break;
      default:
        if (at + width <= bytes->size()) {
          bytes->replace(at, width,
                         NumberBytes(kNumbers[Below(std::size(kNumbers))]).substr(0, width));
        }
        break;
    }
  }

  std::mt19937 random_;
};

// Reads every value in every way.
void TouchValues(const Container& container) {
  const Metadata metadata("x.gguf", container.entries);
  size_t total = 0;
  for (const Entry& entry : container.entries) {
    total += DescribeValue(entry).size();
    if (const auto strings = metadata.Strings(entry.key); strings.ok()) {
      for (const absl::string_view text : *strings) total += std::string(text).size();
    }
    total += metadata.Ints(entry.key).ok() + metadata.Floats(entry.key).ok();
    total += metadata.Number(entry.key).ok() + metadata.String(entry.key).ok();
    total += metadata.Bool(entry.key).ok();
  }
  ASSERT_GE(total, container.entries.size());
}

void CheckTensors(const Container& container, const std::vector<std::byte>& file) {
  const std::byte* end = file.data();
  for (const Tensor& tensor : container.tensors) {
    ASSERT_GE(tensor.bytes.data(), end);
    ASSERT_EQ((tensor.bytes.data() - file.data() - container.data_start) % container.alignment, 0u);
    end = tensor.bytes.data() + tensor.bytes.size();
    ASSERT_LE(end, file.data() + file.size());
    int64_t elements = 1;
    for (const int64_t extent : tensor.shape) elements *= extent;
    ASSERT_EQ(BytesOf(*tensor.type, elements), static_cast<int64_t>(tensor.bytes.size()));
  }
}

TEST(FuzzGgufTest, AnyBytesAreRefusedInOneLineOrSound) {
  const std::vector<std::string> seeds = Seeds();
  Mutator mutator(20261128);
  int sound = 0, refused = 0;
  for (int i = 0; i < kIterations && !HasFatalFailure(); ++i) {
    const std::string bytes = mutator.Mutate(seeds[mutator.Below(seeds.size())]);
    const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
    const std::vector<std::byte> file(begin, begin + bytes.size());
    const absl::StatusOr<Container> container = ParseGguf("x.gguf", file);
    if (!container.ok()) {
      ++refused;
      const std::string message(container.status().message());
      ASSERT_EQ(message.rfind("x.gguf: ", 0), 0u) << message;
      ASSERT_EQ(message.find('\n'), std::string::npos) << message;
      continue;
    }
    ++sound;
    CheckTensors(*container, file);
    TouchValues(*container);
  }
  // Both kinds have been seen, or the damage is not of the right size.
  EXPECT_GT(sound, kIterations / 100);
  EXPECT_GT(refused, kIterations / 100);
}

}  // namespace
}  // namespace lluda::frontends::gguf
