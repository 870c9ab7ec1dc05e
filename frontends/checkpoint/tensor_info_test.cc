#include "frontends/checkpoint/tensor_info.h"

#include <string>

#include "base/files/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::frontends {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TensorInfo, TellsDtypeAndShapeOfWhatACheckpointHolds) {
  const base::TemporaryFolder folder;
  folder.Write(
      "model.safetensors",
      base::SafetensorsBytes(R"({"a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]},)"
                             R"( "b": {"dtype": "U8", "shape": [], "data_offsets": [12, 13]}})",
                             std::string(13, '\0')));
  const auto checkpoint = Checkpoint::Open(folder.path());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const TensorLookup lookup = LookupIn(*checkpoint);

  const auto a = lookup("a");
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->dtype, ir::DType::kF16);
  EXPECT_THAT(a->shape, ElementsAre(2, 3));

  const auto b = lookup("b");
  ASSERT_TRUE(b.has_value());
  EXPECT_EQ(b->dtype, std::nullopt);
  EXPECT_EQ(b->dtype_name, "U8");
  EXPECT_THAT(b->shape, IsEmpty());

  EXPECT_FALSE(lookup("c").has_value());
}

}  // namespace
}  // namespace lluda::frontends
