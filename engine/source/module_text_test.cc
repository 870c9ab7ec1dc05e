#include "engine/source/module_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "ir/text/printer.h"

namespace lluda::engine {
namespace {

using testing::HasSubstr;

class ModuleTextTest : public testing::Test {
 protected:
  void SetUp() override {
    auto files = OpenModelFiles("reference_data/stories", Weights::kRequired);
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = *std::move(files);
    const auto module = ImportModule(files_, {});
    ASSERT_TRUE(module.ok()) << module.status();
    text_ = ir::PrintModule(**module);
  }

  // The error of the imported module with `from` replaced by `to`.
  std::string Error(const std::string& from, const std::string& to) {
    const std::string edited = absl::StrReplaceAll(text_, {{from, to}});
    EXPECT_NE(edited, text_);
    const absl::Status status = ParseModuleFor(files_, {"m.lluda", edited}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  ModelFiles files_;
  std::string text_;
};

TEST_F(ModuleTextTest, TheModelsOwnModuleIsReadAsItWas) {
  const auto module = ParseModuleFor(files_, {"m.lluda", text_});
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_EQ(ir::PrintModule(**module), text_);
}

TEST_F(ModuleTextTest, ASyntaxErrorNamesFileLineAndColumn) {
  EXPECT_THAT(Error("symbol T", "symbl T"), testing::StartsWith("m.lluda:3:3: "));
}

TEST_F(ModuleTextTest, AWeightOfAnotherShapeIsRefused) {
  EXPECT_THAT(Error("dim[64] from \"model.layers.{layer}.self_attn.q_norm",
                    "dim[64] from \"model.layers.{layer}.mlp.up_proj"),
              testing::AllOf(HasSubstr("m.lluda: weight @q_norm is bf16 dim[64], the tensor "
                                       "model.layers.0.mlp.up_proj.weight is BF16 ["),
                             testing::Not(HasSubstr("\n"))));
}

TEST_F(ModuleTextTest, AWeightThatTheCheckpointLacksIsRefused) {
  EXPECT_THAT(Error("\"model.norm.weight\"", "\"model.norm\""),
              "m.lluda: weight @final_norm: the checkpoint has no tensor model.norm");
  EXPECT_THAT(Error(" from \"model.norm.weight\"", ""),
              "m.lluda: weight @final_norm names no tensor of the checkpoint");
}

TEST_F(ModuleTextTest, AnEntryThatSessionsCannotCallIsRefused) {
  EXPECT_THAT(Error("@step", "@walk"), "m.lluda: there is no func @step");
  EXPECT_THAT(Error("%slot: i32 tok[T], %rows", "%seat: i32 tok[T], %rows"),
              testing::StartsWith("m.lluda:"));
  EXPECT_THAT(Error("%rows", "%lines"),
              HasSubstr("func @step is (%tokens: i32 tok[T], %pos: i32 tok[T], %slot: i32 tok[T], "
                        "%lines: i32 row[R]) -> f32 row[R] vocab[4096], the model's is "));
}

TEST_F(ModuleTextTest, PlacesInMemoryAreCheckedWhereNoPassIsLeftToPlanThem) {
  const std::string planned =
      absl::StrReplaceAll(text_, {{"module @qwen3 {", "module @qwen3 {\n  passes plan-memory"}});
  ASSERT_NE(planned, text_);
  const absl::Status status = ParseModuleFor(files_, {"m.lluda", planned}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(testing::StartsWith("m.lluda:"),
                             HasSubstr(" has no place in the frame; run plan-memory")));
}

}  // namespace
}  // namespace lluda::engine
