// Qwen2-MoE: attention as in Qwen2, experts, and a shared one that all tokens take by a share.
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/experts.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"qkv_bias", FieldUse::kUsed},
    {"use_sliding_window", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
    {"max_window_layers", FieldUse::kUsed},
    {"num_experts", FieldUse::kUsed},
    {"num_local_experts", FieldUse::kUsed},
    {"num_experts_per_tok", FieldUse::kUsed},
    {"moe_intermediate_size", FieldUse::kUsed},
    {"shared_expert_intermediate_size", FieldUse::kUsed},
    {"norm_topk_prob", FieldUse::kUsed},
    {"decoder_sparse_step", FieldUse::kUsed},
    {"mlp_only_layers", FieldUse::kUsed},
    {"output_router_logits", FieldUse::kIgnored},
    {"router_aux_loss_coef", FieldUse::kIgnored},
};

constexpr int64_t kDefaultSharedSize = 5632;
constexpr int64_t kMaxSharedSize = 1 << 20;

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->qkv_bias = true;
  RETURN_IF_ERROR(ReadBool(fields, "qkv_bias", &decoder->qkv_bias));
  RETURN_IF_ERROR(ReadSparseLayers(fields, {60, 4, 1408}, decoder));
  if (decoder->experts) {
    decoder->experts->shared_size = kDefaultSharedSize;
    constexpr char kShared[] = "shared_expert_intermediate_size";
    if (fields.Has(kShared)) {
      ASSIGN_OR_RETURN(decoder->experts->shared_size, fields.Int(kShared, {1, kMaxSharedSize}));
    }
  }
  return ReadLaterWindows(fields, decoder);
}

}  // namespace

const Family kQwen2Moe = {
    "qwen2_moe", "Qwen2MoeForCausalLM", "Qwen2MoeModel", kFields, {0, 16}, kAllRopeTypes,
    Read,        /*windows=*/true};

}  // namespace lluda::frontends::families
