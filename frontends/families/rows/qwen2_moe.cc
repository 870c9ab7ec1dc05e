// Qwen2-MoE: attention as in Qwen2, experts, and a shared one that all tokens take by a share.
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/experts.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kOwnFields[] = {
    {"qkv_bias", FieldUse::kUsed},
    {"shared_expert_intermediate_size", FieldUse::kUsed},
};
constexpr auto kFields = Joined(kOwnFields, kLaterWindowFields, kExpertFields, kSparseLayerFields);

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->qkv_bias = true;
  RETURN_IF_ERROR(ReadBool(fields, "qkv_bias", &decoder->qkv_bias));
  RETURN_IF_ERROR(ReadSparseLayers(fields, {60, 4, 1408, 5632}, decoder));
  return ReadLaterWindows(fields, decoder);
}

}  // namespace

const Family kQwen2Moe = {
    "qwen2_moe", "Qwen2MoeForCausalLM", "Qwen2MoeModel", kFields, {0, 16}, kAllRopeTypes,
    Read,        /*windows=*/true};

}  // namespace lluda::frontends::families
