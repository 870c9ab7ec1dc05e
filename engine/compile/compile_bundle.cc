#include "engine/compile/compile_bundle.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/files/atomic_file.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "bundle/reader.h"
#include "bundle/writer.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/target.h"
#include "engine/compile/c_header.h"
#include "engine/compile/code_writer.h"
#include "engine/machine.h"
#include "engine/open_module.h"
#include "engine/source/checkpoint_weights.h"
#include "engine/source/model_files.h"
#include "engine/source/open_model_source.h"
#include "ir/text/printer.h"
#include "media/log_mel.h"
#include "media/sound.h"
#include "runtime/executable.h"
#include "runtime/loaded_program.h"

namespace lluda::engine {
namespace {

absl::StatusOr<bundle::ModelInfo> ModelInfoOf(const ModelSource& source, const LoadOptions& options,
                                              const OpenedModule& optimised,
                                              const runtime::Program& program) {
  bundle::ModelInfo model;
  model.name = source.name();
  model.precision = std::string(PrecisionName(options.module.precision));
  model.kv_cache = std::string(KvCacheName(options.module.kv_cache, options.module.precision));
  model.result = std::string(StepResultName(options.module.result));
  model.chosen = options.module.chosen;
  model.context = optimised.context;
  model.max_step = optimised.max_step;
  ASSIGN_OR_RETURN(model.generation, source.ReadGenerationConfig());
  absl::StatusOr<tokenizer::ChatFormat> chat = source.ReadChatFormat();
  if (chat.ok()) {
    model.chat = *std::move(chat);
  } else {
    model.chat_template_problem = std::string(chat.status().message());
  }
  for (const runtime::Weight& weight : program.weights) model.source_weight_bytes += weight.bytes;
  if (program.FindEntry(step_interface::kAudio) != nullptr) {
    model.sound = {media::kSampleRate, media::kFrameSamples, media::kFrameStep};
  }
  return model;
}

absl::Status WriteWhole(const std::string& path, const std::string& contents) {
  ASSIGN_OR_RETURN(base::AtomicFile file, base::AtomicFile::Create(path));
  file.Append(contents);
  return std::move(file).Commit();
}

// The object file and the header for C programs, of a bundle that is written.
absl::Status WriteCInterface(const OpenedModule& optimised, const codegen::Target& target,
                             const BundleOutputs& outputs) {
  ASSIGN_OR_RETURN(std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::Open(outputs.bundle));
  const std::string name = CName(std::filesystem::path(outputs.bundle).stem().string());
  ASSIGN_OR_RETURN(codegen::StepObject step,
                   codegen::CompileStepToObject(*optimised.module, target, name, optimised.context,
                                                optimised.max_step));
  if (!outputs.object.empty()) {
    RETURN_IF_ERROR(WriteWhole(outputs.object, step.object));
  }
  if (outputs.header.empty()) return absl::OkStatus();
  CInterface interface;
  interface.context = optimised.context;
  interface.max_step = optimised.max_step;
  interface.max_back = step.memory.max_back;
  interface.vocabulary =
      optimised.module->FindFunc(step_interface::kStep)->result_type.axes.back().extent.value;
  interface.weights_offset = static_cast<int64_t>(bundle->weights_offset());
  interface.weights_bytes = static_cast<int64_t>(bundle->weights().size());
  interface.state_bytes = step.memory.state_bytes;
  interface.frame_bytes = step.memory.frame_bytes;
  interface.scratch_bytes = step.memory.scratch_bytes;
  interface.cpu_features = absl::StrJoin(target.EnabledFeatures(), ", ");
  return WriteWhole(outputs.header, CHeader(name, interface));
}

// What cannot be asked for together.
absl::Status CheckOutputs(const ModelSource& source, const LoadOptions& options,
                          const BundleOutputs& outputs) {
  const bool for_c = !outputs.object.empty() || !outputs.header.empty();
  if (options.device != Device::kCpu && for_c) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.path(), ": C programs run a model on a CPU, and not on a GPU"));
  }
  if (options.module.result != StepResult::kHidden) return absl::OkStatus();
  if (for_c) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.path(), ": the interface for C programs gives logits only"));
  }
  // Bundles keep no prompts, but what they compute is what the files ask for.
  return source.ReadEmbeddingFormat().status();
}

}  // namespace

