#include "passes/default_pipeline.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace lluda::passes {

std::vector<std::string> DefaultPipeline() {
  return {
      "canonicalize",     // patterns below see one spelling of slices, casts and permutes
      "cse",              // equal statements would hide a value's only use from the fusions
      "dce",              // so would dead ones
      "fuse-rope",        // first of the fusions: it leaves a single producer of q and k behind
      "fuse-softmax",     // fuse-attention looks for the softmax
      "fuse-attention",   // before merge-matmul, which must not take attention's matmuls
      "fuse-projection",  // after fuse-attention, which looks for the appends of k and v
      "fuse-experts",  // before fuse-dequantize, which would read blocks where matrices are copied
      "fuse-gelu",     // before fuse-epilogue, which looks for its product with a slice
      "fuse-layer-norm",  // before fuse-epilogue, which folds the cast behind a norm
      "fuse-norm-add",    // behind fuse-layer-norm, whose sum it would take
      "fuse-dequantize",  // before merge-matmul, which joins weights in blocks as it finds them
      "merge-matmul",     // gate and up, and projections left over, become one matmul and slices
      "canonicalize",     // the split of such a slice becomes one slice, which is a view
      "split-head",     // before fuse-epilogue, which folds the cast behind the norm that it reads
      "fuse-epilogue",  // after merge-matmul: silu(gate) * up needs the merged matmul
      "dce",            // what the fusions left behind must not be hoisted
      "hoist-weight-ops",  // now every statement on weights alone that is left has a reader
      "cse",               // the same transpose in two functions is one global
      "ring-caches",       // every attention is found and fused by now, whatever it has behind it
      "page-caches",       // of a module that has symbols for pages; what is a ring stays one
      "pack-weights",      // matrices are weights and globals now, so one rule finds them all
      "peel-last-layer",   // nothing is fused or packed any more that would have to be done twice
      "dce",               // transposed and concatenated rows that only fed a pack
      "plan-memory",       // last: any later change would make the plan wrong
  };
}

absl::StatusOr<std::vector<std::string>> RemainingPasses(const ir::Module& module) {
  std::vector<std::string> all = DefaultPipeline();
  const std::vector<std::string>& ran = module.passes;
  if (!ran.empty() && ran.back() == all.back()) return std::vector<std::string>();
  if (ran.size() <= all.size() && std::equal(ran.begin(), ran.end(), all.begin())) {
    all.erase(all.begin(), all.begin() + static_cast<int64_t>(ran.size()));
    return all;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("module @", module.name, " has gone through ", absl::StrJoin(ran, ", "),
                   ", which is not how the default pipeline begins; run passes on it by name, "
                   "the last of them ",
                   all.back()));
}

absl::StatusOr<std::vector<std::string>> PassesOf(absl::string_view list,
                                                  const ir::Module& module) {
  std::vector<std::string> names;
  for (absl::string_view name : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    std::vector<std::string> meant = {std::string(name)};
    if (name == "default") meant = DefaultPipeline();
    if (name == "rest") {
      ASSIGN_OR_RETURN(meant, RemainingPasses(module));
    }
    names.insert(names.end(), meant.begin(), meant.end());
  }
  return names;
}

}  // namespace lluda::passes
