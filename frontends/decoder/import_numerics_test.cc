// What the imported module computes, with random weights and the interpreter.
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "frontends/decoder/import.h"
#include "frontends/decoder/test_model.h"
#include "gtest/gtest.h"
#include "ir/interpreter/interpreter.h"

namespace lluda::frontends::decoder {
namespace {

// One token of a step.
struct Token {
  int64_t id;
  int64_t position;
  int64_t slot = 0;
};

// A model with random weights and empty caches.
class RandomModel {
 public:
  RandomModel(const Decoder& decoder, const ImportOptions& options) {
    auto module = ImportDecoder(decoder, options);
    EXPECT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
    ir::Environment environment;
    environment.symbols = {{"S", 2}, {"C", 64}};
    environment.weights = [decoder](const ir::Global& weight, int64_t index) {
      ir::Tensor tensor = RandomWeight(weight, index);
      const bool rotates = weight.source.find("q_proj") != std::string::npos ||
                           weight.source.find("k_proj") != std::string::npos;
      return decoder.paired_rows && rotates ? InPairs(tensor, decoder.head_dim) : tensor;
    };
    auto interpreter = ir::Interpreter::Create(module_.get(), std::move(environment));
    EXPECT_TRUE(interpreter.ok()) << interpreter.status();
    interpreter_ = std::make_unique<ir::Interpreter>(*std::move(interpreter));
    EXPECT_TRUE(interpreter_->RunLoad().ok());
  }

  absl::StatusOr<ir::Tensor> Step(const std::vector<Token>& tokens) {
    const int64_t count = static_cast<int64_t>(tokens.size());
    const auto ints = [&](const char* axis, auto field) {
      std::vector<int64_t> values;
      for (int64_t i = 0; i < count; ++i) values.push_back(field(i));
      return ir::Tensor::OfInts({ir::DType::kI32, {{axis, ir::Extent::Constant(count)}}, {}},
                                std::move(values));
    };
    return interpreter_->Call("step", {ints("tok", [&](int64_t i) { return tokens[i].id; }),
                                       ints("tok", [&](int64_t i) { return tokens[i].position; }),
                                       ints("tok", [&](int64_t i) { return tokens[i].slot; }),
                                       ints("row", [](int64_t i) { return i; })});
  }

  // The logits of each token, one step after the other, from empty caches.
  std::vector<std::vector<float>> Run(const std::vector<std::vector<Token>>& steps) {
    interpreter_->ResetStates();
    std::vector<std::vector<float>> logits;
    for (const std::vector<Token>& step : steps) {
      const auto result = Step(step);
      EXPECT_TRUE(result.ok()) << result.status();
      if (!result.ok()) continue;
      const int64_t vocab = result->extent("vocab");
      for (int64_t row = 0; row < result->extent("row"); ++row) {
        const auto begin = result->floats().begin() + row * vocab;
        logits.emplace_back(begin, begin + vocab);
      }
    }
    return logits;
  }

 private:
  // Normal numbers seeded by the tensor's name and rounded to bf16 whatever the weight's dtype;
  // norms around 1. An LM head has the embedding's elements.
  static ir::Tensor RandomWeight(const ir::Global& weight, int64_t index) {
    std::string name = ir::SourceName(weight, index);
    if (name == "lm_head.weight") name = "model.embed_tokens.weight";
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    ir::Tensor tensor(weight.type);
    const bool is_norm = weight.type.axes.size() == 1;
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const float value = normal(generator);
      tensor.Store(i, ir::RoundTo(ir::DType::kBF16, is_norm ? 1.0f + 0.25f * value : 0.5f * value));
    }
    return tensor;
  }

  // The rows of each head in the order 0, dim / 2, 1, dim / 2 + 1, and so on.
  static ir::Tensor InPairs(const ir::Tensor& tensor, int64_t dim) {
    ir::Tensor paired(tensor.type());
    const int64_t width = tensor.size() / tensor.type().axes[0].extent.value;
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const int64_t row = i / width, in_head = row % dim;
      const int64_t to = row - in_head + 2 * (in_head % (dim / 2)) + in_head / (dim / 2);
      paired.Store(to * width + i % width, tensor.floats()[static_cast<size_t>(i)]);
    }
    return paired;
  }

  std::unique_ptr<ir::Module> module_;
  std::unique_ptr<ir::Interpreter> interpreter_;
};

std::vector<Token> Prompt(const std::vector<int64_t>& ids, int64_t slot = 0) {
  std::vector<Token> tokens;
  for (const int64_t id : ids) tokens.push_back({id, static_cast<int64_t>(tokens.size()), slot});
  return tokens;
}

using Numbers = std::tuple<Precision, KvCache>;

ImportOptions Options(ir::DType checkpoint, const Numbers& numbers) {
  ImportOptions options = ToyOptions(ToyTensors(checkpoint));
  options.precision = std::get<0>(numbers);
  options.kv_cache = std::get<1>(numbers);
  return options;
}

class ImportNumerics : public testing::TestWithParam<Numbers> {
 protected:
  std::vector<std::vector<float>> Run(const std::vector<std::vector<Token>>& steps) {
    return model_.Run(steps);
  }

  RandomModel model_ = RandomModel(ToyDecoder(), Options(ir::DType::kBF16, GetParam()));
};

const std::vector<int64_t> kIds = {5, 31, 0, 5, 17, 2, 9};

