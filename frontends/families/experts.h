// What configs say of experts: how many, how many a token takes, which layers have them.
//
// Example: of Mixtral, whose experts are as large as other models' MLPs.
//   ASSIGN_OR_RETURN(decoder::Experts experts, ReadExperts(fields, {8, 2}));
//   experts.intermediate_size = decoder->intermediate_size;
#ifndef LLUDA_FRONTENDS_FAMILIES_EXPERTS_H_
#define LLUDA_FRONTENDS_FAMILIES_EXPERTS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {

// What absent fields stand for.
struct ExpertDefaults {
  int64_t num_experts = 0;
  int64_t num_experts_per_tok = 0;
  int64_t moe_intermediate_size = 0;
  int64_t shared_expert_intermediate_size = 0;  // 0: the family knows no such expert
};

// num_experts, which transformers 5 calls num_local_experts, and num_experts_per_tok.
inline constexpr FieldRow kExpertFields[] = {
    {"num_experts", FieldUse::kUsed},
    {"num_local_experts", FieldUse::kUsed},
    {"num_experts_per_tok", FieldUse::kUsed},
    {"output_router_logits", FieldUse::kIgnored},
    {"router_aux_loss_coef", FieldUse::kIgnored},
};
absl::StatusOr<decoder::Experts> ReadExperts(const base::JsonObject& fields,
                                             const ExpertDefaults& absent);

// The experts of Qwen2-MoE and Qwen3-MoE: beside those fields moe_intermediate_size, norm_topk_prob, and
// the layers that have them by decoder_sparse_step and mlp_only_layers; of a family that has an expert
// that all tokens take, its size.
inline constexpr FieldRow kSparseLayerFields[] = {
    {"moe_intermediate_size", FieldUse::kUsed},
    {"norm_topk_prob", FieldUse::kUsed},
    {"decoder_sparse_step", FieldUse::kUsed},
    {"mlp_only_layers", FieldUse::kUsed},
};
absl::Status ReadSparseLayers(const base::JsonObject& fields, const ExpertDefaults& absent,
                              decoder::Decoder* decoder);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_EXPERTS_H_
