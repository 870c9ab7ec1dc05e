// Every module's output that transformers wrote down, against the value of the IR that stands for
// it: in the module as imported, and in what the passes make of it.
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/real_model.h"
#include "tests/support/reference_activations.h"
#include "tools/validate/bounds.h"

namespace lluda::tests {
namespace {

using engine::Precision;

// Which value holds a module's output. The importer's names are those of frontends/decoder/layers.cc;
// the passes keep the names of the values that they keep. Heads lie in the reference as [head, dim]
// and here as kv, rep, dim: the same order of elements.
struct Row {
  const char* reference;
  const char* func;
  const char* imported;
  const char* optimised_bf16;  // null: a fused op has taken the value in
  const char* optimised_f32;
};

constexpr Row kRows[] = {
    {"embed", "step", "x1", "x1", "x1"},
    // In bf16, the norm before a matmul has taken in the rounding of its input.
    {"layer{layer}.input_layernorm", "attn", "h0", "h", "h0"},
    // What is done to the heads is part of the matmuls.
    {"layer{layer}.self_attn.q_proj", "attn", "q0", nullptr, nullptr},
    {"layer{layer}.self_attn.k_proj", "attn", "k0", nullptr, nullptr},
    {"layer{layer}.self_attn.v_proj", "attn", "v0", nullptr, nullptr},
    {"layer{layer}.self_attn.q_norm", "attn", "q2", nullptr, nullptr},
    {"layer{layer}.self_attn.k_norm", "attn", "k2", nullptr, nullptr},
    // The residual add is part of the matmul.
    {"layer{layer}.self_attn.o_proj", "attn", "y0", nullptr, nullptr},
    {"layer{layer}.post_attention_layernorm", "mlp", "h0", "h", "h0"},
    {"layer{layer}.mlp", "mlp", "y0", nullptr, nullptr},
    {"layer{layer}.out", "mlp", "y", "y", "y"},
    {"final_norm", "logits", "h0", "h", "h0"},
};

// Everything a step computes, by "func/index/value".
using Values = std::map<std::string, ir::Tensor>;

absl::StatusOr<Values> Observe(const RealModel& model, const ir::Module& module,
                               const std::vector<int32_t>& ids) {
  ASSIGN_OR_RETURN(ir::Interpreter interpreter, model.Interpret(&module, /*slots=*/1));
  Values values;
  interpreter.SetObserver([&](const ir::Func* func, int64_t index, const ir::Op& op,
                              const ir::Tensor& result) {
    if (func == nullptr || op.result() == nullptr || !result.is_float()) return;
    values.insert_or_assign(absl::StrCat(func->name, "/", index, "/", op.result()->name), result);
  });
  RETURN_IF_ERROR(RunStep(&interpreter, WholePrompt(ids)));
  return values;
}

// The reference's name -> the key of the value that stands for it; "" for one that is fused away.
std::map<std::string, std::string> Mapping(int64_t layers, bool optimised, Precision precision) {
  std::map<std::string, std::string> mapping;
  for (const Row& row : kRows) {
    const char* value = !optimised                     ? row.imported
                        : precision == Precision::kF32 ? row.optimised_f32
                                                       : row.optimised_bf16;
    const bool per_layer = std::string(row.reference).find('{') != std::string::npos;
    for (int64_t layer = 0; layer < (per_layer ? layers : 1); ++layer) {
      const std::string name =
          absl::StrReplaceAll(row.reference, {{"{layer}", absl::StrCat(layer)}});
      // Of the last layer the rows that are asked for are computed: here, all of them.
      const char* rows = optimised && per_layer && layer == layers - 1 ? "_rows/" : "/";
      mapping[name] = value == nullptr ? "" : absl::StrCat(row.func, rows, layer, "/", value);
    }
  }
  return mapping;
}

using Param = std::tuple<std::string, Precision>;

class ActivationsTest : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    const auto& [name, precision] = GetParam();
    auto model = RealModel::Open(absl::StrCat("reference_data/", name), precision);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto prompts = LoadActivations(absl::StrCat("reference_data/", name, "/reference"));
    ASSERT_TRUE(prompts.ok()) << prompts.status();
    prompts_ = *std::move(prompts);
    ASSERT_FALSE(prompts_.empty());
  }

  void ExpectActivations(bool optimised) {
    const auto mapping =
        Mapping(model_->decoder().layer_count(), optimised, std::get<1>(GetParam()));
    for (size_t i = 0; i < prompts_.size(); ++i) {
      const auto values = Observe(*model_, *model_->module(), prompts_[i].ids);
      ASSERT_TRUE(values.ok()) << values.status();
      for (const auto& [name, expected] : prompts_[i].activations) {
        if (name == "logits_last") continue;
        const std::string where = absl::StrCat("prompt ", i, ", ", name);
        ASSERT_TRUE(prompts_[i].hf_bf16_nmse.count(name)) << where << " has no error of its own";
        ASSERT_TRUE(mapping.count(name)) << where << " is in no row of the table";
        const std::string& key = mapping.at(name);
        if (key.empty()) continue;
        ASSERT_TRUE(values->count(key)) << where << ": nothing computes " << key;
        const ir::Tensor& value = values->at(key);
        double bound =
            tools::ActivationBound(std::get<1>(GetParam()), prompts_[i].hf_bf16_nmse.at(name));
        // It has taken in the rounding of the next matmul's input, which is none of the module's.
        if (value.type().dtype == ir::DType::kBF16) bound += tools::kBf16RoundingNmse;
        EXPECT_LT(Nmse(value.floats(), expected), bound) << where << " is " << key;
      }
    }
  }

  std::unique_ptr<RealModel> model_;
  std::vector<ReferenceActivations> prompts_;
};

TEST_P(ActivationsTest, TheImportedModuleComputesWhatTransformersDoes) {
  ExpectActivations(/*optimised=*/false);
}

TEST_P(ActivationsTest, TheOptimisedModuleStillComputesThem) {
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  ASSERT_TRUE(pipeline->Run(model_->module()).ok());
  ExpectActivations(/*optimised=*/true);
}

INSTANTIATE_TEST_SUITE_P(References, ActivationsTest,
                         testing::Combine(testing::Values("stories", "tiny"),
                                          testing::Values(Precision::kBF16, Precision::kF32)),
                         [](const auto& info) {
                           const bool bf16 = std::get<1>(info.param) == Precision::kBF16;
                           return absl::StrCat(std::get<0>(info.param), bf16 ? "_bf16" : "_f32");
                         });

}  // namespace
}  // namespace lluda::tests
