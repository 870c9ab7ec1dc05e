// Qwen3-MoE: attention as in Qwen3, and experts in the layers that the config names.
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/experts.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"attention_bias", FieldUse::kUsed},
    {"use_sliding_window", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
    {"max_window_layers", FieldUse::kUsed},
    {"num_experts", FieldUse::kUsed},
    {"num_local_experts", FieldUse::kUsed},
    {"num_experts_per_tok", FieldUse::kUsed},
    {"moe_intermediate_size", FieldUse::kUsed},
    {"norm_topk_prob", FieldUse::kUsed},
    {"decoder_sparse_step", FieldUse::kUsed},
    {"mlp_only_layers", FieldUse::kUsed},
    {"output_router_logits", FieldUse::kIgnored},
    {"router_aux_loss_coef", FieldUse::kIgnored},
};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->qk_norm = decoder::QkNorm::kHead;
  RETURN_IF_ERROR(ReadBool(fields, "attention_bias", &decoder->qkv_bias));
  decoder->output_bias = decoder->qkv_bias;
  RETURN_IF_ERROR(ReadSparseLayers(fields, {128, 8, 768}, decoder));
  return ReadLaterWindows(fields, decoder);
}

}  // namespace

const Family kQwen3Moe = {
    "qwen3_moe", "Qwen3MoeForCausalLM", "Qwen3MoeModel", kFields, {0, 4}, kAllRopeTypes,
    Read,        /*windows=*/true};

}  // namespace lluda::frontends::families
