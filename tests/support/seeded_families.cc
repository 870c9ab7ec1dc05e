#include "tests/support/seeded_families.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"
#include "ir/type/dtype.h"

namespace lluda::tests {
namespace {

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

FamilyCase MistralWithAWindow() {
  FamilyCase c = {"mistral_with_a_window", R"("model_type": "mistral", "num_key_value_heads": 3,
      "sliding_window": 11)",
                  Plain(kOdd, 10000, 1e-6)};
  c.plain.windows = {11, 11};
  return c;
}

FamilyCase Qwen2WithWindows() {
  FamilyCase c = {"qwen2_with_windows", R"("model_type": "qwen2", "num_key_value_heads": 4,
      "use_sliding_window": true, "sliding_window": 9, "max_window_layers": 2)",
                  Plain(kDeep, 10000, 1e-6)};
  c.plain.windows = {0, 0, 9, 9, 9};
  c.extra.qkv_bias = true;
  return c;
}

FamilyCase Gemma2() {
  FamilyCase c = {"gemma2", R"("model_type": "gemma2", "num_key_value_heads": 4, "head_dim": 16,
      "query_pre_attn_scalar": 40, "attn_logit_softcapping": 1.5, "final_logit_softcapping": 5,
      "sliding_window": 7, "hidden_activation": "gelu_pytorch_tanh")",
                  Plain(kDeep, 10000, 1e-6)};
  c.plain.windows = {7, 0, 7, 0, 7};
  c.plain.score_scale = 1 / std::sqrt(40.0);
  c.plain.scores_cap = 1.5;
  c.plain.logits_cap = 5;
  c.plain.embedding_scale = 8;
  c.plain.norm_offset = 1;
  c.plain.norms_around = c.plain.gelu = true;
  c.extra.tied = true;
  return c;
}

FamilyCase Gemma3() {
  FamilyCase c = {"gemma3", R"("model_type": "gemma3_text", "num_key_value_heads": 3,
      "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 7, "rope_theta": 1e6,
      "layer_types": ["sliding_attention", "full_attention"], "rope_local_base_freq": 2e4,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0})",
                  Plain(kOdd, 1e6, 1e-6)};
  for (double& frequency : c.plain.frequencies) frequency /= 8;
  c.plain.window_frequencies = Frequencies(16, 2e4);
  c.plain.windows = {7, 0};
  c.plain.score_scale = 1 / std::sqrt(24.0);
  c.plain.embedding_scale = 12;
  c.plain.norm_offset = 1;
  c.plain.norms_around = c.plain.gelu = true;
  c.extra.tied = true;
  return c;
}

FamilyCase Phi3() {
  FamilyCase c = {"phi3", R"("model_type": "phi3", "num_key_value_heads": 2,
      "sliding_window": 13)",
                  Plain(kEven, 10000, 1e-5)};
  c.plain.windows = {13, 13};
  c.extra.fused = true;
  return c;
}

// Three quarters of a head rotate, in a context that takes the long factors.
FamilyCase Phi3Long() {
  FamilyCase c = {"phi3_long", R"("model_type": "phi3", "num_key_value_heads": 2, "head_dim": 32,
      "partial_rotary_factor": 0.75, "original_max_position_embeddings": 64,
      "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
      "long_factor": [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5]})",
                  Plain(kNarrow, 10000, 1e-5)};
  c.plain.frequencies = Frequencies(24, 10000);
  for (size_t i = 0; i < 12; ++i) {
    c.plain.frequencies[i] /= 1 + 0.5 * static_cast<double>(i);
  }
  c.plain.rotation_scale = std::sqrt(1 + std::log(4.0) / std::log(64.0));
  c.extra.fused = true;
  c.note = "a context of 256 takes the long factors of longrope";
  return c;
}

FamilyCase Qwen3Yarn() {
  FamilyCase c = {"qwen3_yarn", R"("model_type": "qwen3", "num_key_value_heads": 2,
      "head_dim": 32, "rope_scaling": {"rope_type": "yarn", "factor": 4.0,
      "original_max_position_embeddings": 64})",
                  Plain(kNarrow, 10000, 1e-6)};
  // Pairs turn 32 times in 64 positions before the first one, and once before the fifth.
  for (size_t i = 0; i < 16; ++i) {
    const double share = std::min(1.0, static_cast<double>(i) / 5);
    c.plain.frequencies[i] *= 1 - share + share / 4;
  }
  c.plain.rotation_scale = 0.1 * std::log(4.0) + 1;
  return c;
}

