// Texts as vectors whose dot products say how near two texts are: the hidden state of a text's last
// token after the final norm, divided by its length.
//
//   engine::LoadOptions options;
//   options.folder = "/models/Qwen3-Embedding-0.6B";
//   options.module.result = engine::StepResult::kHidden;
//   auto model = engine::Model::Load(options);
//   auto embedder = engine::Embedder::Create(model->get(), {});
//   auto vectors = (*embedder)->Embed({engine::EmbeddingTokens(*(*model)->tokenizer(), "a text")});
//   (*vectors)[0].size();   // 1024
//
// A vector is the same bits whatever other texts are embedded with it.
#ifndef LLUDA_ENGINE_EMBED_EMBEDDER_H_
#define LLUDA_ENGINE_EMBED_EMBEDDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model.h"
#include "frontends/tokenizer/tokenizer.h"

namespace lluda::engine {

// A text as an embedding model reads it, with what its tokenizer puts around one, such as the
// <|endoftext|> behind it.
std::vector<int32_t> EmbeddingTokens(const tokenizer::Tokenizer& tokenizer,
                                     const std::string& text);

struct EmbedderOptions {
  // The first so many numbers of a hidden state, as models trained for it allow; 0: all.
  int64_t dimensions = 0;
};

class Embedder {
 public:
  // `model` must outlive the embedder. FailedPrecondition for a model that was loaded or compiled
  // for logits; InvalidArgument for more dimensions than the model has.
  static absl::StatusOr<std::unique_ptr<Embedder>> Create(Model* model,
                                                          const EmbedderOptions& options);

  // A vector [dimensions] of length 1 for each text. InvalidArgument, naming the text by its place
  // from 0, for one without tokens, with more than the context holds, or with tokens that the model
  // does not know; FailedPrecondition where a hidden state has no finite length above 0.
  absl::StatusOr<std::vector<std::vector<float>>> Embed(
      absl::Span<const std::vector<int32_t>> texts);

  // What Embed says of a text alone, without saying which it is.
  absl::Status Check(absl::Span<const int32_t> text) const;

  int64_t dimensions() const { return dimensions_; }
  int64_t vocabulary() const { return vocabulary_; }  // tokens are below it

 private:
  explicit Embedder(Model* model) : model_(model) {}

  Model* model_;
  int64_t vocabulary_ = 0;
  int64_t width_ = 0;  // of a hidden state
  int64_t dimensions_ = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_EMBED_EMBEDDER_H_
