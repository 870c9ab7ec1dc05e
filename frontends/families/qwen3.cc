// Qwen3: each head of queries and keys is normalised.
#include "frontends/families/config_reader.h"
#include "frontends/families/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"use_sliding_window", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
    {"max_window_layers", FieldUse::kUsed},
};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->qk_norm = decoder::QkNorm::kHead;
  return CheckLaterWindows(fields, *decoder);
}

}  // namespace

const Family kQwen3 = {"qwen3",          "Qwen3ForCausalLM", "Qwen3Model", kFields,
                       {128, kRequired}, "default",          Read};

}  // namespace lluda::frontends::families
