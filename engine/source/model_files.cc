#include "engine/source/model_files.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/decoder/adopt_checkpoint.h"
#include "frontends/decoder/import.h"
#include "frontends/decoder/weights/expected_tensors.h"
#include "frontends/families/families.h"
#include "frontends/gguf/importance.h"
#include "frontends/mel_format.h"
#include "frontends/quantised/adopt_quantised.h"
#include "frontends/quantised/scheme.h"

namespace lluda::engine {
namespace {

namespace quantised = frontends::quantised;

constexpr int64_t kUsualContext = 4096;

// How the folder's matrices are quantised, if they are.
absl::StatusOr<std::optional<quantised::Scheme>> LoadScheme(const std::string& folder) {
  ASSIGN_OR_RETURN(const base::JsonDocument config,
                   base::JsonDocument::Load(absl::StrCat(folder, "/config.json")));
  return quantised::ReadScheme(config.root());
}

}  // namespace

absl::StatusOr<ModelFiles> OpenModelFiles(const std::string& folder, Weights weights) {
  ModelFiles files;
  files.folder = folder;
  ASSIGN_OR_RETURN(files.decoder, frontends::families::LoadConfig(folder));
  if (files.decoder.audio) {
    RETURN_IF_ERROR(frontends::CheckMelFormat(folder, files.decoder.audio->mel_bins));
  }
  ASSIGN_OR_RETURN(const std::optional<quantised::Scheme> scheme, LoadScheme(folder));
  absl::StatusOr<frontends::Checkpoint> checkpoint = frontends::Checkpoint::Open(folder);
  if (checkpoint.ok()) {
    files.checkpoint = *std::move(checkpoint);
    if (scheme) {
      RETURN_IF_ERROR(quantised::AdoptQuantised(folder, *scheme, &*files.checkpoint, &files.notes));
    }
    RETURN_IF_ERROR(frontends::decoder::AdoptCheckpoint(folder, &*files.checkpoint, &files.decoder,
                                                        &files.notes));
  } else if (weights == Weights::kRequired || !absl::IsNotFound(checkpoint.status())) {
    return checkpoint.status();
  }
  return files;
}

absl::Status TakeImportance(const frontends::gguf::Importance* importance, ModelFiles* files) {
  if (importance == nullptr || !files->checkpoint) return absl::OkStatus();
  files->importance_path = importance->path;
  return frontends::gguf::AddImportance(*importance, files->decoder.tie_word_embeddings,
                                        &*files->checkpoint, &files->notes);
}

std::vector<std::string> NotesOf(const ModelFiles& files, int64_t context) {
  std::vector<std::string> notes = files.notes;
  for (const frontends::decoder::Rope& rope : files.decoder.ropes) {
    if (rope.long_frequencies.empty()) continue;
    const bool is_long = UsesLongFrequencies(rope, context);
    notes.push_back(absl::StrCat(files.folder, ": a context of ", context, " takes the ",
                                 is_long ? "long" : "short", " factors of longrope; one of ",
                                 is_long ? "at most " : "more than ", rope.short_context,
                                 " takes the ", is_long ? "short" : "long", " ones"));
  }
  return notes;
}

frontends::TensorLookup TensorsOf(const ModelFiles& files) {
  return files.checkpoint ? frontends::LookupIn(*files.checkpoint)
                          : frontends::decoder::TensorsOf(files.decoder);
}

int64_t DefaultContext(const frontends::decoder::Decoder& decoder) {
  return std::min(decoder.max_position_embeddings, kUsualContext);
}

absl::StatusOr<int64_t> ContextOf(const frontends::decoder::Decoder& decoder,
                                  const ModuleOptions& options) {
  if (options.context == 0) return DefaultContext(decoder);
  if (options.context < 1 || options.context > decoder.max_position_embeddings) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a context of ", options.context, " tokens was asked for, the model allows 1 to ",
        decoder.max_position_embeddings, " (max_position_embeddings in config.json)"));
  }
  return options.context;
}

namespace {

absl::StatusOr<frontends::decoder::ImportOptions> ImportOptionsOf(const ModelFiles& files,
                                                                  const ModuleOptions& options) {
  ASSIGN_OR_RETURN(const int64_t context, ContextOf(files.decoder, options));
  if (options.max_step < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_step must be at least 1, is ", options.max_step));
  }
  frontends::decoder::ImportOptions import;
  import.precision = options.precision;
  import.kv_cache = options.kv_cache;
  import.result = options.result;
  import.weights = options.weights;
  import.tensor_weights = options.tensor_weights;
  import.activations = options.activations;
  import.partial_head = options.partial_head;
  import.max_context = context;
  import.max_step_tokens = std::min(options.max_step, context);
  import.max_logit_rows = import.max_step_tokens;
  import.pages = options.pages;
  import.record_activations = options.record_activations;
  import.record_inputs = options.record_inputs;
  import.checkpoint_name = files.folder;
  import.importance_name = files.importance_path;
  import.find_tensor = TensorsOf(files);
  return import;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ImportModule(const ModelFiles& files,
                                                         const ModuleOptions& options) {
  ASSIGN_OR_RETURN(const frontends::decoder::ImportOptions import, ImportOptionsOf(files, options));
  return frontends::decoder::ImportDecoder(files.decoder, import);
}

absl::Status SettleOptions(const ModelFiles& files, ModuleOptions* options) {
  ASSIGN_OR_RETURN(const frontends::decoder::ImportOptions import,
                   ImportOptionsOf(files, *options));
  ASSIGN_OR_RETURN(const frontends::decoder::MatrixCounts counts,
                   frontends::decoder::CountMatrices(files.decoder, import));
  const auto note = [&](int64_t count, absl::string_view becomes) {
    options->notes.push_back(absl::StrCat(files.folder, ": ", count, " of ", counts.to_quantise,
                                          " matrices have rows of no whole blocks of ",
                                          ir::DTypeName(*options->weights), ", and ", becomes));
  };
  for (const auto& [type, count] : counts.other) {
    note(count, absl::StrCat("are quantised to ", ir::DTypeName(type)));
  }
  if (counts.plain > 0) note(counts.plain, "are not quantised");
  if (options->activations == Activations::kInt8 && !counts.has_integers) {
    options->activations = Activations::kExact;
    options->notes.push_back(
        absl::StrCat(files.folder, ": no matrix is in blocks of integers: activations stay exact"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<frontends::decoder::Matrix>> MatricesOf(const ModelFiles& files,
                                                                   const ModuleOptions& options) {
  ASSIGN_OR_RETURN(const frontends::decoder::ImportOptions import, ImportOptionsOf(files, options));
  return frontends::decoder::FloatMatrices(files.decoder, import);
}

}  // namespace lluda::engine
