#include "engine/weight_budget/matrix_groups.h"

#include <algorithm>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using testing::ElementsAre;

constexpr char kStories[] = "reference_data/stories";

std::vector<MatrixGroup> MakeGroups(int threads) {
  absl::StatusOr<ModelFiles> files = OpenModelFiles(kStories, Weights::kRequired);
  EXPECT_TRUE(files.ok()) << files.status();
  runtime::ThreadPool pool(threads);
  absl::StatusOr<std::vector<MatrixGroup>> groups = GroupMatrices(*files, {}, &pool);
  EXPECT_TRUE(groups.ok()) << groups.status();
  return *std::move(groups);
}

const std::vector<MatrixGroup>& Groups() {
  static const auto* groups = new std::vector<MatrixGroup>(MakeGroups(2));
  return *groups;
}

TEST(MatrixGroupsTest, MatricesOfOneRoleInNeighbouringLayersAreAGroup) {
  // Six layers in four ranges.
  std::vector<std::string> names;
  for (const MatrixGroup& group : Groups()) names.push_back(group.name);
  ASSERT_EQ(names.size(), 21);
  names.resize(9);
  EXPECT_THAT(names, ElementsAre("embedding and head", "layers 0-1, q k", "layer 2, q k",
                                 "layers 3-4, q k", "layer 5, q k", "layers 0-1, v", "layer 2, v",
                                 "layers 3-4, v", "layer 5, v"));
}

TEST(MatrixGroupsTest, EachMatrixIsInOneGroup) {
  frontends::WeightTypes types;
  for (const MatrixGroup& group : Groups()) {
    const size_t before = types.size();
    group.Put(ir::DType::kQ8_0, &types);
    EXPECT_EQ(types.size() - before, group.matrices.size()) << group.name;
  }
  EXPECT_EQ(types.size(), 1 + 6 * 7);
}

TEST(MatrixGroupsTest, FewerBitsMoveTheNumbersFurther) {
  for (const MatrixGroup& group : Groups()) {
    const auto of = [&](ir::DType type) {
      return *std::find_if(group.types.begin(), group.types.end(),
                           [&](const SizedType& sized) { return sized.type == type; });
    };
    EXPECT_EQ(group.types[0].type, std::nullopt);
    EXPECT_EQ(group.types[0].bytes, 2 * group.elements());
    EXPECT_EQ(of(ir::DType::kQ8_0).bytes, group.elements() / 32 * 34);
    EXPECT_LT(of(ir::DType::kQ8_0).error, 1e-4) << group.name;
    EXPECT_LT(of(ir::DType::kQ8_0).error, of(ir::DType::kQ6K).error) << group.name;
    EXPECT_LT(of(ir::DType::kQ6K).error, of(ir::DType::kQ4K).error) << group.name;
    EXPECT_LT(of(ir::DType::kQ4K).error, of(ir::DType::kQ2K).error) << group.name;
    EXPECT_LT(of(ir::DType::kQ2K).error, 0.3) << group.name;
  }
}

TEST(MatrixGroupsTest, AnyNumberOfThreadsFindsTheSame) {
  const std::vector<MatrixGroup> one = MakeGroups(1);
  ASSERT_EQ(one.size(), Groups().size());
  for (size_t i = 0; i < one.size(); ++i) {
    ASSERT_EQ(one[i].types.size(), Groups()[i].types.size());
    for (size_t k = 0; k < one[i].types.size(); ++k) {
      EXPECT_EQ(one[i].types[k].error, Groups()[i].types[k].error);
    }
  }
}

}  // namespace
}  // namespace lluda::engine
