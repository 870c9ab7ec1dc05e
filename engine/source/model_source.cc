#include "engine/source/model_source.h"

#include <filesystem>

#include "base/status_macros.h"

namespace lluda::engine {

absl::StatusOr<ModuleOptions> OptionsOf(const ModuleWish& wish) {
  ModuleOptions options;
  ASSIGN_OR_RETURN(options.precision,
                   ParsePrecision(wish.precision.empty() ? "bf16" : wish.precision));
  ASSIGN_OR_RETURN(options.kv_cache, ParseKvCache(wish.kv_cache, options.precision));
  options.context = wish.context;
  if (!wish.result.empty()) {
    ASSIGN_OR_RETURN(options.result, ParseStepResult(wish.result));
  }
  ASSIGN_OR_RETURN(options.weights, ParseWeights(wish.weights));
  ASSIGN_OR_RETURN(options.activations, ParseActivations(wish.activations));
  return options;
}

std::string NameOfPath(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

}  // namespace lluda::engine
