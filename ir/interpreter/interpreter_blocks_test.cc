#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "ir/check/verifier.h"
#include "ir/interpreter/interpreter.h"
#include "ir/text/parser.h"
#include "ir/type/blocks.h"

namespace lluda::ir {
namespace {

constexpr int64_t kTokens = 4;

std::vector<float> RandomFloats(uint64_t seed, int64_t count) {
  base::SplitMix64 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.NextUnit() - 0.5);
  return values;
}

// A weight of random numbers, encoded if it is in blocks.
absl::StatusOr<Tensor> RandomWeight(const Global& weight, int64_t) {
  const auto no_symbols = [](absl::string_view) -> int64_t { return 0; };
  const std::vector<float> values =
      RandomFloats(weight.name[0], ElementCount(weight.type, no_symbols));
  if (!IsBlock(weight.type.dtype)) return Tensor::OfFloats(weight.type, values);
  Tensor tensor(weight.type);
  EncodeBlocks(weight.type.dtype, values, absl::MakeSpan(tensor.mutable_blocks()));
  return tensor;
}

class InterpreterBlocksTest : public ::testing::Test {
 protected:
  InterpreterBlocksTest() {
    std::ifstream file("ir/testdata/blocks.lluda");
    std::stringstream text;
    text << file.rdbuf();
    auto module = ParseModule(text.str(), "blocks.lluda");
    EXPECT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
    EXPECT_TRUE(Verify(*module_).ok()) << Verify(*module_);
    Environment environment;
    environment.weights = RandomWeight;
    auto interpreter = Interpreter::Create(module_.get(), environment);
    EXPECT_TRUE(interpreter.ok()) << interpreter.status();
    interpreter_ = std::make_unique<Interpreter>(*std::move(interpreter));
    EXPECT_TRUE(interpreter_->RunLoad().ok());
  }

  std::vector<float> Call(const std::string& func) {
    const Axis tok{"tok", Extent::Constant(kTokens)};
    const Type x{DType::kF32, {tok, {"k", Extent::Constant(64)}}, {}};
    std::vector<Tensor> arguments = {Tensor::OfFloats(x, RandomFloats(1, kTokens * 64))};
    if (module_->FindFunc(func)->params().size() > 1) {
      arguments.push_back(Tensor::OfInts({DType::kI32, {tok}, {}}, {2, 0, 0, 1}));
    }
    auto result = interpreter_->Call(func, std::move(arguments));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->floats() : std::vector<float>();
  }

  std::unique_ptr<Module> module_;
  std::unique_ptr<Interpreter> interpreter_;
};

TEST_F(InterpreterBlocksTest, WhatReadsBlocksReadsWhatDequantizeMakesOfThem) {
  const std::vector<float> naive = Call("naive");
  EXPECT_EQ(Call("encoded"), naive);
  EXPECT_EQ(Call("packed"), naive);
  EXPECT_NE(naive[0], naive[1]);
}

TEST_F(InterpreterBlocksTest, JoinedPanelsAreTheirPartsSideBySide) {
  EXPECT_EQ(Call("joined"), Call("apart"));
}

TEST_F(InterpreterBlocksTest, QuantisingIsTheReferencesQuantiser) {
  const auto quantised = interpreter_->Read("fq");
  ASSERT_TRUE(quantised.ok()) << quantised.status();
  std::vector<std::byte> expected(3 * 2 * 34);
  std::vector<float> values = RandomFloats('f', 3 * 64);
  for (float& value : values) value = RoundTo(DType::kBF16, value);
  EncodeBlocks(DType::kQ8_0, values, absl::MakeSpan(expected));
  EXPECT_EQ(quantised->blocks(), expected);
  EXPECT_EQ(Call("quantised").size(), static_cast<size_t>(kTokens * 3));
}

}  // namespace
}  // namespace lluda::ir
