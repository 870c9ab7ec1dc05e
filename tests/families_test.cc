// A small model of each family, with seeded weights and a config.json as transformers writes it:
// the engine's logits against the same model in plain loops (plain_decoder.h), and against its own
// in other steps and beside another sequence.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/test_files.h"
#include "engine/model.h"
#include "gtest/gtest.h"
#include "ir/type/dtype.h"
#include "runtime/session.h"
#include "tests/plain_decoder.h"

namespace lluda::tests {
namespace {

// Which tensors a model has beside those that all have.
struct Extra {
  bool tied = false;
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
};

struct FamilyCase {
  std::string name;
  std::string config;  // the fields beside the sizes
  PlainDecoder plain;  // sizes and constants
  Extra extra{};
};

struct Sizes {
  int64_t vocabulary, hidden, intermediate, layers, heads, kv_heads, head_dim;
};

std::vector<double> Frequencies(int64_t head_dim, double theta) {
  std::vector<double> frequencies;
  for (int64_t i = 0; i < head_dim; i += 2) {
    frequencies.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(head_dim)));
  }
  return frequencies;
}

PlainDecoder Plain(const Sizes& sizes, double theta, double eps) {
  PlainDecoder plain;
  plain.vocabulary = sizes.vocabulary;
  plain.hidden = sizes.hidden;
  plain.intermediate = sizes.intermediate;
  plain.layers = sizes.layers;
  plain.heads = sizes.heads;
  plain.kv_heads = sizes.kv_heads;
  plain.head_dim = sizes.head_dim;
  plain.eps = eps;
  plain.score_scale = 1 / std::sqrt(static_cast<double>(sizes.head_dim));
  plain.frequencies = Frequencies(sizes.head_dim, theta);
  return plain;
}

constexpr Sizes kEven = {160, 64, 96, 2, 4, 2, 16};
constexpr Sizes kOdd = {109, 144, 80, 2, 9, 3, 16};    // no part of it a power of two
constexpr Sizes kNarrow = {160, 64, 96, 2, 8, 2, 32};  // heads are wider than the model
constexpr Sizes kDeep = {160, 64, 96, 5, 4, 4, 16};

FamilyCase Llama2() {
  FamilyCase c = {"llama2", R"("model_type": "llama", "rope_theta": 20000.0,
      "rms_norm_eps": 1e-05)",
                  Plain(kDeep, 20000, 1e-5)};
  return c;
}

FamilyCase Llama3() {
  FamilyCase c = {"llama3", R"("model_type": "llama", "head_dim": 32, "num_key_value_heads": 2,
      "rope_theta": 500000.0, "tie_word_embeddings": true, "rope_scaling": {"factor": 8.0,
      "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64,
      "rope_type": "llama3"})",
                  Plain(kNarrow, 500000, 1e-6)};
  for (double& frequency : c.plain.frequencies) {
    const double turns = 64 * frequency / (2 * M_PI);
    const double share = std::min(1.0, std::max(0.0, (turns - 1) / 3));
    frequency *= share + (1 - share) / 8;
  }
  c.extra.tied = true;
  return c;
}

FamilyCase LlamaWithBiases() {
  FamilyCase c = {"llama_with_biases", R"("model_type": "llama", "num_key_value_heads": 2,
      "attention_bias": true, "mlp_bias": true)",
                  Plain(kEven, 10000, 1e-6)};
  c.extra = {false, true, true, true};
  return c;
}

FamilyCase LlamaOdd() {
  FamilyCase c = {"llama_odd", R"("model_type": "llama", "num_key_value_heads": 3,
      "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0})",
                  Plain(kOdd, 10000, 1e-6)};
  for (double& frequency : c.plain.frequencies) frequency /= 4;
  return c;
}

FamilyCase Qwen2() {
  FamilyCase c = {"qwen2", R"("model_type": "qwen2", "num_key_value_heads": 2,
      "use_sliding_window": false, "rope_theta": 1000000.0, "tie_word_embeddings": true)",
                  Plain(kEven, 1e6, 1e-6)};
  c.extra = {true, true, false, false};
  return c;
}

FamilyCase Mistral() {
  return {"mistral", R"("model_type": "mistral", "num_key_value_heads": 2, "head_dim": 32,
      "sliding_window": null)",
          Plain(kNarrow, 10000, 1e-6)};
}

FamilyCase SmolLm3() {
  FamilyCase c = {"smollm3", R"("model_type": "smollm3", "num_key_value_heads": null)",
                  Plain(kDeep, 2e6, 1e-6)};
  c.plain.without_rope = {false, false, false, true, false};
  c.extra.tied = true;
  return c;
}

