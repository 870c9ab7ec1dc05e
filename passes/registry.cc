#include "passes/registry.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "passes/fuse/fuse_attention.h"
#include "passes/fuse/fuse_dequantize.h"
#include "passes/fuse/fuse_epilogue.h"
#include "passes/fuse/fuse_experts.h"
#include "passes/fuse/fuse_gelu.h"
#include "passes/fuse/fuse_layer_norm.h"
#include "passes/fuse/fuse_norm_add.h"
#include "passes/fuse/fuse_projection.h"
#include "passes/fuse/fuse_rope.h"
#include "passes/fuse/fuse_softmax.h"
#include "passes/fuse/merge_matmul.h"
#include "passes/place/pack_weights.h"
#include "passes/place/page_caches.h"
#include "passes/place/peel_last_layer.h"
#include "passes/place/plan_memory.h"
#include "passes/place/ring_caches.h"
#include "passes/place/split_head.h"
#include "passes/tidy/canonicalize.h"
#include "passes/tidy/cse.h"
#include "passes/tidy/dce.h"

namespace lluda::passes {
namespace {

template <typename P>
std::unique_ptr<Pass> Make(const PassOptions&) {
  return std::make_unique<P>();
}

template <typename P>
std::unique_ptr<Pass> MakeForDevice(const PassOptions& options) {
  return std::make_unique<P>(options.device);
}

struct PassRow {
  absl::string_view name;
  std::unique_ptr<Pass> (*create)(const PassOptions& options);
};

// Sorted by name.
constexpr PassRow kPasses[] = {
    {"canonicalize", Make<Canonicalize>},
    {"cse", Make<Cse>},
    {"dce", Make<Dce>},
    {"fuse-attention", Make<FuseAttention>},
    {"fuse-dequantize", Make<FuseDequantize>},
    {"fuse-epilogue", Make<FuseEpilogue>},
    {"fuse-experts", Make<FuseExperts>},
    {"fuse-gelu", Make<FuseGelu>},
    {"fuse-layer-norm", Make<FuseLayerNorm>},
    {"fuse-norm-add", Make<FuseNormAdd>},
    {"fuse-projection", MakeForDevice<FuseProjection>},
    {"fuse-rope", Make<FuseRope>},
    {"fuse-softmax", Make<FuseSoftmax>},
    {"hoist-weight-ops",
     [](const PassOptions& options) -> std::unique_ptr<Pass> {
       return std::make_unique<HoistWeightOps>(options.hoist_byte_limit);
     }},
    {"merge-matmul", Make<MergeMatmul>},
    {"pack-weights", MakeForDevice<PackWeights>},
    {"page-caches", MakeForDevice<PageCaches>},
    {"peel-last-layer", MakeForDevice<PeelLastLayer>},
    {"plan-memory", Make<PlanMemory>},
    {"ring-caches", Make<RingCaches>},
    {"split-head", Make<SplitHead>},
};

}  // namespace

std::vector<absl::string_view> AllPassNames() {
  std::vector<absl::string_view> names;
  for (const PassRow& row : kPasses) names.push_back(row.name);
  return names;
}

absl::StatusOr<std::unique_ptr<Pass>> CreatePass(absl::string_view name,
                                                 const PassOptions& options) {
  for (const PassRow& row : kPasses) {
    if (row.name == name) return row.create(options);
  }
  return absl::NotFoundError(absl::StrCat("there is no pass '", name, "'; the passes are ",
                                          absl::StrJoin(AllPassNames(), ", ")));
}

}  // namespace lluda::passes
