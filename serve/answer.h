// Makes an answer of what a service generates: a document at the end, or a stream as it comes. The
// same texts, token counts and reasons either way.
//
//   auto answer = std::make_shared<Answer>(call, std::move(options));
//   answer->Start(service, std::move(requests));   // one for each prompt
#ifndef LLUDA_SERVE_ANSWER_H_
#define LLUDA_SERVE_ANSWER_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/service/service.h"
#include "frontends/tokenizer/tokenizer.h"
#include "serve/api/answer/answer.h"
#include "serve/api/answer/answer_splitter.h"
#include "serve/api/error.h"
#include "serve/api/generation_request.h"
#include "serve/call.h"
#include "serve/pending.h"

namespace lluda::serve {

struct AnswerOptions {
  api::Endpoint endpoint = api::Endpoint::kChat;
  api::AnswerHead head;
  const tokenizer::Tokenizer* tokenizer = nullptr;
  api::SplitOptions split;       // of a chat; call_key is completed for each choice
  int64_t choices = 1;           // of each prompt
  std::string constraint_param;  // the field that says what texts have to be
  bool wants_logprobs = false;
  bool stream = false;
  bool include_usage = false;
  bool cached_tokens = false;
  int64_t seed = 0;
  bool keep_texts = false;  // for the log of texts
};

class Answer : public Pending, public std::enable_shared_from_this<Answer> {
 public:
  Answer(std::shared_ptr<Call> call, AnswerOptions options);

  // Hands the requests to the service, which must outlive the answer. The call is answered in any
  // case: with an error, if one of them is not taken.
  void Start(engine::Service* service, std::vector<engine::ServiceRequest> requests);

  void Abort() override;

  // For a choice of all prompts' choices, as RequestListener has them.
  void OnToken(int64_t choice, const engine::ServedToken& token);
  void OnEnd(int64_t choice, const std::string& rest, absl::StatusOr<engine::Generation> result);

 private:
  class PromptListener;
  struct ChoiceState {
    std::unique_ptr<api::AnswerSplitter> splitter;  // of a chat
    api::Choice whole;                         // of a stream, what is not sent yet: logprobs alone
    std::vector<api::TokenLogprobs> logprobs;  // of tokens that are not in `whole` or sent
    int64_t characters = 0;                    // of completions: those of tokens that were sent
    int64_t tokens = 0;
    std::string written;     // as the model wrote it, if it is kept
    bool has_begun = false;  // its first chunk was sent
    bool has_ended = false;
  };

  // All of these with the lock.
  void Take(ChoiceState* choice, api::AnswerDelta delta);
  void SendChunk(ChoiceState* choice, api::AnswerDelta delta, const std::string& finish_reason);
  void EndChoice(ChoiceState* choice, const std::string& finish_reason);
  void Finish();
  void Fail(const api::ApiError& error);
  api::Usage UsageOf() const;
  GenerationLog LogOf(const std::string& finish) const;
  void CancelAll();

  // What the client does.
  void OnClient(http::ClientEvent event);

  std::shared_ptr<Call> call_;
  AnswerOptions options_;
  engine::Service* service_ = nullptr;

  std::mutex mutex_;
  std::vector<uint64_t> ids_;  // the service's, of what it has taken
  std::vector<ChoiceState> choices_;
  int64_t prompt_tokens_ = 0;
  int64_t cached_tokens_ = 0;
  double queue_seconds_ = 0;
  std::vector<std::string> prompts_;  // if they are kept
  int64_t ended_ = 0;
  bool is_over_ = false;  // the call is answered, or the client has gone
  double first_token_ = 0;
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_ANSWER_H_
