#include "codegen/regions.h"

#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using runtime::Space;

MemoryUse Frame(int64_t offset, int64_t bytes, bool writes) {
  return {{Space::kFrame, 0, offset}, bytes, writes};
}
MemoryUse State(uint32_t index, bool writes) { return {{Space::kState, index, 0}, 64, writes}; }

TEST(Regions, CallsThatReadTheSameAndWriteElsewhereShareOne) {
  Regions regions;
  EXPECT_FALSE(regions.Joins({Frame(0, 64, false), Frame(64, 64, true)})) << "there is none before";
  EXPECT_TRUE(regions.Joins({Frame(0, 64, false), Frame(128, 64, true)}));
  EXPECT_TRUE(regions.Joins({Frame(0, 64, false), State(0, true)}));
  EXPECT_TRUE(regions.Joins({Frame(0, 64, false), State(1, true)}));
}

TEST(Regions, AReaderOfWhatWasWrittenBeginsAnother) {
  Regions regions;
  regions.Joins({Frame(0, 64, false), Frame(64, 64, true)});
  EXPECT_FALSE(regions.Joins({Frame(100, 8, false), Frame(256, 64, true)}));
  EXPECT_TRUE(regions.Joins({Frame(100, 8, false), Frame(512, 64, true)}))
      << "the call that wrote it is in the region before";
}

TEST(Regions, AWriterOfWhatIsReadBeginsAnother) {
  Regions regions;
  regions.Joins({Frame(0, 64, false), Frame(64, 64, true)});
  EXPECT_FALSE(regions.Joins({Frame(63, 1, true)}));
}

TEST(Regions, TwoWritersOfTheSameBytesDoNotShareOne) {
  Regions regions;
  regions.Joins({Frame(0, 64, true)});
  EXPECT_FALSE(regions.Joins({Frame(32, 64, true)}));
}

TEST(Regions, AllCallsOfTheRegionCountNotJustTheLast) {
  Regions regions;
  regions.Joins({Frame(0, 64, true)});
  EXPECT_TRUE(regions.Joins({Frame(64, 64, true)}));
  EXPECT_FALSE(regions.Joins({Frame(0, 64, false)}));
}

TEST(Regions, AStateIsTakenForAll) {
  Regions regions;
  regions.Joins({State(3, true)});
  EXPECT_TRUE(regions.Joins({State(4, false)}));
  EXPECT_FALSE(regions.Joins({{{Space::kState, 3, 4096}, 64, false}}));
}

TEST(Regions, OffsetsInDifferentMemoriesDoNotMeet) {
  Regions regions;
  regions.Joins({Frame(0, 64, true)});
  EXPECT_TRUE(regions.Joins({{{Space::kOutput, 0, 0}, 64, true}}));
  EXPECT_TRUE(regions.Joins({{{Space::kLoaded, 0, 0}, 64, false}}));
}

}  // namespace
}  // namespace lluda::codegen
