#include "engine/source/checkpoint_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "base/files/test_files.h"
#include "ir/text/parser.h"

namespace lluda::engine {
namespace {

using testing::EndsWith;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr size_t kElements = 2 * 512;

// Reads the first layer's tensor for a load block that quantises it, of which half the elements are 0.5.
class CheckpointWeightsTest : public testing::Test {
 protected:
  static constexpr char kTensor[] = "layers.0.w";

  // Bytes of a dtype of as many floats, of which one is another.
  template <typename Bits>
  static std::string With(Bits half, size_t at, Bits other) {
    std::vector<Bits> bits(kElements, half);
    bits[at] = other;
    return {reinterpret_cast<const char*>(bits.data()), bits.size() * sizeof(Bits)};
  }
  static std::string Singles(size_t at, float other) {
    uint32_t bits;
    std::memcpy(&bits, &other, sizeof(bits));
    return With<uint32_t>(0x3F000000, at, bits);
  }

  absl::Status Read(const std::string& dtype, const std::string& to, const std::string& bytes,
                    runtime::ThreadPool* pool = nullptr) {
    const std::string header =
        absl::StrCat(R"({"layers.0.w": {"dtype": ")", dtype,
                     R"(", "shape": [2, 512], "data_offsets": [0, )", bytes.size(), "]}}");
    folder_.Write("model.safetensors", base::SafetensorsBytes(header, bytes));
    absl::StatusOr<frontends::Checkpoint> checkpoint = frontends::Checkpoint::Open(folder_.path());
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    const auto module = ir::ParseModule(absl::Substitute(R"(lluda 1
module @m {
  weight @w[layer < 1] : $0 a[2] b[512] from "layers.{layer}.w"
  load {
    for layer in 0..1 {
      @l[layer] = cast @w[layer] {out = f32} : f32 a[2] b[512]
      @q[layer] = quantize_blocks @l[layer] {out = $1} : $1 a[2] b[512]
    }
  }
}
)",
                                                         absl::AsciiStrToLower(dtype), to),
                                        "module.lluda");
    EXPECT_TRUE(module.ok()) << module.status();
    if (!module.ok()) return module.status();
    CheckpointWeights weights(&*checkpoint);
    weights.UseThreads(pool);
    weights.CheckQuantised(**module);
    return weights.Data(kTensor, static_cast<int64_t>(bytes.size())).status();
  }

  base::TemporaryFolder folder_;
};

TEST_F(CheckpointWeightsTest, FloatsThatAreNotFiniteAreNotQuantised) {
  EXPECT_TRUE(Read("F32", "q8_0", Singles(700, 0.25f)).ok());
  EXPECT_EQ(Read("F32", "q8_0", Singles(700, kNan)).message(),
            absl::StrCat(folder_.path(), "/model.safetensors: tensor 'layers.0.w': number 700 is ",
                         "nan, which q8_0 cannot hold"));
  EXPECT_THAT(std::string(Read("F32", "iq4_xs", Singles(0, -kInf)).message()),
              EndsWith("number 0 is -inf, which iq4_xs cannot hold"));
  EXPECT_THAT(std::string(Read("BF16", "q4_0", With<uint16_t>(0x3F00, 1023, 0xFF80)).message()),
              EndsWith("number 1023 is -inf, which q4_0 cannot hold"));
  EXPECT_THAT(std::string(Read("F16", "q4_k", With<uint16_t>(0x3800, 5, 0x7E00)).message()),
              EndsWith("number 5 is nan, which q4_k cannot hold"));
}

TEST_F(CheckpointWeightsTest, OfLargeFloatsThoseWhoseScaleOverflowsAreNotQuantised) {
  EXPECT_TRUE(Read("F32", "q8_0", Singles(33, 65504.0f * 127)).ok());
  EXPECT_THAT(std::string(Read("F32", "q8_0", Singles(33, -65600.0f * 127)).message()),
              EndsWith("number 33 is -8.3312e+06, with which a scale of q8_0 overflows"));
  EXPECT_TRUE(Read("F32", "q4_1", Singles(33, -65504.0f)).ok());
  EXPECT_FALSE(Read("F32", "q4_1", Singles(33, -65600.0f)).ok());  // its minimum is an f16
  for (const char* to : {"q4_0", "q5_0", "q5_1", "q2_k", "q3_k", "q5_k", "q6_k", "iq4_nl"}) {
    EXPECT_FALSE(Read("F32", to, Singles(800, 1e38f)).ok()) << to;
    EXPECT_TRUE(Read("F32", to, Singles(800, 30000.0f)).ok()) << to;
  }
}

TEST_F(CheckpointWeightsTest, TheFirstOfSeveralIsNamedWhateverThreadsThereAre) {
  std::string bytes = Singles(900, kNan);
  const std::string other = Singles(300, kInf);
  bytes.replace(0, 1600, other, 0, 1600);
  runtime::ThreadPool pool(3);
  EXPECT_THAT(std::string(Read("F32", "q8_0", bytes, &pool).message()),
              EndsWith("number 300 is inf, which q8_0 cannot hold"));
}

}  // namespace
}  // namespace lluda::engine
