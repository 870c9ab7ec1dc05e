// Qwen3-0.6B's module, from its config.json alone: how it reads after the passes, and that the
// passes get there the same way every time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/source/model_files.h"
#include "ir/text/hash.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/golden_text.h"

namespace lluda::tests {
namespace {

constexpr char kFolder[] = "tests/testdata/qwen3_0_6b";

std::unique_ptr<ir::Module> Import(engine::Precision precision = engine::Precision::kBF16) {
  const auto files = engine::OpenModelFiles(kFolder, engine::Weights::kOptional);
  if (!files.ok()) {
    ADD_FAILURE() << files.status();
    return nullptr;
  }
  engine::ModuleOptions options;
  options.precision = precision;
  auto module = engine::ImportModule(*files, options);
  EXPECT_TRUE(module.ok()) << module.status();
  return module.ok() ? *std::move(module) : nullptr;
}

absl::Status RunPasses(const std::vector<std::string>& names, ir::Module* module) {
  passes::PipelineOptions options;
  options.check_reports = true;
  ASSIGN_OR_RETURN(auto pipeline, passes::Pipeline::Create(names, options));
  return pipeline.Run(module).status();
}

size_t Statements(const ir::Module& module, absl::string_view func) {
  return module.FindFunc(func)->body.ops().size();
}

// The golden file is what `lluda ir tests/testdata/qwen3_0_6b` prints.
TEST(Qwen306BTest, TheOptimisedModuleReadsAsTheGoldenFile) {
  const auto module = Import();
  ASSERT_NE(module, nullptr);
  ASSERT_TRUE(RunPasses(passes::DefaultPipeline(), module.get()).ok());
  const std::string text = ir::PrintModule(*module);
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 200);
  ExpectGolden(text, absl::StrCat(kFolder, "_optimized.lluda"));
}

TEST(Qwen306BTest, TheAttentionBlockShrinksFromOverFortyStatementsToSixteen) {
  for (const auto precision : {engine::Precision::kBF16, engine::Precision::kF32}) {
    const auto module = Import(precision);
    ASSERT_NE(module, nullptr);
    EXPECT_GE(Statements(*module, "attn"), 40u);
    EXPECT_LE(Statements(*module, "attn"), 49u);
    ASSERT_TRUE(RunPasses(passes::DefaultPipeline(), module.get()).ok());
    EXPECT_LE(Statements(*module, "attn"), 16u) << ir::PrintFunc(*module->FindFunc("attn"));
    EXPECT_LE(Statements(*module, "mlp"), 4u) << ir::PrintFunc(*module->FindFunc("mlp"));
  }
}

TEST(Qwen306BTest, NoOpOfThePaperIsLeftThatAFusedOneStandsFor) {
  const auto module = Import();
  ASSERT_NE(module, nullptr);
  ASSERT_TRUE(RunPasses(passes::DefaultPipeline(), module.get()).ok());
  for (const char* func : {"attn", "mlp", "logits"}) {
    for (const auto& op : module->FindFunc(func)->body.ops()) {
      EXPECT_THAT(std::string(op->name()),
                  testing::Not(testing::AnyOf("exp", "sub", "div", "mul", "add", "silu", "concat",
                                              "causal_mask", "reduce_max", "reduce_sum", "permute",
                                              "gather", "split")))
          << "@" << func << ": " << ir::PrintOp(*op);
    }
  }
}

// A function's statements are written once, however many layers there are.
TEST(Qwen306BTest, TheTextDoesNotGrowWithTheLayers) {
  const auto module = Import();
  ASSERT_NE(module, nullptr);
  std::vector<std::string> layered;
  for (const auto& func : module->funcs()) {
    if (func->index) layered.push_back(absl::StrCat(func->name, " ", func->index->count));
  }
  EXPECT_THAT(layered, testing::ElementsAre("attn 28", "mlp 28"));
}

// The pipeline run at once, and pass by pass with the module written and read again in between.
TEST(Qwen306BTest, ThePassesReplayToTheSameModule) {
  const auto at_once = Import();
  auto replayed = Import();
  ASSERT_TRUE(at_once != nullptr && replayed != nullptr);
  EXPECT_EQ(ir::StructuralHash(*at_once), ir::StructuralHash(*replayed));
  const uint64_t imported = ir::StructuralHash(*at_once);
  ASSERT_TRUE(RunPasses(passes::DefaultPipeline(), at_once.get()).ok());
  EXPECT_NE(ir::StructuralHash(*at_once), imported);
  for (const std::string& pass : passes::DefaultPipeline()) {
    const absl::Status status = RunPasses({pass}, replayed.get());
    ASSERT_TRUE(status.ok()) << status;
    const std::string text = ir::PrintModule(*replayed);
    auto parsed = ir::ParseModule(text, absl::StrCat(pass, ".lluda"));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    ASSERT_EQ(ir::PrintModule(**parsed), text) << "after " << pass;
    replayed = *std::move(parsed);
  }
  EXPECT_EQ(ir::StructuralHash(*replayed), ir::StructuralHash(*at_once));
  EXPECT_EQ(ir::PrintModule(*replayed), ir::PrintModule(*at_once));
}

// Both halves of the tied embedding, the lookup and the head, read the one packed copy.
TEST(Qwen306BTest, TheTiedEmbeddingIsPackedOnce) {
  const auto module = Import();
  ASSERT_NE(module, nullptr);
  ASSERT_TRUE(RunPasses(passes::DefaultPipeline(), module.get()).ok());
  const ir::Global* embed = module->FindGlobal("embed");
  ASSERT_NE(embed, nullptr);
  int readers = 0;
  ir::ForEachOp(*module, [&](const ir::Op* op) {
    for (const ir::Operand& operand : op->operands()) {
      if (operand.global != embed) continue;
      ++readers;
      EXPECT_EQ(op->opcode(), ir::Opcode::kPack) << ir::PrintOp(*op);
    }
  });
  EXPECT_EQ(readers, 1);
}

}  // namespace
}  // namespace lluda::tests
