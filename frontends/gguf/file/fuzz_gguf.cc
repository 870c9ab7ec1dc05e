// Damages sound GGUF files in seeded ways, and checks what the reader promises of any bytes: an
// error of one line, or keys and tensors that lie inside the file, apart and aligned. Run under the
// sanitizers it also finds reads past the end, as each input has a buffer of its own size.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutate_bytes.h"
#include "frontends/gguf/file/container.h"
#include "frontends/gguf/file/gguf_writer.h"
#include "frontends/gguf/file/metadata.h"

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

// The numbers, in four bytes and in eight.
std::vector<std::string> Pieces() {
  std::vector<std::string> pieces;
  for (const uint64_t number : kNumbers) {
    for (const size_t width : {4, 8}) pieces.push_back(NumberBytes(number).substr(0, width));
  }
  return pieces;
}

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
  const std::vector<std::string> seeds = Seeds(), pieces = Pieces();
  std::mt19937 random(20261128);
  int sound = 0, refused = 0;
  for (int i = 0; i < kIterations && !HasFatalFailure(); ++i) {
    const std::string bytes = base::MutateBytes(seeds[random() % seeds.size()], pieces, &random);
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
