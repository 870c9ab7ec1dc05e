// Granite 3: Llama with four multipliers.
#include <utility>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"attention_bias", FieldUse::kUsed},       {"mlp_bias", FieldUse::kUsed},
    {"attention_multiplier", FieldUse::kUsed}, {"embedding_multiplier", FieldUse::kUsed},
    {"residual_multiplier", FieldUse::kUsed},  {"logits_scaling", FieldUse::kUsed},
};

constexpr base::NumberRange kMultiplier = {0, 1e6, /*open_min=*/true};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  RETURN_IF_ERROR(ReadLinearBiases(fields, decoder));
  double scores = 1;
  const std::pair<const char*, double*> multipliers[] = {
      {"attention_multiplier", &scores},
      {"embedding_multiplier", &decoder->embedding_multiplier},
      {"residual_multiplier", &decoder->residual_multiplier},
      {"logits_scaling", &decoder->logits_divisor},
  };
  for (const auto& [key, value] : multipliers) {
    RETURN_IF_ERROR(ReadNumber(fields, key, kMultiplier, value));
  }
  decoder->attention_scale = scores;
  return absl::OkStatus();
}

}  // namespace

const Family kGranite = {
    "granite", "GraniteForCausalLM", "GraniteModel", kFields, {}, kAllRopeTypes, Read};

}  // namespace lluda::frontends::families
