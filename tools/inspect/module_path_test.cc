#include "tools/inspect/module_path.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "ir/text/parser.h"

namespace lluda::tools {
namespace {

class ModulePathTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file("ir/testdata/toy_optimized.lluda");
    auto module =
        ir::ParseModule(std::string(std::istreambuf_iterator<char>(file), {}), "toy.lluda");
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
  }

  std::string PathOf(const std::string& func, const std::string& name) {
    std::string path = "no such statement";
    ir::ForEachOp(module_->FindFunc(func)->body, [&](const ir::Op* op) {
      if (op->result() != nullptr && op->result()->name == name) path = ModulePath(*op);
    });
    return path;
  }

  std::unique_ptr<ir::Module> module_;
};

TEST_F(ModulePathTest, AStatementWithAWeightIsThatWeightsModule) {
  EXPECT_EQ(PathOf("attn", "h"), "model.layers.{layer}.input_layernorm");
}

TEST_F(ModulePathTest, WhatTheLoadBlockJoinedIsAllOfTheModules) {
  EXPECT_EQ(PathOf("attn", "qkv"), "model.layers.{layer}.self_attn.{q_proj, k_proj, v_proj}");
}

TEST_F(ModulePathTest, AStatementWithoutWeightsBelongsToWhatItsInputsArePartsOf) {
  EXPECT_EQ(PathOf("attn", "o0"), "model.layers.{layer}.self_attn");
}

TEST_F(ModulePathTest, AStatementThatNoWeightReachesBelongsToNone) {
  EXPECT_EQ(PathOf("step", "position"), "");
}

}  // namespace
}  // namespace lluda::tools
