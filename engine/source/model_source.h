// What the user named: a folder as Hugging Face's tools lay it out, a bundle, a GGUF file. It is
// opened once, and everyone who has a question asks it: what is compiled, what it may be
// compiled for, its tokenizer, its defaults.
//
//   absl::StatusOr<std::shared_ptr<ModelSource>> source = OpenModelSource("/models/Qwen3-0.6B");
//   (*source)->name();                                        // "Qwen3-0.6B"
//   absl::StatusOr<ModuleOptions> options = (*source)->OptionsFor({"f32", "", 4096});
//   absl::StatusOr<tokenizer::Tokenizer> tokenizer = (*source)->ReadTokenizer();
//
// A format is a class with these answers and a row in open_model_source.cc.
#ifndef LLUDA_ENGINE_SOURCE_MODEL_SOURCE_H_
#define LLUDA_ENGINE_SOURCE_MODEL_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bundle/reader.h"
#include "engine/source/module_options.h"
#include "frontends/embedding_format.h"
#include "frontends/generation_config.h"
#include "frontends/tokenizer/chat_format.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::frontends::gguf {
struct Importance;
}  // namespace lluda::frontends::gguf

namespace lluda::engine {

struct ModelFiles;
enum class Weights : uint8_t { kRequired, kOptional };

// What a user asks a model to be compiled for. Empty names and 0 ask for nothing.
struct ModuleWish {
  std::string precision = {};  // "bf16" or "f32"
  std::string kv_cache = {};   // "int8", or the precision's own name
  int64_t context = 0;
  std::string result = {};       // "logits" or "hidden"
  std::string weights = {};      // a block dtype to quantise to
  std::string activations = {};  // "exact" or "int8"
};

// The same as options of a model that is still to be compiled. InvalidArgument for unknown names.
absl::StatusOr<ModuleOptions> OptionsOf(const ModuleWish& wish);

class ModelSource {
 public:
  virtual ~ModelSource() = default;
  ModelSource(const ModelSource&) = delete;
  ModelSource& operator=(const ModelSource&) = delete;

  // As it was named, and as errors call it.
  const std::string& path() const { return path_; }
  // What people call the model: "Qwen3-0.6B".
  virtual std::string name() const = 0;

  // Of a model that is compiled already, its file; else null.
  virtual const bundle::Bundle* bundle() const { return nullptr; }
  // Config and checkpoint of a model that is still to be compiled, opened at the first call; they
  // live as long as the source. InvalidArgument for a model that is compiled already, other errors
  // as OpenModelFiles says.
  virtual absl::StatusOr<const ModelFiles*> Files(Weights weights) = 0;

  // Before the first call of Files: its checkpoint has the importances of its matrices' columns, too
  // (frontends/gguf/importance.h), for what is quantised.
  virtual void UseImportance(std::shared_ptr<const frontends::gguf::Importance> importance) {
    importance_ = std::move(importance);
  }

  // What the module is, or will be, compiled for. InvalidArgument for unknown names, and for others
  // than a model that is compiled already was compiled for.
  virtual absl::StatusOr<ModuleOptions> OptionsFor(const ModuleWish& wish) const = 0;

  // NotFound if there is none. It may read from the source, which has to outlive it.
  virtual absl::StatusOr<tokenizer::Tokenizer> ReadTokenizer() const = 0;
  virtual absl::StatusOr<frontends::GenerationConfig> ReadGenerationConfig() const = 0;
  // How conversations are written for the model. NotFound if its files do not say.
  virtual absl::StatusOr<tokenizer::ChatFormat> ReadChatFormat() const = 0;
  // How texts are embedded, by default without prompts. Unimplemented if the files ask for another
  // vector than what lluda computes.
  virtual absl::StatusOr<frontends::EmbeddingFormat> ReadEmbeddingFormat() const {
    return frontends::EmbeddingFormat{};
  }

 protected:
  explicit ModelSource(std::string path) : path_(std::move(path)) {}

  // Null: there are none.
  const frontends::gguf::Importance* importance() const { return importance_.get(); }

 private:
  std::string path_;
  std::shared_ptr<const frontends::gguf::Importance> importance_;
};

// The last part of a path that names something: "Qwen3-0.6B" of "/models/Qwen3-0.6B/".
std::string NameOfPath(const std::string& path);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_MODEL_SOURCE_H_