FamilyCase Granite() {
  FamilyCase c = {"granite", R"("model_type": "granite", "num_key_value_heads": 2,
      "attention_multiplier": 0.125, "embedding_multiplier": 3.5, "residual_multiplier": 0.8,
      "logits_scaling": 0.75, "tie_word_embeddings": true)",
                  Plain(kEven, 10000, 1e-6)};
  c.plain.score_scale = 0.125;
  c.plain.embedding_scale = 3.5;
  c.plain.residual_scale = 0.8;
  c.plain.logits_divisor = 0.75;
  c.extra.tied = true;
  return c;
}

FamilyCase Olmo2() {
  FamilyCase c = {"olmo2", R"("model_type": "olmo2", "num_key_value_heads": 2)",
                  Plain(kEven, 10000, 1e-5)};
  c.plain.norms_behind = true;
  return c;
}

FamilyCase Qwen3() {
  return {"qwen3", R"("model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 32)",
          Plain(kNarrow, 10000, 1e-6)};
}

std::vector<FamilyCase> Cases() {
  return {Llama2(),  Llama3(),  LlamaWithBiases(), LlamaOdd(), Qwen2(),
          Mistral(), SmolLm3(), Granite(),         Olmo2(),    Qwen3()};
}

// Makes the weights of `c.plain`, and the folder that holds them as bf16.
class SeededFolder {
 public:
  explicit SeededFolder(FamilyCase c) : plain_(std::move(c.plain)) {
    const PlainDecoder& d = plain_;
    const int64_t q = d.heads * d.head_dim, kv = d.kv_heads * d.head_dim;
    Add("model.embed_tokens", d.vocabulary, d.hidden);
    const bool is_olmo = absl::StrContains(c.config, "olmo2");
    const bool is_qwen3 = absl::StrContains(c.config, "qwen3");
    for (int64_t layer = 0; layer < d.layers; ++layer) {
      const std::string prefix = absl::StrCat("model.layers.", layer, ".");
      AddNorm(prefix + (is_olmo ? "post_feedforward_layernorm" : "input_layernorm"), d.hidden);
      AddNorm(prefix + "post_attention_layernorm", d.hidden);
      Add(prefix + "self_attn.q_proj", q, d.hidden, c.extra.qkv_bias);
      Add(prefix + "self_attn.k_proj", kv, d.hidden, c.extra.qkv_bias);
      Add(prefix + "self_attn.v_proj", kv, d.hidden, c.extra.qkv_bias);
      Add(prefix + "self_attn.o_proj", d.hidden, q, c.extra.output_bias);
      if (is_olmo || is_qwen3) {
        AddNorm(prefix + "self_attn.q_norm", is_olmo ? q : d.head_dim);
        AddNorm(prefix + "self_attn.k_norm", is_olmo ? kv : d.head_dim);
      }
      Add(prefix + "mlp.gate_proj", d.intermediate, d.hidden, c.extra.mlp_bias);
      Add(prefix + "mlp.up_proj", d.intermediate, d.hidden, c.extra.mlp_bias);
      Add(prefix + "mlp.down_proj", d.hidden, d.intermediate, c.extra.mlp_bias);
    }
    AddNorm("model.norm", d.hidden);
    if (!c.extra.tied) Add("lm_head", d.vocabulary, d.hidden);
    std::string header = absl::StrCat("{", absl::StrJoin(entries_, ", "), "}");
    header.resize((header.size() + 7) / 8 * 8, ' ');
    folder_.Write("model.safetensors", base::SafetensorsBytes(header, bytes_));
    folder_.Write(
        "config.json",
        absl::StrCat("{", c.config, R"(, "max_position_embeddings": 256, "vocab_size": )",
                     d.vocabulary, R"(, "hidden_size": )", d.hidden, R"(, "intermediate_size": )",
                     d.intermediate, R"(, "num_hidden_layers": )", d.layers,
                     R"(, "num_attention_heads": )", d.heads, "}"));
  }

  const std::string& path() const { return folder_.path(); }
  const PlainDecoder& plain() const { return plain_; }

