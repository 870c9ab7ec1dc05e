// OLMo 2: norms behind attention and MLP, queries and keys normalised as whole rows.
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"attention_bias", FieldUse::kUsed},
};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->norms = decoder::NormPlace::kBehind;
  decoder->qk_norm = decoder::QkNorm::kRow;
  return ReadLinearBiases(fields, decoder);
}

}  // namespace

const Family kOlmo2 = {"olmo2",      "Olmo2ForCausalLM", "Olmo2Model", kFields,
                       {0, 0, 1e-5}, kAllRopeTypes,      Read};

}  // namespace lluda::frontends::families
