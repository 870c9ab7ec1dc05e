// Mutates sound safetensors files at random, from a fixed seed, and checks what the reader promises
// of any bytes: an error of one line, or tensors that lie inside the file and cover its data. Run
// under the sanitizers it also finds reads past the end, as each input has a buffer of its own
// size.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "base/mutate_bytes.h"
#include "frontends/checkpoint/safetensors.h"

namespace lluda::frontends {
namespace {

constexpr int kIterations = 100'000;

std::vector<std::string> Seeds() {
  return {
      base::SafetensorsBytes("{}", ""),
      base::SafetensorsBytes(R"({"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})",
                             "12345678"),
      base::SafetensorsBytes(R"({"__metadata__":{"format":"pt"},
                           "b":{"dtype":"BF16","shape":[3],"data_offsets":[4,10]},
                           "a":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]},
                           "c":{"dtype":"I64","shape":[0],"data_offsets":[10,10]},
                           "d":{"dtype":"F4","shape":[4],"data_offsets":[10,12]}}    )",
                             "abcdefghijkl"),
  };
}

// Pieces whose meaning is more likely to matter than that of a random byte.
const std::string kPieces[] = {
    "0",
    "1",
    "-1",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "1e9",
    "[]",
    "{}",
    "null",
    "\"F64\"",
    "\"dtype\":",
    ",",
    "}",
    "[[[[[[",
    "\\u0000",
    "\"data_offsets\":[0,8]",
    "\xf0\x9f",
};

class Mutator {
 public:
  explicit Mutator(uint32_t seed) : random_(seed) {}

  std::string Mutate(std::string bytes) {
    bytes = base::MutateBytes(std::move(bytes), kPieces, &random_);
    if (Below(4) == 0) ReplaceNumber(&bytes);
    if (Below(2) == 0) FitLength(&bytes);
    return bytes;
  }

  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }

 private:
  void ReplaceNumber(std::string* bytes) {
    const size_t digit = bytes->find_first_of("0123456789", Below(bytes->size() + 1));
    if (digit == std::string::npos) return;
    bytes->replace(digit, 1, kPieces[Below(std::size(kPieces))]);
  }

  // Makes the length fit again, or nearly no mutation would reach the JSON.
  static void FitLength(std::string* bytes) {
    if (bytes->size() < sizeof(uint64_t)) return;
    const size_t end = bytes->rfind('}');
    const uint64_t length = end == std::string::npos || end < 8 ? 0 : end - 7;
    std::memcpy(bytes->data(), &length, sizeof(length));
  }

  std::mt19937 random_;
};

// What every tensor list has to satisfy, whatever the bytes it was read from.
void CheckTensors(const std::vector<TensorView>& tensors, absl::Span<const std::byte> file) {
  const std::byte* end = tensors.empty() ? file.data() + file.size() : tensors.front().data;
  for (const TensorView& tensor : tensors) {
    ASSERT_EQ(tensor.data, end);
    ASSERT_GE(tensor.data, file.data());
    ASSERT_LE(tensor.bytes, static_cast<size_t>(file.data() + file.size() - tensor.data));
    end = tensor.data + tensor.bytes;
    for (const int64_t extent : tensor.shape) ASSERT_GE(extent, 0);
    unsigned sum = 0;
    for (const std::byte byte : tensor.span()) sum += static_cast<unsigned>(byte);
    ASSERT_LE(sum, 255 * tensor.bytes);
  }
  ASSERT_EQ(end, file.data() + file.size());
}

TEST(FuzzSafetensors, MutatedFilesAreReadSoundlyOrRefusedWithOneLine) {
  const std::vector<std::string> seeds = Seeds();
  Mutator mutator(20250429);
  int accepted = 0;
  int tensor_errors = 0;
  for (int i = 0; i < kIterations; ++i) {
    const std::string bytes = mutator.Mutate(seeds[mutator.Below(seeds.size())]);
    const std::vector<std::byte> file(
        reinterpret_cast<const std::byte*>(bytes.data()),
        reinterpret_cast<const std::byte*>(bytes.data()) + bytes.size());
    SCOPED_TRACE(absl::StrCat("iteration ", i));
    absl::StatusOr<std::vector<TensorView>> tensors = ParseSafetensors("m", file);
    if (tensors.ok()) {
      ++accepted;
      CheckTensors(*tensors, file);
    } else {
      ASSERT_EQ(tensors.status().code(), absl::StatusCode::kInvalidArgument);
      const std::string message(tensors.status().message());
      ASSERT_EQ(message.find_first_of(std::string("\n\0", 2)), std::string::npos) << message;
      tensor_errors += message.find("tensor 'a'") != std::string::npos;
    }
    if (HasFatalFailure()) return;
  }
  // The mutations have to reach both what is read and what is refused late.
  EXPECT_GT(accepted, kIterations / 100);
  EXPECT_GT(tensor_errors, kIterations / 100);
}

}  // namespace
}  // namespace lluda::frontends
