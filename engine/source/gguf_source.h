// A GGUF file as a source: model, tokenizer, chat template and sampling defaults are all in it.
#ifndef LLUDA_ENGINE_SOURCE_GGUF_SOURCE_H_
#define LLUDA_ENGINE_SOURCE_GGUF_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/source/model_source.h"

namespace lluda::engine {

// Errors as gguf::GgufFile::Open says; what the file's keys and tensors mean is read when it is
// asked.
absl::StatusOr<std::shared_ptr<ModelSource>> OpenGgufSource(const std::string& path);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_GGUF_SOURCE_H_
