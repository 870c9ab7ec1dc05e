#include "engine/source/bundle_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/source/bundle_numbers.h"

namespace lluda::engine {
namespace {

class BundleSource : public ModelSource {
 public:
  explicit BundleSource(std::unique_ptr<bundle::Bundle> bundle)
      : ModelSource(bundle->path()), bundle_(std::move(bundle)) {}

  std::string name() const override { return bundle_->model().name; }
  const bundle::Bundle* bundle() const override { return bundle_.get(); }

  absl::StatusOr<const ModelFiles*> Files(Weights) override {
    return absl::InvalidArgumentError(absl::StrCat(path(), ": is compiled already"));
  }

  absl::StatusOr<ModuleOptions> OptionsFor(const ModuleWish& wish) const override {
    RETURN_IF_ERROR(CheckNumbers(*bundle_, wish.precision, wish.kv_cache, wish.result));
    if (!wish.weights.empty() || !wish.activations.empty()) return WeightsAreSettled(*bundle_);
    absl::StatusOr<ModuleOptions> options = NumbersOf(*bundle_);
    if (options.ok()) options->context = wish.context;
    return options;
  }

  absl::StatusOr<tokenizer::Tokenizer> ReadTokenizer() const override {
    return bundle_->Tokenizer();
  }

  absl::StatusOr<frontends::GenerationConfig> ReadGenerationConfig() const override {
    return bundle_->model().generation;
  }

  absl::StatusOr<tokenizer::ChatFormat> ReadChatFormat() const override {
    const std::string& problem = bundle_->model().chat_template_problem;
    if (problem.empty()) return bundle_->model().chat;
    // It has none, whatever the model's folder had: who can do without one goes on.
    return absl::NotFoundError(absl::StrCat(path(), ": when it was compiled, ", problem));
  }

 private:
  std::unique_ptr<bundle::Bundle> bundle_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<ModelSource>> OpenBundleSource(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::Open(path));
  return std::make_shared<BundleSource>(std::move(bundle));
}

}  // namespace lluda::engine