 private:
  void AddTensor(const std::string& name, const std::vector<int64_t>& shape, float mean,
                 float spread) {
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(mean, spread);
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    std::vector<float>& values = plain_.tensors[name];
    const size_t begin = bytes_.size();
    for (int64_t i = 0; i < count; ++i) {
      const uint16_t bits = ir::FloatToBF16(normal(random));
      values.push_back(ir::BF16ToFloat(bits));
      bytes_.append(reinterpret_cast<const char*>(&bits), 2);
    }
    entries_.push_back(absl::StrCat("\"", name, R"(": {"dtype": "BF16", "shape": [)",
                                    absl::StrJoin(shape, ", "), R"(], "data_offsets": [)", begin,
                                    ", ", bytes_.size(), "]}"));
  }
  void Add(const std::string& name, int64_t rows, int64_t columns, bool bias = false) {
    const double spread = name == "model.embed_tokens" ? 1 : 1.2 / std::sqrt(columns);
    AddTensor(name + ".weight", {rows, columns}, 0, static_cast<float>(spread));
    if (bias) AddTensor(name + ".bias", {rows}, 0, 0.5f);
  }
  void AddNorm(const std::string& name, int64_t size) {
    AddTensor(name + ".weight", {size}, 1, 0.2f);
  }

  base::TemporaryFolder folder_;
  PlainDecoder plain_;
  std::vector<std::string> entries_;
  std::string bytes_;
};

class FamiliesTest : public testing::TestWithParam<FamilyCase> {
 protected:
  static constexpr int kLength = 40;

  FamiliesTest() : folder_(GetParam()) {
    std::mt19937 random(11);
    for (std::vector<int32_t>* prompt : {&prompt_, &other_}) {
      for (int i = 0; i < kLength; ++i) {
        prompt->push_back(static_cast<int32_t>(random() % folder_.plain().vocabulary));
      }
    }
  }

  std::unique_ptr<engine::Model> Load(engine::Precision precision) {
    engine::LoadOptions options;
    options.folder = folder_.path();
    options.module.precision = precision;
    options.threads = 2;
    options.need_tokenizer = false;
    auto model = engine::Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return nullptr;
    EXPECT_TRUE((*model)->notes().empty()) << absl::StrJoin((*model)->notes(), "\n");
    return *std::move(model);
  }

  static std::unique_ptr<runtime::Session> Open(engine::Model* model, int slots = 1) {
    auto session = runtime::Session::Create(model->executable(), {slots});
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }

  static std::vector<float> Copy(const absl::StatusOr<absl::Span<const float>>& logits) {
    EXPECT_TRUE(logits.ok()) << logits.status();
    return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
  }

  static bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  }

  // ||ours - theirs||^2 / ||theirs||^2, after the prompt.
  double DistanceFromPlain(const std::vector<float>& ours) const {
    const std::vector<double> theirs = folder_.plain().Logits(prompt_);
    if (ours.size() != theirs.size()) return 1;
    double error = 0, total = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      error += (ours[i] - theirs[i]) * (ours[i] - theirs[i]);
      total += theirs[i] * theirs[i];
    }
    return error / total;
  }

  SeededFolder folder_;
  std::vector<int32_t> prompt_, other_;
};

TEST_P(FamiliesTest, LogitsAreThoseOfThePlainModel) {
  // A wrong formula is off by far more; what rounding to bf16 costs is in docs/numerics.md.
  const std::pair<engine::Precision, double> bounds[] = {{engine::Precision::kF32, 1e-10},
                                                         {engine::Precision::kBF16, 2e-3}};
  for (const auto& [precision, bound] : bounds) {
    auto model = Load(precision);
    ASSERT_NE(model, nullptr);
    const double distance = DistanceFromPlain(Copy(Open(model.get())->Evaluate(prompt_)));
    EXPECT_LT(distance, bound);
    EXPECT_GT(distance, 0);
  }
}

TEST_P(FamiliesTest, StepsAndNeighboursDoNotShow) {
  auto model = Load(engine::Precision::kBF16);
  ASSERT_NE(model, nullptr);
  const std::vector<float> whole = Copy(Open(model.get())->Evaluate(prompt_));
  const std::vector<float> other = Copy(Open(model.get())->Evaluate(other_));
  EXPECT_FALSE(SameBits(whole, other));
  // In steps of 7 tokens, beside another sequence.
  auto session = Open(model.get(), 2);
  std::vector<float> both;
  for (size_t at = 0; at < prompt_.size(); at += 7) {
    const runtime::Chunk chunks[] = {{0, absl::MakeConstSpan(other_).subspan(at, 7)},
                                     {1, absl::MakeConstSpan(prompt_).subspan(at, 7)}};
    both = Copy(session->Step(chunks));
  }
  const size_t vocabulary = whole.size();
  ASSERT_EQ(both.size(), 2 * vocabulary);
  EXPECT_TRUE(SameBits({both.begin(), both.begin() + static_cast<int64_t>(vocabulary)}, other));
  EXPECT_TRUE(SameBits({both.begin() + static_cast<int64_t>(vocabulary), both.end()}, whole));
}

INSTANTIATE_TEST_SUITE_P(All, FamiliesTest, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace lluda::tests
