// Qwen3: each head of queries and keys is normalised.
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"attention_bias", FieldUse::kUsed},
    {"use_sliding_window", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
    {"max_window_layers", FieldUse::kUsed},
};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->qk_norm = decoder::QkNorm::kHead;
  RETURN_IF_ERROR(ReadBool(fields, "attention_bias", &decoder->qkv_bias));
  decoder->output_bias = decoder->qkv_bias;
  return ReadLaterWindows(fields, decoder);
}

}  // namespace

const Family kQwen3 = {"qwen3",          "Qwen3ForCausalLM", "Qwen3Model", kFields,
                       {128, kRequired}, kAllRopeTypes,      Read,         /*windows=*/true};

}  // namespace lluda::frontends::families
