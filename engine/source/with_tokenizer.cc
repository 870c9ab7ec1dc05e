#include "engine/source/with_tokenizer.h"

#include <utility>

namespace lluda::engine {
namespace {

class TokenizerSource : public ModelSource {
 public:
  TokenizerSource(std::shared_ptr<ModelSource> source, std::string tokenizer)
      : ModelSource(source->path()), source_(std::move(source)), tokenizer_(std::move(tokenizer)) {}

  std::string name() const override { return source_->name(); }
  const bundle::Bundle* bundle() const override { return source_->bundle(); }
  absl::StatusOr<const ModelFiles*> Files(Weights weights) override {
    return source_->Files(weights);
  }
  void UseImportance(std::shared_ptr<const frontends::gguf::Importance> importance) override {
    source_->UseImportance(std::move(importance));
  }
  absl::StatusOr<ModuleOptions> OptionsFor(const ModuleWish& wish) const override {
    return source_->OptionsFor(wish);
  }
  absl::StatusOr<tokenizer::Tokenizer> ReadTokenizer() const override {
    return tokenizer::Tokenizer::Load(tokenizer_);
  }
  absl::StatusOr<frontends::GenerationConfig> ReadGenerationConfig() const override {
    return source_->ReadGenerationConfig();
  }
  absl::StatusOr<tokenizer::ChatFormat> ReadChatFormat() const override {
    return source_->ReadChatFormat();
  }

  absl::StatusOr<frontends::EmbeddingFormat> ReadEmbeddingFormat() const override {
    return source_->ReadEmbeddingFormat();
  }

 private:
  std::shared_ptr<ModelSource> source_;
  std::string tokenizer_;
};

}  // namespace

std::shared_ptr<ModelSource> WithTokenizer(std::shared_ptr<ModelSource> source, std::string path) {
  return std::make_shared<TokenizerSource>(std::move(source), std::move(path));
}

}  // namespace lluda::engine
