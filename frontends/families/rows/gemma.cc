#include "frontends/families/rows/gemma.h"

#include <cmath>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"

namespace lluda::frontends::families {
namespace {

constexpr double kDefaultQueryScalar = 256;
constexpr base::NumberRange kPositive = {0, 1e9, /*open_min=*/true};

absl::Status ReadSoftcap(const base::JsonObject& fields, absl::string_view key,
                         std::optional<double> absent, std::optional<double>* cap) {
  *cap = fields.Has(key) ? std::nullopt : absent;
  if (!fields.HasValue(key)) return absl::OkStatus();
  ASSIGN_OR_RETURN(*cap, fields.Number(key, kPositive));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadGemma(const base::JsonObject& fields, const Softcaps& absent,
                       decoder::Decoder* decoder) {
  decoder->norms = decoder::NormPlace::kAround;
  decoder->norm_offset = 1;
  decoder->activation = decoder::Activation::kGeluTanh;
  decoder->embedding_multiplier = std::sqrt(static_cast<double>(decoder->hidden_size));
  double scalar = kDefaultQueryScalar;
  RETURN_IF_ERROR(ReadNumber(fields, "query_pre_attn_scalar", kPositive, &scalar));
  decoder->attention_scale = 1 / std::sqrt(scalar);
  RETURN_IF_ERROR(
      ReadSoftcap(fields, "attn_logit_softcapping", absent.scores, &decoder->attention_softcap));
  RETURN_IF_ERROR(
      ReadSoftcap(fields, "final_logit_softcapping", absent.logits, &decoder->logits_softcap));
  return ReadLinearBiases(fields, decoder);
}

}  // namespace lluda::frontends::families
