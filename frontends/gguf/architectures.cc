#include "frontends/gguf/architectures.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace lluda::frontends::gguf {
namespace {

constexpr KeyUse kInt = KeyUse::kInt;
constexpr KeyUse kNumber = KeyUse::kNumber;
constexpr KeyUse kRead = KeyUse::kRead;
constexpr KeyUse kIgnored = KeyUse::kIgnored;
constexpr KeyUse kRefused = KeyUse::kRefused;

constexpr KeyRow kCommonKeys[] = {
    {"context_length", kInt, "max_position_embeddings"},
    {"embedding_length", kInt, "hidden_size"},
    {"block_count", kInt, "num_hidden_layers"},
    {"feed_forward_length", kInt, "intermediate_size"},
    {"attention.head_count", kInt, "num_attention_heads"},
    {"attention.head_count_kv", kInt, "num_key_value_heads"},
    {"attention.key_length", kInt, "head_dim"},
    {"attention.layer_norm_rms_epsilon", kNumber, "rms_norm_eps"},
    {"rope.freq_base", kNumber, "rope_theta"},

    {"attention.value_length", kRead},
    {"rope.dimension_count", kRead},
    {"rope.scale_linear", kRead},
    {"rope.scaling.type", kRead},
    {"rope.scaling.factor", kRead},
    {"rope.scaling.original_context_length", kRead},
    {"rope.scaling.yarn_attn_factor", kRead},
    {"rope.scaling.yarn_beta_fast", kRead},
    {"rope.scaling.yarn_beta_slow", kRead},
    {"attention.sliding_window", kRead},
    {"attention.causal", kRead},

    {"vocab_size", kIgnored},  // the embedding has as many rows
    {"pooling_type", kIgnored},
    {"rope.scaling.finetuned", kIgnored},
    {"tensor_data_layout", kIgnored},
    {"classifier.output_labels", kIgnored},

    {"rope.scaling.attn_factor", kRefused},
    {"attention.max_alibi_bias", kRefused},
    {"attention.clamp_kqv", kRefused},
    {"attn_logit_softcapping", kRefused},
    {"final_logit_softcapping", kRefused},
    {"attention.scale", kRefused},
    {"embedding_scale", kRefused},
    {"residual_scale", kRefused},
    {"logit_scale", kRefused},
    {"expert_count", kRefused},
    {"expert_used_count", kRefused},
    {"expert_feed_forward_length", kRefused},
};

constexpr KeyRow kGraniteKeys[] = {
    {"attention.scale", kNumber, "attention_multiplier"},
    {"embedding_scale", kNumber, "embedding_multiplier"},
    {"residual_scale", kNumber, "residual_multiplier"},
    {"logit_scale", kNumber, "logits_scaling"},
};

constexpr KeyRow kQwenExpertKeys[] = {
    {"expert_count", kInt, "num_experts"},
    {"expert_used_count", kInt, "num_experts_per_tok"},
    {"expert_feed_forward_length", kInt, "moe_intermediate_size"},
    {"expert_shared_feed_forward_length", kInt, "shared_expert_intermediate_size"},
    {"expert_weights_norm", kRead},
    {"expert_gating_func", kRead},
};

// Mixtral's.
constexpr KeyRow kLlamaKeys[] = {
    {"expert_count", kInt, "num_local_experts"},
    {"expert_used_count", kInt, "num_experts_per_tok"},
    {"expert_gating_func", kRead},
};

constexpr KeyRow kGemma2Keys[] = {
    {"attn_logit_softcapping", kNumber, "attn_logit_softcapping"},
    {"final_logit_softcapping", kNumber, "final_logit_softcapping"},
};

constexpr KeyRow kGemma3Keys[] = {
    {"final_logit_softcapping", kNumber, "final_logit_softcapping"},
    {"attention.sliding_window_pattern", kInt, "sliding_window_pattern"},
    {"rope.freq_base_swa", kNumber, "rope_local_base_freq"},
};

// The factors of longrope are tensors.
constexpr KeyRow kPhi3Keys[] = {
    {"rope.scaling.attn_factor", kRead},
    {"rope.scaling.original_context_length", kInt, "original_max_position_embeddings"},
};

constexpr TensorRow kTensors[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};

constexpr TensorRow kLayerTensors[] = {
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
    {"ffn_gate_inp", "mlp.gate"},
    {"ffn_gate_exps", "mlp.experts.gate_proj"},
    {"ffn_up_exps", "mlp.experts.up_proj"},
    {"ffn_down_exps", "mlp.experts.down_proj"},
    {"ffn_gate_shexp", "mlp.shared_expert.gate_proj"},
    {"ffn_up_shexp", "mlp.shared_expert.up_proj"},
    {"ffn_down_shexp", "mlp.shared_expert.down_proj"},
    {"ffn_gate_inp_shexp", "mlp.shared_expert_gate"},
};

// Mixtral's experts.
constexpr TensorRow kLlamaExperts[] = {
    {"ffn_gate_inp", "block_sparse_moe.gate"},
    {"ffn_gate_exps", "block_sparse_moe.experts.w1"},
    {"ffn_up_exps", "block_sparse_moe.experts.w3"},
    {"ffn_down_exps", "block_sparse_moe.experts.w2"},
};

// Where norms stand behind attention and MLP.
constexpr TensorRow kNormsBehind[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
    {"attn_norm", ""},
    {"ffn_norm", ""},
};

// Where they stand before and behind both.
constexpr TensorRow kNormsAround[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};

// Phi-3's fused matrices.
constexpr TensorRow kFusedTensors[] = {
    {"attn_qkv", "self_attn.qkv_proj"},
    {"ffn_up", "mlp.gate_up_proj"},
    {"ffn_gate", ""},
};

constexpr GemmaRow kGemma2 = {46};
constexpr GemmaRow kGemma3 = {62};

// In alphabetical order.
constexpr Architecture kArchitectures[] = {
    {"gemma2", "gemma2", false, kGemma2Keys, kNormsAround, nullptr, {}, true, false, &kGemma2},
    {"gemma3", "gemma3_text", false, kGemma3Keys, kNormsAround, nullptr, {}, true, false, &kGemma3},
    {"granite", "granite", true, kGraniteKeys},
    {"llama", "llama", true, kLlamaKeys, kLlamaExperts, "mixtral"},
    {"olmo2", "olmo2", false, {}, kNormsBehind},
    {"phi3", "phi3", false, kPhi3Keys, kFusedTensors, nullptr, {}, true, true},
    {"qwen2", "qwen2", false},
    {"qwen2moe", "qwen2_moe", false, kQwenExpertKeys, {}, nullptr, false},
    {"qwen3", "qwen3", false},
    {"qwen3moe", "qwen3_moe", false, kQwenExpertKeys, {}, nullptr, true},
    {"smollm3", "smollm3", true},
};

const KeyRow* FindIn(absl::Span<const KeyRow> rows, absl::string_view key) {
  const auto* row =
      std::find_if(rows.begin(), rows.end(), [&](const KeyRow& row) { return key == row.key; });
  return row == rows.end() ? nullptr : row;
}

// What the table gives for a name; nothing for one that it lacks, or says is not there.
std::optional<absl::string_view> FindIn(absl::Span<const TensorRow> rows, absl::string_view name) {
  for (const TensorRow& row : rows) {
    if (name == row.name) return row.checkpoint_name;
  }
  return std::nullopt;
}

// "blk.3.attn_q" as 3 and "attn_q"; a layer's number is written in one way.
std::optional<std::pair<int64_t, absl::string_view>> LayerOf(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "blk.")) return std::nullopt;
  const size_t dot = name.find('.');
  int64_t layer = 0;
  if (dot == absl::string_view::npos || !absl::SimpleAtoi(name.substr(0, dot), &layer) ||
      absl::StrCat(layer) != name.substr(0, dot)) {
    return std::nullopt;
  }
  return std::make_pair(layer, name.substr(dot + 1));
}

}  // namespace

