// What `lluda imatrix` counts of experts, against a count by hand of what the interpreter multiplies.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/model.h"
#include "engine/source/model_files.h"
#include "engine/source/open_model_source.h"
#include "frontends/checkpoint/read_weight.h"
#include "gtest/gtest.h"
#include "ir/interpreter/interpreter.h"
#include "tests/support/model_logits.h"
#include "tests/support/real_model.h"
#include "tests/support/seeded_families.h"
#include "tools/eval/measure_importance.h"

namespace lluda::tests {
namespace {

using frontends::gguf::Importance;

// The sums of squares of each expert's inputs in a layer, and how many tokens took it.
struct ByHand {
  std::vector<std::vector<double>> input, down;
  std::vector<double> tokens;

  ByHand(size_t experts, size_t hidden, size_t size)
      : input(experts, std::vector<double>(hidden)),
        down(experts, std::vector<double>(size)),
        tokens(experts) {}
};

// What the module as imported computes, value by value: %h0 is what experts read, %i which ones a token
// takes, %m0 what their last matrix reads.
std::vector<ByHand> CountByHand(const SeededFolder& folder, const std::vector<int32_t>& ids) {
  auto model = RealModel::Open(folder.path(), engine::Precision::kF32);
  EXPECT_TRUE(model.ok()) << model.status();
  const frontends::decoder::Decoder& decoder = (*model)->decoder();
  const auto experts = static_cast<size_t>(decoder.experts->count);
  const auto top = static_cast<size_t>(decoder.experts->top);
  const auto hidden = static_cast<size_t>(decoder.hidden_size);
  const auto size = static_cast<size_t>(decoder.experts->intermediate_size);
  std::vector<ByHand> layers(static_cast<size_t>(decoder.layer_count()),
                             ByHand(experts, hidden, size));
  auto interpreter = (*model)->Interpret((*model)->module(), /*slots=*/1);
  EXPECT_TRUE(interpreter.ok()) << interpreter.status();
  std::vector<float> h0;
  std::vector<size_t> chosen;
  interpreter->SetObserver(
      [&](const ir::Func* func, int64_t index, const ir::Op& op, const ir::Tensor& result) {
        if (func == nullptr || func->name != "moe" || op.result() == nullptr) return;
        ByHand& layer = layers[static_cast<size_t>(index)];
        if (op.result()->name == "h0") h0.assign(result.floats().begin(), result.floats().end());
        if (op.result()->name == "i") {
          chosen.assign(result.ints().begin(), result.ints().end());
          for (size_t k = 0; k < chosen.size(); ++k) {
            layer.tokens[chosen[k]] += 1;
            for (size_t c = 0; c < hidden; ++c) {
              const double x = h0[k / top * hidden + c];
              layer.input[chosen[k]][c] += x * x;
            }
          }
        }
        if (op.result()->name == "m0") {
          for (size_t k = 0; k < chosen.size(); ++k) {
            for (size_t c = 0; c < size; ++c) {
              const double x = result.floats()[k * size + c];
              layer.down[chosen[k]][c] += x * x;
            }
          }
        }
      });
  const auto logits = RunStep(&*interpreter, WholePrompt(ids));
  EXPECT_TRUE(logits.ok()) << logits.status();
  return layers;
}

void ExpectSums(const Importance& importance, int64_t layer, const char* matrix,
                const std::vector<std::vector<double>>& sums, const std::vector<double>& tokens) {
  const std::string name = absl::StrCat("blk.", layer, ".", matrix, ".weight");
  ASSERT_EQ(importance.matrices.count(name), 1) << name;
  const Importance::Matrix& found = importance.matrices.at(name);
  EXPECT_EQ(found.counts, tokens) << name;
  ASSERT_EQ(found.sums.size(), sums.size() * sums[0].size()) << name;
  for (size_t i = 0; i < found.sums.size(); ++i) {
    const double by_hand = sums[i / sums[0].size()][i % sums[0].size()];
    EXPECT_NEAR(found.sums[i], by_hand, 1e-4 * by_hand + 1e-12) << name << " " << i;
  }
}

class ExpertImportanceTest : public ::testing::TestWithParam<const char*> {};

// What the compiled model multiplies its matrices with.
Importance Measure(const SeededFolder& folder, const std::vector<int32_t>& ids) {
  engine::LoadOptions options;
  options.source = *engine::OpenModelSource(folder.path());
  options.module.precision = engine::Precision::kF32;
  options.module = tools::ImportanceModule(options.module);
  options.need_tokenizer = false;
  const auto files = options.source->Files(engine::Weights::kRequired);
  const auto model = engine::Model::Load(options);
  EXPECT_TRUE(files.ok() && model.ok()) << model.status();
  const auto importance =
      tools::MeasureImportance(model->get(), **files, tools::TextTokens{{}, ids}, "prompt", {});
  EXPECT_TRUE(importance.ok()) << importance.status();
  return *importance;
}

TEST_P(ExpertImportanceTest, IsThatOfACountByHand) {
  const SeededFolder folder(LongCaseNamed(GetParam()));
  const std::vector<int32_t> ids = folder.Prompt(24, 5);
  const Importance importance = Measure(folder, ids);
  const std::vector<ByHand> layers = CountByHand(folder, ids);
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto layer = static_cast<int64_t>(i);
    ExpectSums(importance, layer, "ffn_gate_exps", layers[i].input, layers[i].tokens);
    ExpectSums(importance, layer, "ffn_up_exps", layers[i].input, layers[i].tokens);
    ExpectSums(importance, layer, "ffn_down_exps", layers[i].down, layers[i].tokens);
  }
}

TEST_P(ExpertImportanceTest, QuantisesEachExpertByItsOwn) {
  const SeededFolder folder(LongCaseNamed(GetParam()));
  const std::vector<int32_t> ids = folder.Prompt(24, 5);
  auto source = engine::OpenModelSource(folder.path());
  ASSERT_TRUE(source.ok()) << source.status();
  (*source)->UseImportance(std::make_shared<Importance>(Measure(folder, ids)));
  engine::LoadOptions options;
  options.source = *source;
  options.module.precision = engine::Precision::kF32;
  options.module.weights = ir::DType::kIQ4NL;
  options.need_tokenizer = false;
  const auto model = engine::Model::Load(options);
  ASSERT_TRUE(model.ok()) << model.status();
  const std::vector<float> compiled = Copy(OpenSession(model->get())->Evaluate(ids));

  const auto files = (*source)->Files(engine::Weights::kRequired);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto module = engine::ImportModule(**files, options.module);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_NE((*module)->FindGlobal("eg_importance"), nullptr);
  ir::Environment environment;
  environment.symbols = {{"S", 1}, {"C", (*module)->FindSymbol("C")->min}};
  environment.weights = [&](const ir::Global& weight, int64_t index) {
    return frontends::ReadWeight(*(*files)->checkpoint, weight, index);
  };
  auto interpreter = ir::Interpreter::Create(module->get(), environment);
  ASSERT_TRUE(interpreter.ok() && interpreter->RunLoad().ok());
  StepInputs inputs = WholePrompt(ids);
  inputs.rows = {inputs.rows.back()};
  const auto logits = RunStep(&*interpreter, inputs);
  ASSERT_TRUE(logits.ok()) << logits.status();
  EXPECT_LT(Nmse(compiled, logits->floats()), 1e-9);

  options.source = *engine::OpenModelSource(folder.path());
  const auto without = engine::Model::Load(options);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_GT(Nmse(Copy(OpenSession(without->get())->Evaluate(ids)), logits->floats()), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Families, ExpertImportanceTest, ::testing::Values("qwen3_moe", "mixtral"));

}  // namespace
}  // namespace lluda::tests
