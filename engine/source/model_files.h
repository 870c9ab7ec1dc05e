// What a model's folder holds, opened and checked: config.json, and the checkpoint if it is there.
//
//   absl::StatusOr<ModelFiles> files = OpenModelFiles("Qwen3-0.6B", Weights::kRequired);
//   absl::StatusOr<std::unique_ptr<ir::Module>> module = ImportModule(*files, {});
//
// Reading a module needs no weights: of a folder with config.json alone, the tensors' shapes are
// those that the config asks for.
#ifndef LLUDA_ENGINE_SOURCE_MODEL_FILES_H_
#define LLUDA_ENGINE_SOURCE_MODEL_FILES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/source/model_source.h"
#include "engine/source/module_options.h"
#include "frontends/checkpoint/checkpoint.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/decoder/description/description.h"
#include "frontends/decoder/weights/weight_table.h"
#include "ir/graph.h"

namespace lluda::engine {

struct ModelFiles {
  std::string folder;
  frontends::decoder::Decoder decoder;
  std::optional<frontends::Checkpoint> checkpoint;  // absent only with Weights::kOptional
  // What a user should be told of the folder, a line each: a head that is not tied after all,
  // tensors that are not used.
  std::vector<std::string> notes;
  // The file of importances that the checkpoint has, if it has any.
  std::string importance_path{};
};

// The checkpoint's tensors have the names that the importer looks for, and the config says whether
// the LM head is tied by what the checkpoint holds. NotFound if config.json is missing, or the
// weights where they are required; other errors as families::LoadConfig, CheckMelFormat of a model that
// hears, Checkpoint::Open, quantised::ReadScheme, quantised::AdoptQuantised and decoder::AdoptCheckpoint say.
absl::StatusOr<ModelFiles> OpenModelFiles(const std::string& folder, Weights weights);

// Adds importances to the checkpoint, if there are both. Errors as gguf::AddImportance.
absl::Status TakeImportance(const frontends::gguf::Importance* importance, ModelFiles* files);

// The notes of the files, and what is chosen by the context that the model is made for.
std::vector<std::string> NotesOf(const ModelFiles& files, int64_t context);

// What tensors the model has: the checkpoint's, or without one those that the config asks for.
// `files` must outlive the lookup.
frontends::TensorLookup TensorsOf(const ModelFiles& files);

// The model's max_position_embeddings, or 4096 if that is more.
int64_t DefaultContext(const frontends::decoder::Decoder& decoder);

// The context that `options` ask for. InvalidArgument, naming both numbers, if the model was not
// trained for that many positions.
absl::StatusOr<int64_t> ContextOf(const frontends::decoder::Decoder& decoder,
                                  const ModuleOptions& options);

// The module as the importer writes it, before any pass.
absl::StatusOr<std::unique_ptr<ir::Module>> ImportModule(const ModelFiles& files,
                                                         const ModuleOptions& options);

// Brings options to what the model can have of them: activations that no matrix of integers meets stay exact.
// A line on that, and on matrices that are not quantised to the type that was asked for, is added to
// options->notes.
absl::Status SettleOptions(const ModelFiles& files, ModuleOptions* options);

// The matrices of that module which can be quantised.
absl::StatusOr<std::vector<frontends::decoder::Matrix>> MatricesOf(const ModelFiles& files,
                                                                   const ModuleOptions& options);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_MODEL_FILES_H_
