#include "machine/gpu_tiles.h"

#include "gtest/gtest.h"

namespace lluda::machine {
namespace {

using ir::DType;

TEST(GpuTiles, TensorCoresMultiplyBf16InWholeThirtyTwos) {
  EXPECT_TRUE(HasTensorProduct(DType::kBF16, DType::kBF16, 1024, 0));
  EXPECT_TRUE(HasTensorProduct(DType::kBF16, DType::kBF16, 288, 0));
  EXPECT_FALSE(HasTensorProduct(DType::kBF16, DType::kBF16, 40, 0));
  EXPECT_FALSE(HasTensorProduct(DType::kF32, DType::kBF16, 1024, 0));
  EXPECT_FALSE(HasTensorProduct(DType::kBF16, DType::kF16, 1024, 0));
}

TEST(GpuTiles, TensorCoresMultiplyTheNumbersOfBlocks) {
  EXPECT_TRUE(HasTensorProduct(DType::kBF16, DType::kQ4K, 1024, 0));
  EXPECT_TRUE(HasTensorProduct(DType::kBF16, DType::kQ8_0, 96, 16));
  EXPECT_FALSE(HasTensorProduct(DType::kBF16, DType::kQ8_0, 96, 8)) << "16 columns are a block's";
  EXPECT_FALSE(HasTensorProduct(DType::kF32, DType::kQ8_0, 1024, 0));
}

TEST(GpuTiles, HeadsAreWholeTilesOrTheOtherWayRound) {
  for (const int64_t head : {8, 16, 32, 64, 128, 256}) {
    EXPECT_TRUE(HasTensorProduct(DType::kBF16, DType::kBF16, 1024, head)) << head;
  }
  for (const int64_t head : {10, 48, 80, 96, 192}) {
    EXPECT_FALSE(HasTensorProduct(DType::kBF16, DType::kBF16, 1024, head)) << head;
  }
}

}  // namespace
}  // namespace lluda::machine
