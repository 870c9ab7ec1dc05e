#include "engine/embed/reranker.h"

#include <cmath>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"

namespace lluda::engine {
namespace {

// The words of Qwen3-Reranker's model card.
constexpr char kSystem[] =
    "Judge whether the Document meets the requirements based on the Query and the Instruct "
    "provided. Note that the answer can only be \"yes\" or \"no\".";

absl::StatusOr<int32_t> AnswerToken(const Model& model, const char* answer) {
  const std::optional<int32_t> token = model.tokenizer()->TokenToId(answer);
  if (token.has_value()) return *token;
  return absl::FailedPreconditionError(
      absl::StrCat(model.folder(), ": the tokenizer has no token '", answer,
                   "'; a reranker is a model that answers yes or no"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Reranker>> Reranker::Create(Model* model,
                                                           const tokenizer::ChatFormat& format) {
  if (model->tokenizer() == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(model->folder(), ": has no tokenizer"));
  }
  ASSIGN_OR_RETURN(const int32_t yes, AnswerToken(*model, "yes"));
  ASSIGN_OR_RETURN(const int32_t no, AnswerToken(*model, "no"));
  ASSIGN_OR_RETURN(tokenizer::ChatTemplate chat_template, tokenizer::ChatTemplate::Create(format));
  ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Session::Create(model, {}));
  std::unique_ptr<Reranker> reranker(
      new Reranker(model, std::move(chat_template), std::move(session)));
  reranker->yes_ = yes;
  reranker->no_ = no;
  return reranker;
}

absl::StatusOr<jinja::Text> Reranker::Prompt(const RerankQuery& query,
                                             const std::string& document) const {
  tokenizer::ChatOptions options;
  options.enable_thinking = false;
  return chat_template_.Render(
      {{tokenizer::ChatRole::kSystem, kSystem},
       {tokenizer::ChatRole::kUser, absl::StrCat("<Instruct>: ", query.instruction, "\n<Query>: ",
                                                 query.query, "\n<Document>: ", document)}},
      options);
}

absl::StatusOr<std::vector<double>> Reranker::Score(const RerankQuery& query) {
  std::vector<double> scores;
  for (const std::string& document : query.documents) {
    ASSIGN_OR_RETURN(const jinja::Text text, Prompt(query, document));
    // Documents share the query before them, which the session computes once.
    const absl::StatusOr<absl::Span<const float>> logits =
        session_->Evaluate(tokenizer::EncodeChat(*model_->tokenizer(), text));
    if (!logits.ok()) {
      return absl::Status(logits.status().code(), absl::StrCat("document ", scores.size() + 1, ": ",
                                                               logits.status().message()));
    }
    const double yes = (*logits)[static_cast<size_t>(yes_)];
    const double no = (*logits)[static_cast<size_t>(no_)];
    if (!std::isfinite(yes) || !std::isfinite(no)) {
      return absl::FailedPreconditionError(absl::StrCat(
          model_->folder(), ": the logits of document ", scores.size() + 1, " are not finite"));
    }
    scores.push_back(1 / (1 + std::exp(no - yes)));
  }
  return scores;
}

}  // namespace lluda::engine
