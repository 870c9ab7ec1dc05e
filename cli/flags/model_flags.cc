#include "cli/flags/model_flags.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/user_code_cache.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/terminal/output.h"
#include "cli/terminal/progress.h"
#include "engine/source/default_model.h"
#include "engine/source/open_model_source.h"
#include "engine/source/with_tokenizer.h"
#include "frontends/gguf/importance.h"
#include "frontends/model_folder.h"
#include "tools/eval/fit_weights.h"

namespace lluda::cli {

namespace {

// The dump that --ir names, if it does.
absl::StatusOr<std::optional<engine::ModuleText>> IrFileOf(const ModelFlags& flags) {
  std::optional<engine::ModuleText> source;
  if (flags.ir_file.empty()) return source;
  ASSIGN_OR_RETURN(std::string text, base::ReadInput(flags.ir_file));
  source = {flags.ir_file == "-" ? "stdin" : flags.ir_file, std::move(text)};
  return source;
}

// Chooses types where the flags ask for that, and prints them.
absl::Status FitWeights(const ModelFlags& flags, engine::LoadOptions* options) {
  RETURN_IF_ERROR(tools::CheckBudget(flags.weights, flags.budget));
  if (flags.calibrate && flags.weights != engine::kAutoWeights) {
    return absl::InvalidArgumentError("--calibrate is for --weights auto alone");
  }
  if (flags.budget.empty()) return absl::OkStatus();
  tools::FitOptions fit;
  fit.budget = flags.budget;
  ASSIGN_OR_RETURN(fit.text, ReadText(flags.calibrate));
  fit.load = [&](const engine::LoadOptions& one) {
    return LoadModel(one, flags.use_cache, Notes::kTold);
  };
  fit.note = [](const std::string& text) { std::cerr << text; };
  ProgressLine progress("choosing types");
  fit.progress = [&](int64_t done, int64_t total) { progress.Show(done, total); };
  return tools::FitWeights(fit, options);
}

}  // namespace

absl::StatusOr<std::string> ModelPath(const std::string& model) {
  if (engine::FileFormat(model).empty()) {
    return frontends::FindModelFolder(model, engine::DefaultModelFolder(), &std::getenv);
  }
  std::error_code ignored;
  if (std::filesystem::exists(model, ignored)) return model;
  return absl::NotFoundError(absl::StrCat("model '", model, "': there is no such ",
                                          engine::FileFormat(model),
                                          frontends::NearestModel(model, {})));
}

absl::StatusOr<std::shared_ptr<engine::ModelSource>> OpenSource(const std::string& model,
                                                                const std::string& tokenizer) {
  ASSIGN_OR_RETURN(std::string path, ModelPath(model));
  ASSIGN_OR_RETURN(std::shared_ptr<engine::ModelSource> source, engine::OpenModelSource(path));
  if (tokenizer.empty()) return source;
  return engine::WithTokenizer(std::move(source), tokenizer);
}

absl::StatusOr<engine::LoadOptions> LoadOptionsOf(const ModelFlags& flags) {
  engine::LoadOptions options;
  ASSIGN_OR_RETURN(std::shared_ptr<engine::ModelSource> source,
                   OpenSource(flags.model, flags.tokenizer));
  if (flags.check && source->bundle() == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--check: ", source->path(), " is no bundle, and has no hashes"));
  }
  if (!flags.imatrix.empty()) {
    ASSIGN_OR_RETURN(auto importance, frontends::gguf::ReadImportance(flags.imatrix));
    source->UseImportance(std::make_shared<frontends::gguf::Importance>(std::move(importance)));
  }
  ASSIGN_OR_RETURN(engine::ModuleOptions module,
                   source->OptionsFor({flags.precision, flags.kv_cache, flags.context.value_or(0),
                                       flags.result, flags.weights, flags.activations}));
  options.folder = source->path();
  options.source = std::move(source);
  options.module = module;
  options.module.partial_head = flags.partial_head;
  ASSIGN_OR_RETURN(options.ir, IrFileOf(flags));
  options.perf = flags.perf;
  options.gdb = flags.gdb;
  options.threads = flags.threads;
  options.isa = flags.isa;
  ASSIGN_OR_RETURN(options.device, engine::ParseDevice(flags.device));
  options.check_weights = flags.check;
  options.force = flags.force;
  RETURN_IF_ERROR(FitWeights(flags, &options));
  const bool is_settled = options.source->bundle() != nullptr || options.ir;
  const bool asks =
      options.module.weights || options.module.activations == engine::Activations::kInt8;
  if (!is_settled && asks) {
    ASSIGN_OR_RETURN(const engine::ModelFiles* files,
                     options.source->Files(engine::Weights::kOptional));
    RETURN_IF_ERROR(engine::SettleOptions(*files, &options.module));
  }
  return options;
}

absl::StatusOr<tools::EvalText> ReadText(const std::optional<std::string>& named) {
  return tools::ReadEvalText(
      named.value_or(absl::StrCat(engine::DefaultModelFolder(), "/text.txt")));
}

absl::StatusOr<engine::OpenedModule> OpenImported(const engine::LoadOptions& options,
                                                  engine::Weights weights) {
  ASSIGN_OR_RETURN(const engine::ModelFiles* files, options.source->Files(weights));
  ASSIGN_OR_RETURN(engine::OpenedModule opened,
                   engine::OpenModule(options.source.get(), options, weights));
  PrintNotes("lluda", engine::NotesOf(*files, opened.context));
  PrintNotes("lluda", options.module.notes);
  return opened;
}

absl::StatusOr<std::unique_ptr<engine::Model>> LoadModel(engine::LoadOptions options,
                                                         bool use_cache, Notes told) {
  // Without the cache everything takes longer, and that is all.
  absl::StatusOr<base::CodeCache> cache = absl::NotFoundError("");
  std::vector<std::string> notes = options.module.notes;
  // Of a bundle, a GPU's driver alone may have something to compile.
  const bool compiles =
      options.source->bundle() == nullptr || options.device == engine::Device::kCuda;
  if (use_cache && compiles) cache = base::OpenUserCodeCache(&std::getenv);
  if (cache.ok()) options.code_cache = &*cache;
  if (!cache.ok() && !absl::IsNotFound(cache.status())) {
    notes.push_back(absl::StrCat(cache.status().message(), "; compiled code is not kept"));
  }
  absl::StatusOr<std::unique_ptr<engine::Model>> model;
  {
    ProgressLine progress("loading");
    options.progress = [&](int64_t done, int64_t total) { progress.Show(done, total); };
    model = engine::Model::Load(options);
  }
  // Of a model that cannot be used, the error is all there is to say.
  if (!model.ok() || told == Notes::kTold) return model;
  PrintNotes("lluda", notes);
  PrintNotes("lluda", (*model)->notes());
  return model;
}

std::function<absl::StatusOr<std::unique_ptr<engine::Model>>(const engine::LoadOptions&)> LoaderOf(
    const ModelFlags& flags) {
  return [use_cache = flags.use_cache,
          told = std::make_shared<Notes>(Notes::kUntold)](const engine::LoadOptions& options) {
    return LoadModel(options, use_cache, std::exchange(*told, Notes::kTold));
  };
}

absl::StatusOr<std::unique_ptr<engine::Model>> LoadModel(const ModelFlags& flags,
                                                         bool need_tokenizer) {
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags));
  options.need_tokenizer = need_tokenizer;
  return LoadModel(std::move(options), flags.use_cache);
}

}  // namespace lluda::cli
