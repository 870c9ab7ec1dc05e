// What Gemma 2 and Gemma 3 have in common.
#ifndef LLUDA_FRONTENDS_FAMILIES_ROWS_GEMMA_H_
#define LLUDA_FRONTENDS_FAMILIES_ROWS_GEMMA_H_

#include <optional>

#include "absl/status/status.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/families/family.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {

inline constexpr FieldRow kGemmaFields[] = {
    {"hidden_activation", FieldUse::kRefused, "gelu_pytorch_tanh"},
    {"hidden_act", FieldUse::kRefused, "gelu_pytorch_tanh"},
    {"query_pre_attn_scalar", FieldUse::kUsed},
    {"final_logit_softcapping", FieldUse::kUsed},
    {"attention_bias", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
    {"use_bidirectional_attention", FieldUse::kRefused, "false"},
    {"cache_implementation", FieldUse::kIgnored},
};

// Of both forms of Gemma 3.
inline constexpr Defaults kGemma3Defaults = {256,  4,    1e-6, 1e6, /*tied=*/true, 262208,
                                             2304, 9216, 26,   8,   131072};

// The softcaps where their fields are absent; null is none.
struct Softcaps {
  std::optional<double> scores{};
  std::optional<double> logits{};
};

// Norms around attention and MLP, which multiply by weight + 1; GELU; the embedding times the root of
// the hidden size; the scale of scores by query_pre_attn_scalar; softcaps; biases.
absl::Status ReadGemma(const base::JsonObject& fields, const Softcaps& absent,
                       decoder::Decoder* decoder);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_ROWS_GEMMA_H_
