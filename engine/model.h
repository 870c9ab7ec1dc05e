// A language model, compiled for this machine and ready to run.
//
//   engine::LoadOptions options;
//   options.folder = "/models/Qwen3-0.6B";
//   absl::StatusOr<std::unique_ptr<engine::Model>> model = engine::Model::Load(options);
//   if (!model.ok()) return Fail(model.status());
//   auto session = engine::Session::Create(model->get(), {});   // engine/session.h
//   auto answer = (*session)->Generate((*model)->tokenizer()->Encode("Once upon a time"), {});
//
// example_main.cc is a whole program. Loading a folder goes through every stage: the checkpoint
// becomes IR, the passes optimise it, LLVM compiles it, the load block packs the weights. Loading a
// bundle, which CompileBundle wrote, goes through none of them: its code and weights are ready.
#ifndef LLUDA_ENGINE_MODEL_H_
#define LLUDA_ENGINE_MODEL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files/file_cache.h"
#include "engine/device.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/grammar/token_trie.h"
#include "engine/source/model_source.h"
#include "engine/source/module_options.h"
#include "frontends/generation_config.h"
#include "frontends/tokenizer/tokenizer.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::engine {

class CheckpointWeights;
struct BundleProgram;
struct OpenedModule;

struct LoadOptions {
  std::string folder;  // as Hugging Face's tools lay it out; or a bundle's file
  // What `folder` names, if it has been opened already; the model keeps it.
  std::shared_ptr<ModelSource> source;
  // Of a bundle, these are fixed: asking for another precision or a longer context is an error.
  ModuleOptions module;
  // Instead of the imported module, and of `module`: a dump, on which the passes go on where it
  // stopped.
  std::optional<ModuleText> ir;
  // That module after all passes (open_module.h), if it is at hand; null: it is made. Only read by
  // Load.
  const OpenedModule* optimised = nullptr;
  int threads = 0;  // 0: the physical cores this process may use
  // Compiled code of earlier runs, and where new code is kept; null: none is. Only read by Load.
  const base::CodeCache* code_cache = nullptr;
  // Or an older one that the CPU has, see codegen/llvm/target.h; of a GPU, or a row of gpus.def.
  std::string isa = "host";
  // What runs the model. A bundle's code is for the device it was compiled for.
  Device device = Device::kCpu;
  bool perf = false;           // tell perf the kernels' names, see codegen/llvm/jit.h
  bool gdb = false;            // tell GDB
  bool need_tokenizer = true;  // false: a model without one is fine
  bool check_weights = false;  // of a bundle: hashes all of it, which takes a second per gigabyte
  bool force = false;          // loads also what needs more memory than there is
  bool identify = false;       // identity() will be asked for
  // Told, from the loading thread, how many bytes of the weights are packed.
  std::function<void(int64_t done, int64_t total)> progress;
};

// How long the stages of Load took, and what came of them.
struct LoadStats {
  double import_seconds = 0;  // config.json, the checkpoint's headers, the naive module
  double passes_seconds = 0;
  double compile_seconds = 0;  // LLVM
  double weights_seconds = 0;  // the load block
  double total_seconds = 0;
  int64_t kernels = 0;
  int64_t cached_kernels = 0;  // those that the code cache had
  int64_t weight_bytes = 0;    // of the checkpoint
  int64_t packed_bytes = 0;    // what the load block made of them
  // What matmuls take of activations, "exact" or "int8"; empty of a bundle, which does not say.
  std::string activations{};
};

// What decides, beside tokens and texts, which numbers a model gives: equal ones give equal bits.
struct ModelIdentity {
  std::string isa;     // the row of machine/isa.def, or of gpus.def, that the kernels were made for
  std::string module;  // SHA-256 of the final module as text, in hexadecimal digits
  std::string code;    // what made the kernels of it; of a bundle, the code's own SHA-256
  std::string weights;  // SHA-256 of the packed weights where the file has it; else empty
};

