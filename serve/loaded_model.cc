#include "serve/loaded_model.h"

#include <cstdint>
#include <ctime>
#include <mutex>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/files/whole_file.h"
#include "base/json/json_writer.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "engine/embed/embedder.h"
#include "engine/service/fingerprint.h"
#include "engine/transcribe/transcriber.h"
#include "frontends/tokenizer/reader/chat_format_reader.h"

namespace lluda::serve {
namespace {

// Raised when the same tokens are written down in another way, or constraints stand elsewhere.
constexpr int kResponseRevision = 2;

}  // namespace

absl::StatusOr<LoadedOptions> LoadedOptionsOf(const engine::ModelSource& source,
                                              const std::string& name,
                                              const std::string& template_file) {
  LoadedOptions options;
  ASSIGN_OR_RETURN(options.chat_template, tokenizer::TemplateIfAny(tokenizer::WithTemplateOf(
                                              template_file, source.ReadChatFormat())));
  if (!template_file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, base::ReadInput(template_file));
    options.template_digest = base::HexOf(base::Sha256(text));
  }
  const bool is_hub_name = name.find('/') != std::string::npos && source.path() != name;
  options.id = is_hub_name ? name : source.name();
  return options;
}

absl::StatusOr<std::unique_ptr<LoadedModel>> LoadedModel::Create(
    std::unique_ptr<engine::Model> model, LoadedOptions options) {
  auto loaded = absl::WrapUnique(new LoadedModel());
  loaded->model_ = std::move(model);
  // Before the service takes the model.
  RETURN_IF_ERROR(loaded->AddFingerprint(options.template_digest));
  ServedModel& served = loaded->served_;
  served.id = std::move(options.id);
  served.aliases = std::move(options.aliases);
  served.chat_template = std::move(options.chat_template);
  served.created = static_cast<int64_t>(std::time(nullptr));
  served.sampler = loaded->model_->DefaultSampler();
  served.stop_tokens = loaded->model_->StopTokens();
  RETURN_IF_ERROR(loaded->model_->result() == engine::StepResult::kHidden
                      ? loaded->ServeVectors()
                      : loaded->ServeTexts(options));
  return loaded;
}

void LoadedModel::Drain() {
  if (service_ != nullptr) service_->Drain();
}

absl::Status LoadedModel::AddFingerprint(const std::string& template_digest) {
  ASSIGN_OR_RETURN(std::vector<engine::FingerprintPart> parts,
                   engine::FingerprintParts(model_.get()));
  parts.push_back({"response", absl::StrCat(kResponseRevision)});
  if (!template_digest.empty()) parts.push_back({"chat_template", template_digest});
  served_.fingerprint = engine::SystemFingerprint(parts);
  base::JsonWriter json;
  json.BeginObject().Key("system_fingerprint").String(served_.fingerprint);
  json.Key("parts").BeginObject();
  for (const engine::FingerprintPart& part : parts) json.Key(part.name).String(part.value);
  served_.fingerprint_json = json.EndObject().EndObject().text();
  return absl::OkStatus();
}

// Texts become vectors one request after the other, on the thread that asks.
absl::Status LoadedModel::ServeVectors() {
  engine::Model* const model = model_.get();
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Embedder> embedder,
                   engine::Embedder::Create(model, {}));
  served_.texts = {model->tokenizer(), embedder->vocabulary(), model->context()};
  served_.embed = [model, mutex = std::make_shared<std::mutex>()](
                      absl::Span<const std::vector<int32_t>> texts,
                      int64_t dimensions) -> absl::StatusOr<std::vector<std::vector<float>>> {
    const std::lock_guard<std::mutex> lock(*mutex);
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Embedder> one,
                     engine::Embedder::Create(model, {dimensions}));
    return one->Embed(texts);
  };
  return absl::OkStatus();
}

absl::Status LoadedModel::ServeTexts(const LoadedOptions& options) {
  engine::Model* const model = model_.get();
  if (engine::Transcriber::CanHear(model)) {
    ASSIGN_OR_RETURN(ears_, engine::AudioEncoder::Create(model));
    served_.mel_bins = ears_->mel_bins();
  }
  const engine::StepReads* const reads = options.reads ? &*options.reads : nullptr;
  ASSIGN_OR_RETURN(service_, engine::ServiceThread::Create({model->executable(), model->pool(),
                                                            model->tokenizer(), ears_.get(), reads},
                                                           options.service));
  served_.service = service_.get();
  served_.texts = service_->model();
  served_.trie = [model] { return model->trie(); };
  return absl::OkStatus();
}

}  // namespace lluda::serve
