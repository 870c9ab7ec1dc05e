#include "engine/source/gguf_source.h"

#include <filesystem>
#include <utility>

#include "base/status_macros.h"
#include "engine/source/model_files.h"
#include "frontends/gguf/chat_reader.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/gguf/model_reader.h"
#include "frontends/gguf/tokenizer_reader.h"

namespace lluda::engine {
namespace {

namespace gguf = frontends::gguf;

class GgufSource : public ModelSource {
 public:
  explicit GgufSource(gguf::GgufFile file) : ModelSource(file.path()), file_(std::move(file)) {}

  std::string name() const override {
    return std::filesystem::path(NameOfPath(path())).stem().string();
  }

  absl::StatusOr<const ModelFiles*> Files(Weights) override {
    if (files_ == nullptr) {
      ASSIGN_OR_RETURN(gguf::GgufModel model, gguf::ReadModel(file_));
      files_ = std::make_unique<ModelFiles>(ModelFiles{
          path(), std::move(model.decoder), std::move(model.checkpoint), std::move(model.notes)});
      RETURN_IF_ERROR(TakeImportance(importance(), files_.get()));
    }
    return files_.get();
  }

  absl::StatusOr<ModuleOptions> OptionsFor(const ModuleWish& wish) const override {
    return OptionsOf(wish);
  }

  absl::StatusOr<tokenizer::Tokenizer> ReadTokenizer() const override {
    return gguf::ReadTokenizer(file_);
  }

  absl::StatusOr<frontends::GenerationConfig> ReadGenerationConfig() const override {
    return gguf::ReadGenerationConfig(file_.metadata());
  }

  absl::StatusOr<tokenizer::ChatFormat> ReadChatFormat() const override {
    return gguf::ReadChatFormat(file_.metadata());
  }

  absl::StatusOr<frontends::EmbeddingFormat> ReadEmbeddingFormat() const override {
    RETURN_IF_ERROR(gguf::CheckPooling(file_.metadata()));
    return frontends::EmbeddingFormat{};
  }

 private:
  gguf::GgufFile file_;
  std::unique_ptr<ModelFiles> files_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<ModelSource>> OpenGgufSource(const std::string& path) {
  ASSIGN_OR_RETURN(gguf::GgufFile file, gguf::GgufFile::Open(path));
  return std::make_shared<GgufSource>(std::move(file));
}

}  // namespace lluda::engine