FamilyCase SmolLm3WithWindows() {
  FamilyCase c = {"smollm3_with_windows", R"("model_type": "smollm3", "num_key_value_heads": null,
      "no_rope_layers": [0, 1, 1, 0, 1], "use_sliding_window": true, "sliding_window": 9)",
                  Plain(kDeep, 2e6, 1e-6)};
  c.plain.without_rope = {true, false, false, true, false};
  c.plain.windows = {9, 0, 0, 9, 0};
  c.extra.tied = true;
  return c;
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

FamilyCase Qwen3Moe() {
  FamilyCase c = {"qwen3_moe", R"("model_type": "qwen3_moe", "num_key_value_heads": 2,
      "head_dim": 32, "num_experts": 8, "num_experts_per_tok": 3, "moe_intermediate_size": 48,
      "norm_topk_prob": true)",
                  Plain(kNarrow, 10000, 1e-6)};
  c.plain.top = 3;
  c.plain.renormalise = true;
  c.extra.experts = 8;
  c.extra.expert_size = 48;
  return c;
}

// Of five layers the first and the fourth are dense, the latter because it is listed.
FamilyCase Qwen3MoeWithDenseLayers() {
  FamilyCase c = {"qwen3_moe_with_dense_layers", R"("model_type": "qwen3_moe",
      "num_key_value_heads": 4, "num_local_experts": 5, "num_experts_per_tok": 2,
      "moe_intermediate_size": 20, "decoder_sparse_step": 1, "mlp_only_layers": [0, 3])",
                  Plain(kDeep, 10000, 1e-6)};
  c.plain.top = 2;
  c.extra.experts = 5;
  c.extra.expert_size = 20;  // no whole panels
  c.extra.dense = {0, 3};
  return c;
}

FamilyCase Qwen2Moe() {
  FamilyCase c = {"qwen2_moe", R"("model_type": "qwen2_moe", "num_key_value_heads": 3,
      "num_experts": 7, "num_experts_per_tok": 4, "moe_intermediate_size": 32,
      "shared_expert_intermediate_size": 40, "decoder_sparse_step": 2)",
                  Plain(kOdd, 10000, 1e-6)};
  c.plain.top = 4;
  c.extra.qkv_bias = true;
  c.extra.experts = 7;
  c.extra.expert_size = 32;
  c.extra.shared_size = 40;
  c.extra.dense = {0};
  return c;
}

FamilyCase Mixtral() {
  FamilyCase c = {"mixtral", R"("model_type": "mixtral", "num_key_value_heads": 2,
      "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 11)",
                  Plain(kEven, 1e6, 1e-5)};
  c.plain.windows = {11, 11};
  c.plain.top = 2;
  c.plain.renormalise = true;
  c.extra.experts = 4;
  c.extra.expert_size = 96;
  c.extra.numbered = true;
  return c;
}

}  // namespace

std::vector<FamilyCase> FamilyCases() {
  return {Llama2(),
          Llama3(),
          LlamaWithBiases(),
          LlamaOdd(),
          Qwen2(),
          Qwen2WithWindows(),
          Mistral(),
          MistralWithAWindow(),
          SmolLm3(),
          SmolLm3WithWindows(),
          Granite(),
          Olmo2(),
          Qwen3(),
          Qwen3Yarn(),
          Gemma2(),
          Gemma3(),
          Phi3(),
          Phi3Long(),
          Qwen3Moe(),
          Qwen3MoeWithDenseLayers(),
          Qwen2Moe(),
          Mixtral()};
}

FamilyCase LongCaseNamed(const std::string& name) {
  const std::vector<FamilyCase> all = FamilyCases();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const FamilyCase& c) { return c.name == name; });
  CHECK(found != all.end()) << "there is no family " << name;
  FamilyCase c = *found;
  c.positions = 1024;
  return c;
}

void SeededFolder::AddMlp(const FamilyCase& c, const std::string& prefix) {
  const PlainDecoder& d = plain_;
  if (c.extra.fused) {
    Add(prefix + "mlp.gate_up_proj", 2 * d.intermediate, d.hidden);
  } else {
    Add(prefix + "mlp.gate_proj", d.intermediate, d.hidden, c.extra.mlp_bias);
    Add(prefix + "mlp.up_proj", d.intermediate, d.hidden, c.extra.mlp_bias);
  }
  Add(prefix + "mlp.down_proj", d.hidden, d.intermediate, c.extra.mlp_bias);
}

