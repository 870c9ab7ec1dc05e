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
#include "frontends/decoder/description.h"

namespace lluda::frontends::families {

// What absent fields stand for.
struct ExpertDefaults {
  int64_t num_experts = 0;
  int64_t num_experts_per_tok = 0;
  int64_t moe_intermediate_size = 0;
};

// num_experts, which transformers 5 calls num_local_experts, and num_experts_per_tok.
absl::StatusOr<decoder::Experts> ReadExperts(const base::JsonObject& fields,
                                             const ExpertDefaults& absent);

// The experts of Qwen2-MoE and Qwen3-MoE: moe_intermediate_size, norm_topk_prob, and the layers that
// have them by decoder_sparse_step and mlp_only_layers.
absl::Status ReadSparseLayers(const base::JsonObject& fields, const ExpertDefaults& absent,
                              decoder::Decoder* decoder);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_EXPERTS_H_