TEST_P(ImportNumerics, LogitsAreFiniteAndDependOnTheTokensBefore) {
  const auto logits = Run({Prompt(kIds)});
  ASSERT_EQ(logits.size(), kIds.size());
  for (const auto& row : logits) {
    for (const float logit : row) EXPECT_TRUE(std::isfinite(logit));
  }
  // The same token at the start and at position 3.
  EXPECT_NE(logits[0], logits[3]);
}

TEST_P(ImportNumerics, TokenByTokenGivesTheLogitsOfTheWholePrompt) {
  std::vector<std::vector<Token>> steps;
  for (const Token& token : Prompt(kIds)) steps.push_back({token});
  EXPECT_EQ(Run(steps), Run({Prompt(kIds)}));
}

TEST_P(ImportNumerics, ALaterTokenChangesNoEarlierLogits) {
  std::vector<int64_t> other = kIds;
  other.back() = 30;
  auto a = Run({Prompt(kIds)});
  auto b = Run({Prompt(other)});
  EXPECT_NE(a.back(), b.back());
  a.pop_back();
  b.pop_back();
  EXPECT_EQ(a, b);
}

TEST_P(ImportNumerics, SequencesInOneStepDoNotSeeEachOther) {
  const std::vector<Token> first = Prompt(kIds, 1);
  const std::vector<Token> second = Prompt({8, 1, 30, 11, 11, 3, 4}, 0);
  std::vector<Token> mixed;
  for (size_t i = 0; i < first.size(); ++i) {
    mixed.push_back(first[i]);
    mixed.push_back(second[i]);
  }
  const auto together = Run({mixed});
  const auto first_alone = Run({first});
  const auto second_alone = Run({second});
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(together[2 * i], first_alone[i]) << i;
    EXPECT_EQ(together[2 * i + 1], second_alone[i]) << i;
  }
}

TEST_P(ImportNumerics, BadTokensAndPositionsAreErrors) {
  EXPECT_EQ(model_.Step({{32, 0}}).status().message(),
            "@step: %x0: gather: index 32 is not within 0..31");
  EXPECT_EQ(model_.Step({{1, 64}}).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(model_.Step({{1, 0, 2}}).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_P(ImportNumerics, ACheckpointInAnotherDtypeGivesTheSameLogitsForTheSameWeights) {
  RandomModel f32(ToyDecoder(), Options(ir::DType::kF32, GetParam()));
  EXPECT_EQ(f32.Run({Prompt(kIds)}), Run({Prompt(kIds)}));
}

TEST_P(ImportNumerics, LayersInOtherDtypesGiveTheSameLogitsForTheSameWeights) {
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kBF16);
  // All of the second layer but one tensor, and of the first layer one norm.
  for (auto& [name, info] : tensors) {
    const bool second = name.find("layers.1.") != std::string::npos;
    if (name.find("layers.0.input_layernorm") == std::string::npos && !second) continue;
    if (name.find("k_proj") == std::string::npos) info.dtype = ir::DType::kF32;
  }
  ImportOptions options = Options(ir::DType::kBF16, GetParam());
  options.find_tensor = ToyOptions(tensors).find_tensor;
  RandomModel mixed(ToyDecoder(), options);
  EXPECT_EQ(mixed.Run({Prompt(kIds)}), Run({Prompt(kIds)}));
}

TEST_P(ImportNumerics, AnLmHeadEqualToTheEmbeddingGivesTheLogitsOfATiedModel) {
  Decoder decoder = ToyDecoder();
  decoder.tie_word_embeddings = false;
  RandomModel untied(decoder, Options(ir::DType::kBF16, GetParam()));
  EXPECT_EQ(untied.Run({Prompt(kIds)}), Run({Prompt(kIds)}));
}

TEST_P(ImportNumerics, RowsThatLieInPairsArePutBack) {
  Decoder decoder = ToyDecoder();
  decoder.paired_rows = true;
  for (const ir::DType dtype : {ir::DType::kBF16, ir::DType::kF32}) {
    RandomModel paired(decoder, Options(dtype, GetParam()));
    EXPECT_EQ(paired.Run({Prompt(kIds)}), Run({Prompt(kIds)}));
  }
}

TEST_P(ImportNumerics, RowsThatLieInPairsMayDifferInDtype) {
  Decoder decoder = ToyDecoder();
  decoder.paired_rows = true;
  std::map<std::string, TensorInfo> tensors = ToyTensors(ir::DType::kBF16);
  tensors["model.layers.1.self_attn.q_proj.weight"].dtype = ir::DType::kF32;
  ImportOptions options = Options(ir::DType::kBF16, GetParam());
  options.find_tensor = ToyOptions(tensors).find_tensor;
  RandomModel mixed(decoder, options);
  EXPECT_EQ(mixed.Run({Prompt(kIds)}), Run({Prompt(kIds)}));
}

INSTANTIATE_TEST_SUITE_P(Precisions, ImportNumerics,
                         testing::Combine(testing::Values(Precision::kBF16, Precision::kF32),
                                          testing::Values(KvCache::kPrecision, KvCache::kInt8)),
                         [](const auto& info) {
                           const bool bf16 = std::get<0>(info.param) == Precision::kBF16;
                           const bool int8 = std::get<1>(info.param) == KvCache::kInt8;
                           return std::string(bf16 ? "Bf16" : "F32") + (int8 ? "WithInt8" : "");
                         });

}  // namespace
}  // namespace lluda::frontends::decoder
