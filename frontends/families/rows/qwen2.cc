// Qwen2 and Qwen2.5: biases of queries, keys and values, always.
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->qkv_bias = true;
  return ReadLaterWindows(fields, decoder);
}

}  // namespace

const Family kQwen2 = {"qwen2",        "Qwen2ForCausalLM", "Qwen2Model", kLaterWindowFields,
                       {0, kRequired}, kAllRopeTypes,      Read,         /*windows=*/true};

}  // namespace lluda::frontends::families
