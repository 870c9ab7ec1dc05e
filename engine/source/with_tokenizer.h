// A source with the tokenizer of another folder, for a model whose own is not there or not read.
#ifndef LLUDA_ENGINE_SOURCE_WITH_TOKENIZER_H_
#define LLUDA_ENGINE_SOURCE_WITH_TOKENIZER_H_

#include <memory>
#include <string>

#include "engine/source/model_source.h"

namespace lluda::engine {

// Answers as `source` does, but for its tokenizer, which is read from `path`: a tokenizer.json, or a
// folder with one.
std::shared_ptr<ModelSource> WithTokenizer(std::shared_ptr<ModelSource> source, std::string path);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_WITH_TOKENIZER_H_
