#include "codegen/load_memory.h"

#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using runtime::BufferRef;
using runtime::Call;
using runtime::Space;

BufferRef At(int64_t offset) { return {Space::kLoaded, 0, offset}; }
Call CallOf(std::vector<BufferRef> buffers) { return {0, std::move(buffers)}; }
const BufferRef kWeight = {Space::kWeight, 0, 0};

// Two globals of 256 bytes; each is packed from a value of as many.
TEST(PlaceLoadValues, AValueLiesWhereALaterGlobalWill) {
  std::vector<Call> load = {CallOf({kWeight, At(512)}), CallOf({At(512), At(0)}),
                            CallOf({kWeight, At(768)}), CallOf({At(768), At(256)})};
  EXPECT_EQ(PlaceLoadValues({{0, 256}, {256, 256}}, {{512, 256}, {768, 256}}, &load), 768);
  EXPECT_EQ(load[0].buffers[1], At(256));
  EXPECT_EQ(load[1].buffers[0], At(256));
  EXPECT_EQ(load[2].buffers[1], At(512)) << "both globals are there, or being written";
  EXPECT_EQ(load[3].buffers, (std::vector<BufferRef>{At(512), At(256)}));
}

TEST(PlaceLoadValues, ViewsGoWithTheirValue) {
  std::vector<Call> load = {CallOf({kWeight, At(256)}), CallOf({At(256 + 96), At(0)}),
                            CallOf({kWeight, At(128)})};
  EXPECT_EQ(PlaceLoadValues({{0, 128}, {128, 128}}, {{256, 128}}, &load), 256);
  EXPECT_EQ(load[1].buffers[0], At(128 + 96));
}

TEST(PlaceLoadValues, ValuesThatLiveTogetherLieApartAndOthersShare) {
  std::vector<Call> load = {CallOf({kWeight, At(64)}), CallOf({kWeight, At(192)}),
                            CallOf({At(64), At(192), At(0)}), CallOf({kWeight, At(320)}),
                            CallOf({At(320), At(0)})};
  EXPECT_EQ(PlaceLoadValues({{0, 64}}, {{64, 128}, {192, 128}, {320, 192}}, &load), 320);
  EXPECT_EQ(load[2].buffers, (std::vector<BufferRef>{At(64), At(192), At(0)}));
  EXPECT_EQ(load[3].buffers[1], At(64));
}

TEST(PlaceLoadValues, OneThatIsReadBehindAGlobalsDefinitionDoesNotLieThere) {
  std::vector<Call> load = {CallOf({kWeight, At(128)}), CallOf({kWeight, At(0)}),
                            CallOf({At(128), At(64)})};
  EXPECT_EQ(PlaceLoadValues({{0, 64}, {64, 64}}, {{128, 64}}, &load), 192);
}

TEST(PlaceLoadValues, AGlobalThatNoCallDefinesKeepsItsMemory) {
  std::vector<Call> load = {CallOf({kWeight, At(64)}), CallOf({At(64), At(64)})};
  EXPECT_EQ(PlaceLoadValues({{0, 64}}, {{64, 64}}, &load), 128);
}

TEST(PlaceLoadValues, WithoutValuesTheMemoryEndsWithTheGlobals) {
  std::vector<Call> load = {CallOf({kWeight, At(0)})};
  EXPECT_EQ(PlaceLoadValues({{0, 64}}, {}, &load), 64);
  std::vector<Call> nothing;
  EXPECT_EQ(PlaceLoadValues({}, {}, &nothing), 0);
}

}  // namespace
}  // namespace lluda::codegen
