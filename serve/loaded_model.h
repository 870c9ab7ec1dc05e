// A model with all that requests to it need, from the name that it is called by to the thread that
// writes its answers.
//
//   auto options = LoadedOptionsOf(*source, "Qwen/Qwen3-0.6B", /*template_file=*/"");
//   absl::StatusOr<std::unique_ptr<LoadedModel>> loaded = LoadedModel::Create(std::move(model), *options);
//   app->Serve(&(*loaded)->served());
#ifndef LLUDA_SERVE_LOADED_MODEL_H_
#define LLUDA_SERVE_LOADED_MODEL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/audio_encoder.h"
#include "engine/model.h"
#include "engine/service/service_thread.h"
#include "frontends/tokenizer/chat_template.h"
#include "serve/served_model.h"

namespace lluda::serve {

struct LoadedOptions {
  std::string id;
  std::vector<std::string> aliases;
  std::optional<tokenizer::ChatTemplate>
      chat_template;            // none: nobody says how conversations are written
  std::string template_digest;  // of a template that is not the model's own, in hexadecimal
  engine::ServiceOptions service;
  std::optional<engine::StepReads> reads;  // what a step reads at least, for the metrics
};

// What a model is served as: by its hub name, where `name`, as the user has it, is one, else by the
// source's; with the template of a file, "" for its own. Errors are those of the template.
absl::StatusOr<LoadedOptions> LoadedOptionsOf(const engine::ModelSource& source,
                                              const std::string& name,
                                              const std::string& template_file);

class LoadedModel {
 public:
  // The model writes texts, or makes vectors of them if its step gives the hidden state. It was loaded
  // with LoadOptions::identify. Errors of engine::ServiceThread::Create and of what the model hears by.
  static absl::StatusOr<std::unique_ptr<LoadedModel>> Create(std::unique_ptr<engine::Model> model,
                                                             LoadedOptions options);

  const ServedModel& served() const { return served_; }

  // What has begun comes to its end, and nothing new begins.
  void Drain();
  // Ends what is still being written. Nothing is asked of served() any more.
  void Stop() { service_.reset(); }

 private:
  LoadedModel() = default;

  absl::Status AddFingerprint(const std::string& template_digest);
  absl::Status ServeVectors();
  absl::Status ServeTexts(const LoadedOptions& options);

  // In the order that they depend on each other.
  std::unique_ptr<engine::Model> model_;
  std::unique_ptr<engine::AudioEncoder> ears_;  // null: it hears nothing
  std::unique_ptr<engine::ServiceThread> service_;
  ServedModel served_;
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_LOADED_MODEL_H_
