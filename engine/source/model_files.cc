#include "engine/source/model_files.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/qwen3/adopt_checkpoint.h"

namespace lluda::engine {
namespace {

constexpr int64_t kUsualContext = 4096;

}  // namespace

absl::StatusOr<ModelFiles> OpenModelFiles(const std::string& folder, Weights weights) {
  ModelFiles files;
  files.folder = folder;
  ASSIGN_OR_RETURN(files.config, frontends::qwen3::LoadConfig(folder));
  absl::StatusOr<frontends::Checkpoint> checkpoint = frontends::Checkpoint::Open(folder);
  if (checkpoint.ok()) {
    files.checkpoint = *std::move(checkpoint);
    RETURN_IF_ERROR(
        frontends::qwen3::AdoptCheckpoint(folder, &*files.checkpoint, &files.config, &files.notes));
  } else if (weights == Weights::kRequired || !absl::IsNotFound(checkpoint.status())) {
    return checkpoint.status();
  }
  return files;
}

frontends::TensorLookup TensorsOf(const ModelFiles& files) {
  return files.checkpoint ? frontends::LookupIn(*files.checkpoint)
                          : frontends::qwen3::TensorsOf(files.config);
}

int64_t DefaultContext(const frontends::qwen3::Config& config) {
  return std::min(config.max_position_embeddings, kUsualContext);
}

absl::StatusOr<int64_t> ContextOf(const frontends::qwen3::Config& config,
                                  const ModuleOptions& options) {
  if (options.context == 0) return DefaultContext(config);
  if (options.context < 1 || options.context > config.max_position_embeddings) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a context of ", options.context, " tokens was asked for, the model allows 1 to ",
        config.max_position_embeddings, " (max_position_embeddings in config.json)"));
  }
  return options.context;
}

absl::StatusOr<std::unique_ptr<ir::Module>> ImportModule(const ModelFiles& files,
                                                         const ModuleOptions& options) {
  ASSIGN_OR_RETURN(int64_t context, ContextOf(files.config, options));
  if (options.max_step < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_step must be at least 1, is ", options.max_step));
  }
  frontends::qwen3::ImportOptions import;
  import.precision = options.precision;
  import.kv_cache = options.kv_cache;
  import.max_context = context;
  import.max_step_tokens = std::min(options.max_step, context);
  import.max_logit_rows = import.max_step_tokens;
  import.record_activations = options.record_activations;
  import.checkpoint_name = files.folder;
  import.find_tensor = TensorsOf(files);
  return frontends::qwen3::ImportQwen3(files.config, import);
}

}  // namespace lluda::engine
