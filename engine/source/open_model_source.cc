#include "engine/source/open_model_source.h"

#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "engine/source/bundle_source.h"
#include "engine/source/gguf_source.h"
#include "engine/source/model_files.h"
#include "frontends/gguf/file/gguf_file.h"
#include "frontends/tokenizer/reader/chat_format_reader.h"

namespace lluda::engine {
namespace {

class FolderSource : public ModelSource {
 public:
  explicit FolderSource(const std::string& path) : ModelSource(path) {}

  std::string name() const override { return NameOfPath(path()); }

  absl::StatusOr<const ModelFiles*> Files(Weights weights) override {
    const bool is_open =
        files_ != nullptr && (weights == Weights::kOptional || files_->checkpoint.has_value());
    if (!is_open) {
      ASSIGN_OR_RETURN(ModelFiles files, OpenModelFiles(path(), weights));
      RETURN_IF_ERROR(TakeImportance(importance(), &files));
      files_ = std::make_unique<ModelFiles>(std::move(files));
    }
    return files_.get();
  }

  absl::StatusOr<ModuleOptions> OptionsFor(const ModuleWish& wish) const override {
    return OptionsOf(wish);
  }

  absl::StatusOr<tokenizer::Tokenizer> ReadTokenizer() const override {
    return tokenizer::Tokenizer::Load(path());
  }

  absl::StatusOr<frontends::GenerationConfig> ReadGenerationConfig() const override {
    return frontends::LoadGenerationConfig(path());
  }

  absl::StatusOr<tokenizer::ChatFormat> ReadChatFormat() const override {
    return tokenizer::ReadChatFormat(path());
  }

  absl::StatusOr<frontends::EmbeddingFormat> ReadEmbeddingFormat() const override {
    return frontends::ReadEmbeddingFormat(path());
  }

 private:
  std::unique_ptr<ModelFiles> files_;
};

absl::StatusOr<std::shared_ptr<ModelSource>> OpenFolderSource(const std::string& path) {
  return std::make_shared<FolderSource>(path);
}

struct Format {
  absl::string_view name;
  bool (*looks)(const std::string& path);
  absl::StatusOr<std::shared_ptr<ModelSource>> (*open)(const std::string& path);
};

// The first that looks right is opened; what is no file of a known format is a folder.
constexpr Format kFormats[] = {
    {"bundle", bundle::Bundle::Looks, OpenBundleSource},
    {"GGUF file", frontends::gguf::GgufFile::Looks, OpenGgufSource},
    {"", [](const std::string&) { return true; }, OpenFolderSource},
};

const Format& FormatOf(const std::string& path) {
  const Format* format = kFormats;
  while (!format->looks(path)) ++format;
  return *format;
}

}  // namespace

absl::string_view FileFormat(const std::string& path) { return FormatOf(path).name; }

absl::StatusOr<std::shared_ptr<ModelSource>> OpenModelSource(const std::string& path) {
  return FormatOf(path).open(path);
}

}  // namespace lluda::engine
