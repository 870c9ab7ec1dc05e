// The compiled code's own layer outputs against transformers': for each layer, a module whose loop
// ends after it and whose @step returns the rows of the residual stream instead of their logits.
#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "codegen/llvm/target.h"
#include "engine/source/checkpoint_weights.h"
#include "gtest/gtest.h"
#include "ir/builder.h"
#include "runtime/machine/thread_pool.h"
#include "tests/support/compiled_model.h"
#include "tests/support/real_model.h"
#include "tests/support/reference_activations.h"
#include "tools/validate/bounds.h"

namespace lluda::tests {
namespace {

using engine::Precision;
using Param = std::tuple<std::string, Precision>;

// Makes @step of an imported module end after `layers` layers and return %xr, what those are for
// the wanted rows.
void EndAfter(int64_t layers, ir::Module* module) {
  ir::Func* step = module->FindFunc("step");
  ir::Block& body = step->body;
  for (const auto& op : body.ops()) {
    if (op->opcode() == ir::Opcode::kFor) op->attrs.end = layers;
  }
  body.Erase(body.terminator());
  body.Erase(body.ops().back().get());  // the call of @logits
  ir::Value* rows = body.ops().back()->result();
  ASSERT_EQ(rows->name, "xr");
  step->result_type = rows->type;
  ir::Builder(step).Return(rows);
}

class CompiledActivationsTest : public testing::TestWithParam<Param> {};

// One evaluation of all tokens.
absl::StatusOr<std::vector<float>> RunAll(runtime::Executable* executable, const StepInputs& inputs,
                                          int64_t width) {
  const auto count = static_cast<int64_t>(inputs.tokens.size());
  std::vector<int64_t> dims;
  for (const runtime::SymbolRange& symbol : executable->program().symbols) {
    dims.push_back(symbol.name == "T" || symbol.name == "R" ? count : symbol.min);
  }
  ASSIGN_OR_RETURN(auto states, executable->CreateStates(dims));
  const auto narrow = [](const std::vector<int64_t>& values) {
    return std::vector<int32_t>(values.begin(), values.end());
  };
  const auto tokens = narrow(inputs.tokens), positions = narrow(inputs.positions),
             slots = narrow(inputs.slots), rows = narrow(inputs.rows);
  std::vector<float> output(static_cast<size_t>(count * width), NAN);
  RETURN_IF_ERROR(executable->Run(executable->program().entry("step"), *states, dims,
                                  {tokens.data(), positions.data(), slots.data(), rows.data()},
                                  output.data()));
  return output;
}

TEST_P(CompiledActivationsTest, EveryLayersOutputIsTransformers) {
  const auto& [name, precision] = GetParam();
  const std::string folder = absl::StrCat("reference_data/", name);
  const auto prompts = LoadActivations(absl::StrCat(folder, "/reference"));
  ASSERT_TRUE(prompts.ok()) << prompts.status();
  ASSERT_FALSE(prompts->empty());
  int64_t layers = 1;
  for (int64_t end = 1; end <= layers; ++end) {
    const auto model = RealModel::Open(folder, precision);
    ASSERT_TRUE(model.ok()) << model.status();
    layers = (*model)->decoder().layer_count();
    ASSERT_NO_FATAL_FAILURE(EndAfter(end, (*model)->module()));
    const auto compiled = CompiledModel::Compile((*model)->module(), codegen::Target::Host());
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    engine::CheckpointWeights weights(&(*model)->checkpoint());
    runtime::ThreadPool pool(2);
    const auto executable = (*compiled)->Executable(&weights, &pool);
    ASSERT_TRUE(executable.ok()) << executable.status();
    for (size_t i = 0; i < prompts->size(); ++i) {
      const std::string activation = absl::StrCat("layer", end - 1, ".out");
      const std::vector<float>& expected = (*prompts)[i].activations.at(activation);
      ASSERT_TRUE((*prompts)[i].hf_bf16_nmse.count(activation)) << "prompt " << i;
      const double bound =
          tools::ActivationBound(precision, (*prompts)[i].hf_bf16_nmse.at(activation));
      const auto output = RunAll(executable->get(), WholePrompt((*prompts)[i].ids),
                                 (*model)->decoder().hidden_size);
      ASSERT_TRUE(output.ok()) << output.status();
      EXPECT_LT(Nmse(*output, expected), bound) << "prompt " << i << ", layer " << end - 1;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(References, CompiledActivationsTest,
                         testing::Combine(testing::Values("stories", "tiny"),
                                          testing::Values(Precision::kBF16, Precision::kF32)),
                         [](const auto& info) {
                           const bool bf16 = std::get<1>(info.param) == Precision::kBF16;
                           return absl::StrCat(std::get<0>(info.param), bf16 ? "_bf16" : "_f32");
                         });

}  // namespace
}  // namespace lluda::tests
