#include "engine/source/default_model.h"

#include <gtest/gtest.h>

#include <string>

#include "base/files/test_files.h"

namespace lluda::engine {
namespace {

using base::TemporaryFolder;

TEST(DefaultModelTest, IsBelowTheNearestFolderAboveTheBinary) {
  const TemporaryFolder tree;
  tree.Write("reference_data/stories/config.json", "{}");
  EXPECT_EQ(FindDefaultModel(nullptr, tree.PathOf("out/bin/lluda")),
            tree.PathOf("reference_data/stories"));
  tree.Write("out/reference_data/stories/config.json", "{}");
  EXPECT_EQ(FindDefaultModel(nullptr, tree.PathOf("out/bin/lluda")),
            tree.PathOf("out/reference_data/stories"));
}

TEST(DefaultModelTest, RunfilesComeFirst) {
  const TemporaryFolder tree;
  tree.Write("reference_data/stories/config.json", "{}");
  tree.Write("bin/lluda.runfiles/lluda/reference_data/stories/config.json", "{}");
  EXPECT_EQ(FindDefaultModel(nullptr, tree.PathOf("bin/lluda")),
            tree.PathOf("bin/lluda.runfiles/lluda/reference_data/stories"));
}

TEST(DefaultModelTest, TheVariableWins) {
  const TemporaryFolder tree;
  tree.Write("reference_data/stories/config.json", "{}");
  EXPECT_EQ(FindDefaultModel("/elsewhere", tree.PathOf("bin/lluda")),
            "/elsewhere/reference_data/stories");
  EXPECT_EQ(FindDefaultModel("", tree.PathOf("bin/lluda")), tree.PathOf("reference_data/stories"));
}

TEST(DefaultModelTest, WithoutOneTheNameIsLeftForTheError) {
  EXPECT_EQ(FindDefaultModel(nullptr, "/nonexistent/lluda"), "reference_data/stories");
  EXPECT_EQ(FindDefaultModel(nullptr, ""), "reference_data/stories");
}

}  // namespace
}  // namespace lluda::engine
