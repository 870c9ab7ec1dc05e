// Qwen3-MoE: attention as in Qwen3, and experts in the layers that the config names.
#include "base/status_macros.h"
#include "frontends/families/experts.h"
#include "frontends/families/rows/qwen3.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr auto kFields =
    Joined(kQwen3OwnFields, kLaterWindowFields, kExpertFields, kSparseLayerFields);

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  RETURN_IF_ERROR(ReadQwen3(fields, decoder));
  return ReadSparseLayers(fields, {128, 8, 768}, decoder);
}

}  // namespace

const Family kQwen3Moe = {
    "qwen3_moe", "Qwen3MoeForCausalLM", "Qwen3MoeModel", kFields, {0, 4}, kAllRopeTypes,
    Read,        /*windows=*/true};

}  // namespace lluda::frontends::families