class Model {
 public:
  // Errors are one line that names the file and the field; InvalidArgument for options that do not
  // fit the model, ResourceExhausted for a model that needs more memory than there is.
  static absl::StatusOr<std::unique_ptr<Model>> Load(const LoadOptions& options);
  // The same for a bundle only: what calls nothing else links no compiler.
  static absl::StatusOr<std::unique_ptr<Model>> OpenBundle(const LoadOptions& options);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const frontends::GenerationConfig& generation_config() const { return generation_config_; }
  // Null only if LoadOptions::need_tokenizer was false and there is none.
  const tokenizer::Tokenizer* tokenizer() const { return tokenizer_ ? &*tokenizer_ : nullptr; }
  const std::string& folder() const { return source_->path(); }  // as it was loaded from
  StepResult result() const { return result_; }                  // what a step gives for a token
  int64_t context() const { return context_; }    // the most tokens a session can hold
  int64_t max_step() const { return max_step_; }  // the most tokens computed at a time
  int threads() const { return pool_->threads(); }
  const LoadStats& stats() const { return stats_; }
  // Of a model that was loaded to be identified, or of a bundle, which has it in the file.
  const ModelIdentity& identity() const { return identity_; }
  // The tokens' bytes, for constraints; made when it is asked for first. Null without a tokenizer.
  // From any thread.
  std::shared_ptr<const grammar::TokenTrie> trie() const;
  const ModelSource& source() const { return *source_; }
  // What a user should be told though it does no harm, a line each: what is in the model's files and
  // not used; that there are fewer threads than asked for.
  const std::vector<std::string>& notes() const { return notes_; }

  // How the model's makers want it sampled: generation_config.json's values, temperature 0 if it
  // turns sampling off.
  engine::SamplerOptions DefaultSampler() const;
  // The tokens that end a text by generation_config.json and config.json.
  std::vector<int32_t> StopTokens() const;

  // For sessions. One evaluation at a time, whatever the number of sessions.
  runtime::Executable* executable() { return executable_.get(); }
  // Its threads, which do other work between evaluations.
  runtime::ThreadPool* pool() { return pool_.get(); }

 private:
  // What the executable runs and reads, beside the source: compiled kernels and a reader of the
  // checkpoint, or a bundle's code.
  struct Backing {
    virtual ~Backing() = default;
  };
  struct CompiledBacking;
  struct BundleBacking;

  Model();
  // What makes a bundle's program runnable (bundle_program.h); null: this program does not.
  using BundleLoader = absl::StatusOr<BundleProgram> (*)(const bundle::Bundle& bundle,
                                                         const LoadOptions& options,
                                                         int64_t context,
                                                         runtime::ThreadPool* pool);
  static absl::StatusOr<std::unique_ptr<Model>> LoadCompiled(std::shared_ptr<ModelSource> source,
                                                             const LoadOptions& options,
                                                             BundleLoader for_gpu);
  absl::Status LoadProgram(const LoadOptions& options);
  absl::Status MakeModule(const LoadOptions& options, CheckpointWeights* weights,
                          OpenedModule* made);
  absl::Status LoadTexts(const LoadOptions& options);
  absl::Status LoadBundle(const LoadOptions& options, BundleLoader for_gpu);

  frontends::GenerationConfig generation_config_;
  std::optional<tokenizer::Tokenizer> tokenizer_;
  mutable std::once_flag trie_once_;
  mutable std::shared_ptr<const grammar::TokenTrie> trie_;
  StepResult result_ = StepResult::kLogits;
  int64_t context_ = 0;
  int64_t max_step_ = 0;
  LoadStats stats_;
  ModelIdentity identity_;
  std::vector<std::string> notes_;
  // In this order: the executable goes first, then what it runs and reads.
  std::shared_ptr<ModelSource> source_;
  std::unique_ptr<Backing> backing_;
  std::unique_ptr<runtime::ThreadPool> pool_;
  std::unique_ptr<runtime::Executable> executable_;
};

// The source that is open already, or what `open` makes of LoadOptions::folder.
absl::StatusOr<std::shared_ptr<ModelSource>> SourceOf(
    const LoadOptions& options,
    absl::StatusOr<std::shared_ptr<ModelSource>> (*open)(const std::string& path));

// What LoadOptions::threads of 0 stands for. InvalidArgument if it is out of range.
absl::StatusOr<int> ThreadsOf(const LoadOptions& options);

// The most memory this process has held at a time, in bytes.
int64_t PeakMemoryBytes();

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_MODEL_H_