absl::Span<const Architecture> Architectures() { return kArchitectures; }

const Architecture* FindArchitecture(absl::string_view name) {
  const auto* found =
      std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                   [&](const Architecture& architecture) { return name == architecture.name; });
  return found == std::end(kArchitectures) ? nullptr : found;
}

absl::Span<const KeyRow> CommonKeys() { return kCommonKeys; }

const KeyRow* FindKey(const Architecture& architecture, absl::string_view key) {
  const KeyRow* own = FindIn(architecture.keys, key);
  return own != nullptr ? own : FindIn(kCommonKeys, key);
}

std::optional<std::string> CheckpointName(const Architecture& architecture,
                                          absl::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == absl::string_view::npos) return std::nullopt;
  const absl::string_view kind = name.substr(dot);
  if (kind != ".weight" && kind != ".bias") return std::nullopt;
  const absl::string_view stem = name.substr(0, dot);
  if (const auto found = FindIn(kTensors, stem)) return absl::StrCat(*found, kind);
  const auto layer = LayerOf(stem);
  if (!layer) return std::nullopt;
  auto found = FindIn(architecture.layer_tensors, layer->second);
  if (!found) found = FindIn(kLayerTensors, layer->second);
  if (!found || found->empty()) return std::nullopt;
  return absl::StrCat("model.layers.", layer->first, ".", *found, kind);
}

std::string FileName(const Architecture& architecture, absl::string_view checkpoint_name) {
  const size_t dot = checkpoint_name.rfind('.');
  const absl::string_view stem = checkpoint_name.substr(0, dot), kind = checkpoint_name.substr(dot);
  for (const TensorRow& row : kTensors) {
    if (stem == row.checkpoint_name) return absl::StrCat(row.name, kind);
  }
  absl::string_view rest = stem;
  if (!absl::ConsumePrefix(&rest, "model.layers.")) return std::string(checkpoint_name);
  const size_t end = rest.find('.');
  for (absl::Span<const TensorRow> rows :
       {architecture.layer_tensors, absl::MakeConstSpan(kLayerTensors)}) {
    for (const TensorRow& row : rows) {
      if (rest.substr(end + 1) != row.checkpoint_name) continue;
      return absl::StrCat("blk.", rest.substr(0, end), ".", row.name, kind);
    }
  }
  return std::string(checkpoint_name);
}

std::string FileName(absl::string_view checkpoint_name) {
  for (const Architecture& architecture : kArchitectures) {
    std::string name = FileName(architecture, checkpoint_name);
    if (name != checkpoint_name) return name;
  }
  return std::string(checkpoint_name);
}

}  // namespace lluda::frontends::gguf
