#include "frontends/decoder/weights/weight_rows.h"

#include <algorithm>

namespace lluda::frontends::decoder {
namespace {

bool HasLayers(const Decoder& decoder, bool experts) {
  return std::any_of(decoder.layers.begin(), decoder.layers.end(),
                     [&](const Layer& layer) { return layer.experts == experts; });
}

bool Always(const Decoder&) { return true; }
bool Fused(const Decoder& decoder) { return decoder.fused_projections; }
bool Apart(const Decoder& decoder) { return !decoder.fused_projections; }
bool Dense(const Decoder& decoder) { return HasLayers(decoder, false); }
bool DenseFused(const Decoder& decoder) { return Dense(decoder) && Fused(decoder); }
bool DenseApart(const Decoder& decoder) { return Dense(decoder) && Apart(decoder); }
bool Sparse(const Decoder& decoder) { return HasLayers(decoder, true); }
bool Named(const Decoder& decoder, ExpertNames names) {
  return Sparse(decoder) && decoder.experts->names == names;
}
bool Projections(const Decoder& decoder) { return Named(decoder, ExpertNames::kProjections); }
bool Numbered(const Decoder& decoder) { return Named(decoder, ExpertNames::kNumbered); }
bool Shared(const Decoder& decoder) { return Sparse(decoder) && decoder.experts->shared_size > 0; }
bool QkvBias(const Decoder& decoder) { return decoder.qkv_bias; }
bool OutputBias(const Decoder& decoder) { return decoder.output_bias; }
bool MlpBias(const Decoder& decoder) { return Dense(decoder) && decoder.mlp_bias; }
bool HeadNorm(const Decoder& decoder) { return decoder.qk_norm == QkNorm::kHead; }
bool RowNorm(const Decoder& decoder) { return decoder.qk_norm == QkNorm::kRow; }
bool NormFirst(const Decoder& decoder) { return decoder.norms != NormPlace::kBehind; }
bool NormBefore(const Decoder& decoder) { return decoder.norms == NormPlace::kBefore; }
bool DenseNormBefore(const Decoder& decoder) { return Dense(decoder) && NormBefore(decoder); }
bool NormBehind(const Decoder& decoder) { return decoder.norms == NormPlace::kBehind; }
bool NormAround(const Decoder& decoder) { return decoder.norms == NormPlace::kAround; }

constexpr Copies kOne = Copies::kOne;
constexpr Copies kLayers = Copies::kLayers;
constexpr Copies kDense = Copies::kDense;
constexpr Copies kSparse = Copies::kSparse;

// A tensor of layers: "model.layers.{layer}." and this.
#define LAYER(name) "model.layers.{layer}." name

constexpr WeightRow kWeights[] = {
    {&Weights::embed, "embed", kOne, "model.embed_tokens.weight", {"vocab", "hid"}, Always},
    {&Weights::attn_norm,
     "attn_norm",
     kLayers,
     LAYER("input_layernorm.weight"),
     {"hid"},
     NormFirst},
    {&Weights::wqkv, "wqkv", kLayers, LAYER("self_attn.qkv_proj.weight"), {"qkv", "hid"}, Fused},
    {&Weights::wq, "wq", kLayers, LAYER("self_attn.q_proj.weight"), {"q", "hid"}, Apart},
    {&Weights::bq, "bq", kLayers, LAYER("self_attn.q_proj.bias"), {"q"}, QkvBias},
    {&Weights::wk, "wk", kLayers, LAYER("self_attn.k_proj.weight"), {"kd", "hid"}, Apart},
    {&Weights::bk, "bk", kLayers, LAYER("self_attn.k_proj.bias"), {"kd"}, QkvBias},
    {&Weights::wv, "wv", kLayers, LAYER("self_attn.v_proj.weight"), {"vd", "hid"}, Apart},
    {&Weights::bv, "bv", kLayers, LAYER("self_attn.v_proj.bias"), {"vd"}, QkvBias},
    {&Weights::wo, "wo", kLayers, LAYER("self_attn.o_proj.weight"), {"hid", "q"}, Always},
    {&Weights::bo, "bo", kLayers, LAYER("self_attn.o_proj.bias"), {"hid"}, OutputBias},
    {&Weights::q_norm, "q_norm", kLayers, LAYER("self_attn.q_norm.weight"), {"dim"}, HeadNorm},
    {&Weights::q_norm, "q_norm", kLayers, LAYER("self_attn.q_norm.weight"), {"q"}, RowNorm},
    {&Weights::k_norm, "k_norm", kLayers, LAYER("self_attn.k_norm.weight"), {"dim"}, HeadNorm},
    {&Weights::k_norm, "k_norm", kLayers, LAYER("self_attn.k_norm.weight"), {"kd"}, RowNorm},
    {&Weights::attn_norm,
     "attn_norm",
     kLayers,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     NormBehind},
    {&Weights::attn_post_norm,
     "attn_post_norm",
     kLayers,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     NormAround},
    {&Weights::mlp_norm,
     "mlp_norm",
     kDense,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     DenseNormBefore},
    {&Weights::mlp_norm,
     "mlp_norm",
     kDense,
     LAYER("pre_feedforward_layernorm.weight"),
     {"hid"},
     NormAround},
    {&Weights::wgu, "wgu", kDense, LAYER("mlp.gate_up_proj.weight"), {"gu", "hid"}, DenseFused},
    {&Weights::wg, "wg", kDense, LAYER("mlp.gate_proj.weight"), {"ff", "hid"}, DenseApart},
    {&Weights::bg, "bg", kDense, LAYER("mlp.gate_proj.bias"), {"ff"}, MlpBias},
    {&Weights::wu, "wu", kDense, LAYER("mlp.up_proj.weight"), {"ff", "hid"}, DenseApart},
    {&Weights::bu, "bu", kDense, LAYER("mlp.up_proj.bias"), {"ff"}, MlpBias},
    {&Weights::wd, "wd", kDense, LAYER("mlp.down_proj.weight"), {"hid", "ff"}, Dense},
    {&Weights::bd, "bd", kDense, LAYER("mlp.down_proj.bias"), {"hid"}, MlpBias},
    {&Weights::mlp_norm,
     "mlp_norm",
     kDense,
     LAYER("post_feedforward_layernorm.weight"),
     {"hid"},
     NormBehind},
    {&Weights::mlp_post_norm,
     "mlp_post_norm",
     kDense,
     LAYER("post_feedforward_layernorm.weight"),
     {"hid"},
     NormAround},
    {&Weights::moe_norm,
     "moe_norm",
     kSparse,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     Sparse},
    {&Weights::router, "router", kSparse, LAYER("mlp.gate.weight"), {"expert", "hid"}, Projections},
    {&Weights::router,
     "router",
     kSparse,
     LAYER("block_sparse_moe.gate.weight"),
     {"expert", "hid"},
     Numbered},
    {&Weights::eg,
     "eg",
     kSparse,
     LAYER("mlp.experts.{expert}.gate_proj.weight"),
     {"expert", "xf", "hid"},
     Projections},
    {&Weights::eg,
     "eg",
     kSparse,
     LAYER("block_sparse_moe.experts.{expert}.w1.weight"),
     {"expert", "xf", "hid"},
     Numbered},
    {&Weights::eu,
     "eu",
     kSparse,
     LAYER("mlp.experts.{expert}.up_proj.weight"),
     {"expert", "xf", "hid"},
     Projections},
    {&Weights::eu,
     "eu",
     kSparse,
     LAYER("block_sparse_moe.experts.{expert}.w3.weight"),
     {"expert", "xf", "hid"},
     Numbered},
    {&Weights::ed,
     "ed",
     kSparse,
     LAYER("mlp.experts.{expert}.down_proj.weight"),
     {"expert", "hid", "xf"},
     Projections},
    {&Weights::ed,
     "ed",
     kSparse,
     LAYER("block_sparse_moe.experts.{expert}.w2.weight"),
     {"expert", "hid", "xf"},
     Numbered},
    {&Weights::sg,
     "sg",
     kSparse,
     LAYER("mlp.shared_expert.gate_proj.weight"),
     {"sf", "hid"},
     Shared},
    {&Weights::su, "su", kSparse, LAYER("mlp.shared_expert.up_proj.weight"), {"sf", "hid"}, Shared},
    {&Weights::sd,
     "sd",
     kSparse,
     LAYER("mlp.shared_expert.down_proj.weight"),
     {"hid", "sf"},
     Shared},
    {&Weights::shared_gate,
     "shared_gate",
     kSparse,
     LAYER("mlp.shared_expert_gate.weight"),
     {"one", "hid"},
     Shared},
    {&Weights::final_norm, "final_norm", kOne, "model.norm.weight", {"hid"}, Always},
    {&Weights::lm_head, "lm_head", kOne, "lm_head.weight", {"vocab", "hid"}, Always},
};

#undef LAYER

}  // namespace

absl::Span<const WeightRow> WeightRows() { return kWeights; }

}  // namespace lluda::frontends::decoder
