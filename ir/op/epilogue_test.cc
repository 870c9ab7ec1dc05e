#include "ir/op/epilogue.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/op/all_epilogues.h"
#include "ir/op/op_info.h"

namespace lluda::ir {
namespace {

using ::testing::UnorderedElementsAre;

TEST(EpilogueTest, TheTableIsSortedAndIndexedByStep) {
  const auto steps = AllSteps();
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(steps[i].step), i);
    EXPECT_EQ(&Info(steps[i].step), &steps[i]);
    if (i > 0) {
      EXPECT_LT(steps[i - 1].name, steps[i].name);
    }
  }
}

TEST(EpilogueTest, AStepTakesTheOperandsAndAttributesOfItsOp) {
  for (const StepInfo& step : AllSteps()) {
    const OpInfo& op = Info(step.opcode);
    EXPECT_LT(step.value, op.min_operands) << step.name;
    EXPECT_EQ(step.keys & ~op.keys, 0u) << step.name;
    // Halves are both the value.
    const int values = step.grain == Grain::kHalves ? 2 : 1;
    EXPECT_EQ(step.operands, op.min_operands - values) << step.name;
  }
}

TEST(EpilogueTest, TheseCombinationsAreLegalAndNoOthers) {
  std::vector<std::string> texts;
  for (const Epilogue& epilogue : AllEpilogues()) texts.push_back(epilogue.ToString());
  EXPECT_THAT(
      texts, UnorderedElementsAre("add", "bias", "bias add", "gelu_mul", "bias gelu_mul",
                                  "silu_mul", "bias silu_mul", "gelu_erf", "bias gelu_erf", "keep",
                                  "bias keep", "norm", "rope", "append", "norm rope", "norm append",
                                  "rope append", "norm rope append", "bias norm", "bias rope",
                                  "bias append", "bias norm rope", "bias norm append",
                                  "bias rope append", "bias norm rope append"));
}

TEST(EpilogueTest, TextReadsBack) {
  for (const Epilogue& epilogue : AllEpilogues()) {
    const auto again = Epilogue::FromText(epilogue.ToString());
    ASSERT_TRUE(again.has_value()) << epilogue.ToString();
    EXPECT_EQ(*again, epilogue);
  }
  EXPECT_EQ(Epilogue({EpilogueStep::kNorm, EpilogueStep::kRope}).ToString("_"), "norm_rope");
}

TEST(EpilogueTest, OrderIsPartOfAnEpilogue) {
  EXPECT_FALSE(*Epilogue::FromText("rope norm") == *Epilogue::FromText("norm rope"));
}

TEST(EpilogueTest, OtherWordsAreNoSteps) {
  for (const char* text : {"", " ", "none", "norm_rope", "norm  rope", " norm", "norm ", "Norm",
                           "norm rope appends"}) {
    EXPECT_EQ(Epilogue::FromText(text), std::nullopt) << text;
  }
}

TEST(EpilogueTest, OperandsComeInTheOrderOfTheSteps) {
  const Epilogue keys = *Epilogue::FromText("norm rope append");
  EXPECT_EQ(keys.OperandCount(), 8);
  EXPECT_EQ(keys.OperandOf(EpilogueStep::kNorm), 2);
  EXPECT_EQ(keys.OperandOf(EpilogueStep::kRope), 3);
  EXPECT_EQ(keys.OperandOf(EpilogueStep::kAppend), 5);
  EXPECT_EQ(keys.OperandOf(EpilogueStep::kBias), -1);
  const Epilogue residual = *Epilogue::FromText("bias add");
  EXPECT_EQ(residual.OperandOf(EpilogueStep::kAdd), 3);
  EXPECT_EQ(Epilogue().OperandCount(), 2);
}

TEST(EpilogueTest, NoMatmulNeedsMoreOperandsThanOneTakes) {
  for (const Epilogue& epilogue : AllEpilogues()) {
    EXPECT_LE(epilogue.OperandCount(), Info(Opcode::kMatmul).max_operands) << epilogue.ToString();
    EXPECT_EQ(epilogue.keys() & ~Info(Opcode::kMatmul).keys, 0u) << epilogue.ToString();
  }
}

TEST(EpilogueTest, ABiasLeavesTheGrainToTheOtherSteps) {
  EXPECT_EQ(Epilogue::FromText("bias add")->grain(), Grain::kColumns);
  EXPECT_EQ(Epilogue::FromText("bias silu_mul")->grain(), Grain::kHalves);
  EXPECT_EQ(Epilogue::FromText("bias append")->grain(), Grain::kHeads);
  EXPECT_FALSE(Epilogue().per_head());
}

}  // namespace
}  // namespace lluda::ir
