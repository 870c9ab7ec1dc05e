// Qwen3: each head of queries and keys is normalised.
#include "frontends/families/rows/qwen3.h"

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {

absl::Status ReadQwen3(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->qk_norm = decoder::QkNorm::kHead;
  RETURN_IF_ERROR(ReadBool(fields, "attention_bias", &decoder->qkv_bias));
  decoder->output_bias = decoder->qkv_bias;
  return ReadLaterWindows(fields, decoder);
}

const Family kQwen3 = {"qwen3",          "Qwen3ForCausalLM", "Qwen3Model", kQwen3Fields,
                       {128, kRequired}, kAllRopeTypes,      ReadQwen3,    /*windows=*/true};

}  // namespace lluda::frontends::families