void SeededFolder::AddExperts(const FamilyCase& c, const std::string& prefix) {
  const Extra& extra = c.extra;
  const int64_t hidden = plain_.hidden;
  const std::string mlp = absl::StrCat(prefix, extra.numbered ? "block_sparse_moe." : "mlp.");
  Add(mlp + "gate", extra.experts, hidden);
  for (int64_t i = 0; i < extra.experts; ++i) {
    const std::string expert = absl::StrCat(mlp, "experts.", i, ".");
    Add(expert + (extra.numbered ? "w1" : "gate_proj"), extra.expert_size, hidden);
    Add(expert + (extra.numbered ? "w3" : "up_proj"), extra.expert_size, hidden);
    Add(expert + (extra.numbered ? "w2" : "down_proj"), hidden, extra.expert_size);
  }
  if (extra.shared_size == 0) return;
  Add(mlp + "shared_expert.gate_proj", extra.shared_size, hidden);
  Add(mlp + "shared_expert.up_proj", extra.shared_size, hidden);
  Add(mlp + "shared_expert.down_proj", hidden, extra.shared_size);
  Add(mlp + "shared_expert_gate", 1, hidden);
}

void SeededFolder::AddLayer(const FamilyCase& c, int64_t layer) {
  const std::string prefix = absl::StrCat("model.layers.", layer, ".");
  const PlainDecoder& d = plain_;
  const int64_t q = d.heads * d.head_dim, kv = d.kv_heads * d.head_dim;
  const bool is_olmo = absl::StrContains(c.config, "olmo2");
  if (!d.norms_behind) AddNorm(prefix + "input_layernorm", d.hidden);
  AddNorm(prefix + "post_attention_layernorm", d.hidden);
  if (d.norms_around) AddNorm(prefix + "pre_feedforward_layernorm", d.hidden);
  if (d.norms_around || d.norms_behind) AddNorm(prefix + "post_feedforward_layernorm", d.hidden);
  if (c.extra.fused) {
    Add(prefix + "self_attn.qkv_proj", q + 2 * kv, d.hidden);
  } else {
    Add(prefix + "self_attn.q_proj", q, d.hidden, c.extra.qkv_bias);
    Add(prefix + "self_attn.k_proj", kv, d.hidden, c.extra.qkv_bias);
    Add(prefix + "self_attn.v_proj", kv, d.hidden, c.extra.qkv_bias);
  }
  Add(prefix + "self_attn.o_proj", d.hidden, q, c.extra.output_bias);
  const bool is_dense =
      std::find(c.extra.dense.begin(), c.extra.dense.end(), layer) != c.extra.dense.end();
  if (c.extra.experts > 0 && !is_dense) {
    AddExperts(c, prefix);
  } else {
    AddMlp(c, prefix);
  }
  if (is_olmo || absl::StrContains(c.config, "qwen3") || absl::StrContains(c.config, "gemma3")) {
    AddNorm(prefix + "self_attn.q_norm", is_olmo ? q : d.head_dim);
    AddNorm(prefix + "self_attn.k_norm", is_olmo ? kv : d.head_dim);
  }
}

SeededFolder::SeededFolder(const FamilyCase& c) : plain_(c.plain) {
  const PlainDecoder& d = plain_;
  Add("model.embed_tokens", d.vocabulary, d.hidden);
  for (int64_t layer = 0; layer < d.layers; ++layer) {
    AddLayer(c, layer);
  }
  AddNorm("model.norm", d.hidden);
  if (!c.extra.tied) Add("lm_head", d.vocabulary, d.hidden);
  std::string header = absl::StrCat("{", absl::StrJoin(entries_, ", "), "}");
  header.resize((header.size() + 7) / 8 * 8, ' ');
  folder_.Write("model.safetensors", base::SafetensorsBytes(header, bytes_));
  folder_.Write(
      "config.json",
      absl::StrCat("{", c.config, R"(, "max_position_embeddings": )", c.positions,
                   R"(, "vocab_size": )", d.vocabulary, R"(, "hidden_size": )", d.hidden,
                   R"(, "intermediate_size": )", d.intermediate, R"(, "num_hidden_layers": )",
                   d.layers, R"(, "num_attention_heads": )", d.heads, "}"));
}

void SeededFolder::AddTensor(const std::string& name, const std::vector<int64_t>& shape, float mean,
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
void SeededFolder::Add(const std::string& name, int64_t rows, int64_t columns, bool bias) {
  const double spread = name == "model.embed_tokens" ? 1 : 1.2 / std::sqrt(columns);
  AddTensor(name + ".weight", {rows, columns}, 0, static_cast<float>(spread));
  if (bias) AddTensor(name + ".bias", {rows}, 0, 0.5f);
}
void SeededFolder::AddNorm(const std::string& name, int64_t size) {
  AddTensor(name + ".weight", {size}, static_cast<float>(1 - plain_.norm_offset), 0.2f);
}

std::vector<int32_t> SeededFolder::Prompt(int count, uint32_t seed) const {
  std::mt19937 random(seed);
  std::vector<int32_t> ids;
  for (int i = 0; i < count; ++i) {
    ids.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(plain_.vocabulary)));
  }
  return ids;
}

}  // namespace lluda::tests
