#include "cli/optimised_model.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bundle/layout.h"
#include "cli/call_name.h"
#include "cli/import_flags.h"
#include "cli/model_flags.h"
#include "engine/bundle_options.h"
#include "ir/parser.h"
#include "ir/verifier.h"
#include "runtime/machine/cpu_count.h"

namespace lluda::cli {
namespace {

std::string ModelName(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::path(folder).lexically_normal();
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

absl::Status Damaged(const bundle::Bundle& bundle, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat(bundle.path(), ": is damaged: ", reason));
}

absl::StatusOr<std::unique_ptr<ir::Module>> ModuleOf(const bundle::Bundle& bundle) {
  absl::StatusOr<absl::string_view> text = bundle.Ir();
  if (!text.ok()) return text.status();
  absl::StatusOr<std::unique_ptr<ir::Module>> module = ir::ParseModule(*text, bundle.path());
  if (!module.ok()) return module.status();
  if (absl::Status status = ir::Verify(**module); !status.ok()) {
    return Damaged(bundle, status.message());
  }
  for (const char* symbol : {"T", "C"}) {
    if ((*module)->FindSymbol(symbol) != nullptr) continue;
    return Damaged(bundle, absl::StrCat("its module has no symbol ", symbol));
  }
  return module;
}

absl::Status OpenBundle(const ModelFlags& flags, OptimisedModel* model) {
  absl::StatusOr<engine::LoadOptions> options = LoadOptionsOf(flags);
  if (!options.ok()) return options.status();
  absl::StatusOr<std::unique_ptr<bundle::Bundle>> opened = bundle::Bundle::Open(flags.model);
  if (!opened.ok()) return opened.status();
  model->bundle = *std::move(opened);
  const bundle::Bundle& bundle = *model->bundle;
  absl::Status fits = engine::CheckBundleOptions(bundle, *options);
  if (!fits.ok()) return fits;
  absl::StatusOr<std::unique_ptr<ir::Module>> module = ModuleOf(bundle);
  if (!module.ok()) return module.status();
  absl::StatusOr<codegen::Target> target = codegen::Target::Portable(bundle.isa());
  if (!target.ok()) return target.status();
  model->name = bundle.model().name;
  model->module = *std::move(module);
  model->target = *std::move(target);
  model->numbers = options->module;
  model->context = flags.context.value_or(bundle.model().context);
  model->max_step = std::min(bundle.model().max_step, model->context);
  model->lluda_version = bundle.lluda_version();
  model->llvm_version = bundle.llvm_version();
  return absl::OkStatus();
}

// Tokens that a sequence may have; the cache's capacity, symbol C, may be rounded up from it.
absl::StatusOr<int64_t> ContextOf(const ImportedModel& imported, const ModelFlags& flags,
                                  const engine::ModuleOptions& options) {
  if (flags.ir_file.empty()) return engine::ContextOf(imported.files.config, options);
  return std::min(imported.module->FindSymbol("C")->max,
                  imported.files.config.max_position_embeddings);
}

absl::Status OpenFolder(const ModelFlags& flags, engine::Weights weights, OptimisedModel* model) {
  absl::StatusOr<codegen::Target> target = codegen::Target::Named(flags.isa);
  if (!target.ok()) return target.status();
  absl::StatusOr<ImportedModel> imported = ImportModel(flags, weights);
  if (!imported.ok()) return imported.status();
  absl::StatusOr<engine::ModuleOptions> numbers = ModuleOptionsOf(flags);
  if (!numbers.ok()) return numbers.status();
  absl::StatusOr<int64_t> context = ContextOf(*imported, flags, *numbers);
  if (!context.ok()) return context.status();
  model->name = ModelName(imported->files.folder);
  model->module = std::move(imported->module);
  model->target = *std::move(target);
  model->numbers = *numbers;
  model->context = *context;
  model->max_step = std::min(model->module->FindSymbol("T")->max, *context);
  model->lluda_version = bundle::kLludaVersion;
  model->llvm_version = codegen::LlvmVersion();
  return absl::OkStatus();
}

// Each call has to be a statement of the module, with a buffer for each operand and the result.
absl::Status CheckCalls(const OptimisedModel& model, const runtime::Program& program) {
  const std::map<std::string, const ir::Op*> statements = StatementsByName(*model.module);
  for (const runtime::Call& call : program.step) {
    const auto it = statements.find(ParseCallName(call.name).Base());
    if (it == statements.end() ||
        call.buffers.size() != static_cast<size_t>(it->second->operand_count()) + 1) {
      return Damaged(*model.bundle,
                     absl::StrCat("call ", call.name, " is no statement of its module"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OptimisedModel> OpenOptimised(const ModelFlags& flags, engine::Weights weights,
                                             const SeeModule& see) {
  OptimisedModel model;
  absl::Status opened = bundle::Bundle::Looks(flags.model) ? OpenBundle(flags, &model)
                                                           : OpenFolder(flags, weights, &model);
  if (!opened.ok()) return opened;
  absl::StatusOr<PassHistory> history = RunPasses(model.module.get(), see);
  if (!history.ok()) return history.status();
  model.history = *std::move(history);
  return model;
}

absl::StatusOr<NativeProgram> NativeProgramOf(const OptimisedModel& model) {
  NativeProgram native;
  if (model.bundle == nullptr) {
    codegen::CompileOptions options;
    options.threads = runtime::UsablePhysicalCores();
    absl::StatusOr<codegen::CompiledModule> compiled =
        codegen::Compile(*model.module, model.target, options);
    if (!compiled.ok()) return compiled.status();
    native.program = std::move(compiled->program);
    native.library = std::move(compiled->library);
    return native;
  }
  absl::StatusOr<bundle::Runnable> runnable = model.bundle->Prepare();
  if (!runnable.ok()) return runnable.status();
  native.program = std::move(runnable->program);
  native.code = std::move(runnable->code);
  if (absl::Status status = CheckCalls(model, native.program); !status.ok()) return status;
  return native;
}

}  // namespace lluda::cli
