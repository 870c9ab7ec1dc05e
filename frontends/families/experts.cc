#include "frontends/families/experts.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"

namespace lluda::frontends::families {
namespace {

constexpr int64_t kMaxExperts = 1 << 12;
constexpr int64_t kMaxExpertSize = 1 << 20;

// The field, which may be absent, but not null.
absl::StatusOr<int64_t> IntOr(const base::JsonObject& fields, absl::string_view key,
                              base::IntRange range, int64_t absent) {
  return fields.Has(key) ? fields.Int(key, range) : absl::StatusOr<int64_t>(absent);
}

}  // namespace

absl::StatusOr<decoder::Experts> ReadExperts(const base::JsonObject& fields,
                                             const ExpertDefaults& absent) {
  const base::IntRange range = {1, kMaxExperts};
  decoder::Experts experts;
  ASSIGN_OR_RETURN(const int64_t local,
                   IntOr(fields, "num_local_experts", range, absent.num_experts));
  ASSIGN_OR_RETURN(experts.count, IntOr(fields, "num_experts", range, local));
  if (fields.Has("num_local_experts") && experts.count != local) {
    return fields.FieldError("num_local_experts",
                             absl::StrCat("is ", local, ", num_experts is ", experts.count));
  }
  ASSIGN_OR_RETURN(experts.top,
                   IntOr(fields, "num_experts_per_tok", range, absent.num_experts_per_tok));
  if (experts.top <= experts.count) return experts;
  return fields.FieldError("num_experts_per_tok", absl::StrCat("is ", experts.top, ", there are ",
                                                               experts.count, " experts"));
}

absl::Status ReadSparseLayers(const base::JsonObject& fields, const ExpertDefaults& absent,
                              decoder::Decoder* decoder) {
  ASSIGN_OR_RETURN(decoder::Experts experts, ReadExperts(fields, absent));
  ASSIGN_OR_RETURN(
      experts.intermediate_size,
      IntOr(fields, "moe_intermediate_size", {1, kMaxExpertSize}, absent.moe_intermediate_size));
  if (absent.shared_expert_intermediate_size != 0) {
    ASSIGN_OR_RETURN(experts.shared_size,
                     IntOr(fields, "shared_expert_intermediate_size", {1, kMaxExpertSize},
                           absent.shared_expert_intermediate_size));
  }
  RETURN_IF_ERROR(ReadBool(fields, "norm_topk_prob", &experts.renormalise));
  ASSIGN_OR_RETURN(const int64_t step, IntOr(fields, "decoder_sparse_step", {1, 1 << 30}, 1));
  std::vector<int64_t> dense;
  if (fields.HasValue("mlp_only_layers")) {
    ASSIGN_OR_RETURN(dense, fields.IntOrInts("mlp_only_layers", {0, 1 << 30}));
  }
  bool any = false;
  for (int64_t i = 0; i < decoder->layer_count(); ++i) {
    const bool listed = std::find(dense.begin(), dense.end(), i) != dense.end();
    const bool sparse = !listed && (i + 1) % step == 0;
    decoder->layers[static_cast<size_t>(i)].experts = sparse;
    any |= sparse;
  }
  if (any) decoder->experts = experts;
  return absl::OkStatus();
}

}  // namespace lluda::frontends::families