absl::Status CompileBundle(const LoadOptions& options, const BundleOutputs& outputs,
                           std::vector<std::string>* notes) {
  ASSIGN_OR_RETURN(std::shared_ptr<ModelSource> opened, SourceOf(options, &OpenModelSource));
  ModelSource* source = opened.get();
  // An error of a model that is compiled already.
  ASSIGN_OR_RETURN(const ModelFiles* files, source->Files(Weights::kRequired));
  RETURN_IF_ERROR(CheckOutputs(*source, options, outputs));
  ASSIGN_OR_RETURN(int threads, ThreadsOf(options));
  ASSIGN_OR_RETURN(std::unique_ptr<CodeWriter> writer, WriterFor(options, threads));
  ASSIGN_OR_RETURN(OpenedModule optimised, OpenModule(source, options, Weights::kRequired));
  CheckpointWeights weights(&*files->checkpoint);
  weights.Prefetch();
  RETURN_IF_ERROR(RunRemainingPasses(optimised.module.get(), options.device));
  weights.CheckQuantised(*optimised.module);
  absl::StatusOr<tokenizer::Tokenizer> tokenizer = source->ReadTokenizer();
  if (!tokenizer.ok() && (options.need_tokenizer || !absl::IsNotFound(tokenizer.status()))) {
    return tokenizer.status();
  }
  RETURN_IF_ERROR(CheckCompileMemory(source->path(), options));

  // The load block runs here, and never again.
  runtime::ThreadPool pool(threads);
  weights.UseThreads(&pool);
  ASSIGN_OR_RETURN(LoadableProgram loadable, writer->Compile(*optimised.module, &pool));
  RETURN_IF_ERROR(
      CheckMemory(source->path(), options, loadable.program, pool.threads(), std::nullopt));
  ASSIGN_OR_RETURN(
      std::unique_ptr<runtime::Executable> executable,
      runtime::Executable::Create(std::move(loadable.program), std::move(loadable.device)));
  RETURN_IF_ERROR(executable->Load(&weights, options.progress));

  runtime::LoadedProgram loaded_program = runtime::MakeLoadedProgram(executable->program());
  bundle::Contents contents;
  ASSIGN_OR_RETURN(bundle::ModelInfo model,
                   ModelInfoOf(*source, options, optimised, executable->program()));
  const std::string ir = ir::PrintModule(*optimised.module);
  contents.program = std::move(loaded_program.program);
  RETURN_IF_ERROR(writer->Write(&contents));
  const absl::Span<const char> loaded = executable->loaded();
  contents.loaded.push_back({0, {loaded.data(), loaded.size()}});
  for (const runtime::LoadedProgram::Kept& kept : loaded_program.kept) {
    const runtime::Weight& weight = executable->program().weights[kept.weight];
    const void* data = executable->weights()[kept.weight];
    contents.loaded.push_back(
        {kept.offset, {static_cast<const char*>(data), static_cast<size_t>(weight.bytes)}});
  }
  contents.ir = ir;
  contents.llvm_version = codegen::LlvmVersion();
  if (notes != nullptr) {
    *notes = NotesOf(*files, optimised.context);
    notes->insert(notes->end(), options.module.notes.begin(), options.module.notes.end());
    for (const std::string& note : model.generation.notes) notes->push_back(note);
    NoteThreads(pool, notes);
  }
  contents.model = std::move(model);
  if (tokenizer.ok()) contents.tokenizer = tokenizer->Tables();
  RETURN_IF_ERROR(bundle::WriteBundle(outputs.bundle, contents));
  if (!outputs.object.empty() || !outputs.header.empty()) {
    ASSIGN_OR_RETURN(const codegen::Target target, codegen::Target::Portable(options.isa));
    RETURN_IF_ERROR(WriteCInterface(optimised, target, outputs));
  }
  return absl::OkStatus();
}

}  // namespace lluda::engine
