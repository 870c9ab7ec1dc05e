// How well documents answer a query, as a model says that was trained to answer "yes" or "no", such
// as Qwen3-Reranker: the probability of "yes" against "no" as the first token of its answer.
//
//   auto reranker = engine::Reranker::Create(model->get(), format);   // its chat format
//   auto scores = (*reranker)->Score({"What is the capital of China?", {"Beijing.", "A cat."}});
//   // 0.99, 0.0003
//
// The question is asked in the model's chat template, without thinking, in the words of
// Qwen3-Reranker's model card. Query and documents make no special tokens. A score is the same bits
// whatever other documents there are.
#ifndef LLUDA_ENGINE_EMBED_RERANKER_H_
#define LLUDA_ENGINE_EMBED_RERANKER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "engine/session.h"
#include "frontends/tokenizer/chat_format.h"
#include "frontends/tokenizer/chat_template.h"

namespace lluda::engine {

struct RerankQuery {
  std::string query;
  std::vector<std::string> documents;
  // What is asked of the documents.
  std::string instruction =
      "Given a web search query, retrieve relevant passages that answer the query";
};

class Reranker {
 public:
  // `model` must outlive the reranker. FailedPrecondition if its tokenizer has no tokens "yes" and
  // "no", or if it was loaded for embeddings; errors of the template as ChatTemplate says.
  static absl::StatusOr<std::unique_ptr<Reranker>> Create(Model* model,
                                                          const tokenizer::ChatFormat& format);

  // A score from 0 to 1 for each document, in their order. InvalidArgument, naming the document by
  // its number, from 1, for one that does not fit the context.
  absl::StatusOr<std::vector<double>> Score(const RerankQuery& query);

  // What the model is asked of one document.
  absl::StatusOr<jinja::Text> Prompt(const RerankQuery& query, const std::string& document) const;

 private:
  Reranker(Model* model, tokenizer::ChatTemplate chat_template, std::unique_ptr<Session> session)
      : model_(model), chat_template_(std::move(chat_template)), session_(std::move(session)) {}

  Model* model_;
  tokenizer::ChatTemplate chat_template_;
  std::unique_ptr<Session> session_;
  int32_t yes_ = 0;
  int32_t no_ = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_EMBED_RERANKER_H_
