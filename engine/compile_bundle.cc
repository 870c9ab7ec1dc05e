#include "engine/compile_bundle.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/atomic_file.h"
#include "base/step_interface.h"
#include "bundle/code.h"
#include "bundle/reader.h"
#include "bundle/writer.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/llvm/image.h"
#include "codegen/llvm/target.h"
#include "engine/c_header.h"
#include "engine/machine.h"
#include "engine/open_model_source.h"
#include "engine/open_module.h"
#include "engine/source/checkpoint_weights.h"
#include "engine/source/model_files.h"
#include "ir/text/printer.h"
#include "runtime/cpu_device.h"
#include "runtime/loaded_program.h"

namespace lluda::engine {
namespace {

std::vector<std::string> KernelNames(const runtime::Program& program) {
  std::vector<std::string> names;
  for (const runtime::Kernel& kernel : program.kernels) names.push_back(kernel.name);
  return names;
}

// Links the kernels of a program and gives them their addresses, in memory of this process.
absl::StatusOr<bundle::Code> LoadCode(const std::string& object, runtime::Program* program) {
  absl::StatusOr<codegen::Image> image = codegen::LinkImage(object, KernelNames(*program));
  if (!image.ok()) return image.status();
  absl::StatusOr<bundle::Code> code =
      bundle::Code::Load(image->bytes, static_cast<uint64_t>(image->code_offset));
  if (!code.ok()) return code.status();
  for (size_t i = 0; i < program->kernels.size(); ++i) {
    program->kernels[i].fn = code->At(static_cast<uint64_t>(image->entries[i]));
  }
  return code;
}

absl::StatusOr<bundle::ModelInfo> ModelInfoOf(const ModelSource& source, const LoadOptions& options,
                                              const OpenedModule& optimised,
                                              const runtime::Program& program) {
  bundle::ModelInfo model;
  model.name = source.name();
  model.precision = std::string(PrecisionName(options.module.precision));
  model.kv_cache = std::string(KvCacheName(options.module.kv_cache, options.module.precision));
  model.context = optimised.context;
  model.max_step = optimised.max_step;
  absl::StatusOr<frontends::GenerationConfig> generation = source.ReadGenerationConfig();
  if (!generation.ok()) return generation.status();
  model.generation = *std::move(generation);
  const absl::Status chat = source.CheckChatTemplate();
  if (!chat.ok()) model.chat_template_problem = std::string(chat.message());
  for (const runtime::Weight& weight : program.weights) model.source_weight_bytes += weight.bytes;
  return model;
}

absl::Status WriteWhole(const std::string& path, const std::string& contents) {
  absl::StatusOr<base::AtomicFile> file = base::AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  file->Append(contents);
  return std::move(*file).Commit();
}

// The object file and the header for C programs, of a bundle that is written.
absl::Status WriteCInterface(const OpenedModule& optimised, const codegen::Target& target,
                             const BundleOutputs& outputs) {
  absl::StatusOr<std::unique_ptr<bundle::Bundle>> bundle = bundle::Bundle::Open(outputs.bundle);
  if (!bundle.ok()) return bundle.status();
  const std::string name = CName(std::filesystem::path(outputs.bundle).stem().string());
  absl::StatusOr<codegen::StepObject> step = codegen::CompileStepToObject(
      *optimised.module, target, name, optimised.context, optimised.max_step);
  if (!step.ok()) return step.status();
  if (!outputs.object.empty()) {
    if (absl::Status s = WriteWhole(outputs.object, step->object); !s.ok()) return s;
  }
  if (outputs.header.empty()) return absl::OkStatus();
  CInterface interface;
  interface.context = optimised.context;
  interface.max_step = optimised.max_step;
  interface.vocabulary =
      optimised.module->FindFunc(step_interface::kStep)->result_type.axes.back().extent.value;
  interface.weights_offset = static_cast<int64_t>((*bundle)->weights_offset());
  interface.weights_bytes = static_cast<int64_t>((*bundle)->weights().size());
  interface.state_bytes = step->memory.state_bytes;
  interface.frame_bytes = step->memory.frame_bytes;
  interface.scratch_bytes = step->memory.scratch_bytes;
  interface.cpu_features = absl::StrJoin(target.EnabledFeatures(), ", ");
  return WriteWhole(outputs.header, CHeader(name, interface));
}

}  // namespace

absl::Status CompileBundle(const LoadOptions& options, const BundleOutputs& outputs,
                           std::vector<std::string>* notes) {
  std::shared_ptr<ModelSource> source = options.source;
  if (source == nullptr) {
    absl::StatusOr<std::shared_ptr<ModelSource>> opened = OpenModelSource(options.folder);
    if (!opened.ok()) return opened.status();
    source = *std::move(opened);
  }
  // An error of a model that is compiled already.
  absl::StatusOr<const ModelFiles*> files = source->Files(Weights::kRequired);
  if (!files.ok()) return files.status();
  absl::StatusOr<int> threads = ThreadsOf(options);
  if (!threads.ok()) return threads.status();
  absl::StatusOr<codegen::Target> target = codegen::Target::Portable(options.isa);
  if (!target.ok()) return target.status();
  absl::StatusOr<OpenedModule> optimised = OpenModule(source.get(), options, Weights::kRequired);
  if (!optimised.ok()) return optimised.status();
  CheckpointWeights weights(&*(*files)->checkpoint);
  weights.Prefetch();
  if (absl::Status run = RunRemainingPasses(optimised->module.get()); !run.ok()) return run;
  absl::StatusOr<tokenizer::Tokenizer> tokenizer = source->ReadTokenizer();
  if (!tokenizer.ok() && (options.need_tokenizer || !absl::IsNotFound(tokenizer.status()))) {
    return tokenizer.status();
  }
  if (absl::Status fits = CheckCompileMemory(options); !fits.ok()) return fits;
  absl::StatusOr<codegen::ObjectModule> compiled =
      codegen::CompileToObject(*optimised->module, *target);
  if (!compiled.ok()) return compiled.status();

  // The load block runs here, and never again.
  absl::StatusOr<bundle::Code> code = LoadCode(compiled->object, &compiled->program);
  if (!code.ok()) return code.status();
  runtime::ThreadPool pool(*threads);
  const absl::Status fits = CheckMemory(options, compiled->program, pool.threads(), std::nullopt);
  if (!fits.ok()) return fits;
  absl::StatusOr<std::unique_ptr<runtime::Executable>> executable = runtime::Executable::Create(
      std::move(compiled->program), std::make_unique<runtime::CpuDevice>(&pool));
  if (!executable.ok()) return executable.status();
  if (absl::Status loaded = (*executable)->Load(&weights, options.progress); !loaded.ok()) {
    return loaded;
  }

  runtime::LoadedProgram loaded_program = runtime::MakeLoadedProgram((*executable)->program());
  absl::StatusOr<codegen::Image> image =
      codegen::LinkImage(compiled->object, KernelNames(loaded_program.program));
  if (!image.ok()) return image.status();
  absl::StatusOr<bundle::ModelInfo> model =
      ModelInfoOf(*source, options, *optimised, (*executable)->program());
  if (!model.ok()) return model.status();
  const std::string ir = ir::PrintModule(*optimised->module);
  bundle::Contents contents;
  contents.program = std::move(loaded_program.program);
  contents.entries = image->entries;
  contents.code = image->bytes;
  contents.code_start = static_cast<uint64_t>(image->code_offset);
  const absl::Span<const char> loaded = (*executable)->loaded();
  contents.loaded.push_back({0, {loaded.data(), loaded.size()}});
  for (const runtime::LoadedProgram::Kept& kept : loaded_program.kept) {
    const runtime::Weight& weight = (*executable)->program().weights[kept.weight];
    const void* data = (*executable)->weights()[kept.weight];
    contents.loaded.push_back(
        {kept.offset, {static_cast<const char*>(data), static_cast<size_t>(weight.bytes)}});
  }
  contents.ir = ir;
  contents.llvm_version = codegen::LlvmVersion();
  contents.isa = std::string(codegen::IsaName(target->isa));
  contents.cpu_features = target->EnabledFeatures();
  if (notes != nullptr) {
    *notes = (*files)->notes;
    for (const std::string& note : model->generation.notes) notes->push_back(note);
  }
  contents.model = *std::move(model);
  if (tokenizer.ok()) contents.tokenizer = tokenizer->Tables();
  if (absl::Status s = bundle::WriteBundle(outputs.bundle, contents); !s.ok()) return s;
  if (!outputs.object.empty() || !outputs.header.empty()) {
    if (absl::Status s = WriteCInterface(*optimised, *target, outputs); !s.ok()) return s;
  }
  TellOfThreads(options, pool);
  return absl::OkStatus();
}

}  // namespace lluda::engine
