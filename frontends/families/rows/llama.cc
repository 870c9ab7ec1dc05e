// Llama 2, 3, 3.1, 3.2, and SmolLM2: the decoder without anything special. Biases are rare.
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"attention_bias", FieldUse::kUsed},
    {"mlp_bias", FieldUse::kUsed},
    {"pretraining_tp", FieldUse::kIgnored},
};

}  // namespace

const Family kLlama = {"llama", "LlamaForCausalLM", "LlamaModel",    kFields,
                       {},      kAllRopeTypes,      ReadLinearBiases};

}  // namespace lluda::frontends::families
