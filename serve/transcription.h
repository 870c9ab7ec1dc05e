// Makes an answer of what a service writes of a sound: its pieces are heard as requests of their own,
// and joined.
//
//   auto answer = std::make_shared<Transcription>(call, options);
//   answer->Start(service, std::move(requests));   // one for each piece
#ifndef LLUDA_SERVE_TRANSCRIPTION_H_
#define LLUDA_SERVE_TRANSCRIPTION_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/service/service.h"
#include "engine/transcribe/asr_answer.h"
#include "serve/api/error.h"
#include "serve/api/transcription_request.h"
#include "serve/call.h"
#include "serve/pending.h"
#include "serve/served_model.h"

namespace lluda::serve {

struct TranscriptionOptions {
  api::TranscriptFormat format = api::TranscriptFormat::kJson;
  std::string language;  // that the prompt names; empty: none
  int64_t seed = 0;
  std::string fingerprint;
};

// The requests of a sound, one for each piece of it that the context has room for. Decodes the file
// and computes its features, which takes a second for ten minutes of sound.
api::Refusal MakeTranscription(const ServedModel& model, const api::TranscriptionRequest& request,
                               int64_t seed, TranscriptionOptions* options,
                               std::vector<engine::ServiceRequest>* requests);

class Transcription : public Pending, public std::enable_shared_from_this<Transcription> {
 public:
  Transcription(std::shared_ptr<Call> call, TranscriptionOptions options)
      : call_(std::move(call)), options_(std::move(options)) {}

  // Hands the requests to the service, which must outlive the answer. The call is answered in any
  // case: with an error, if one of them is not taken.
  void Start(engine::Service* service, std::vector<engine::ServiceRequest> requests);

  void Abort() override;

 private:
  class PieceListener;
  struct Piece {
    engine::AsrAnswer answer;
    std::string finish;
  };

  void Add(size_t piece, const std::string& text);
  void End(size_t piece, const std::string& rest, absl::StatusOr<engine::Generation> result);

  // All of these with the lock.
  void Finish();
  void Fail(const api::ApiError& error);
  void CancelAll();
  GenerationLog LogOf(const std::string& finish) const;

  std::shared_ptr<Call> call_;
  TranscriptionOptions options_;
  engine::Service* service_ = nullptr;

  std::mutex mutex_;
  std::vector<uint64_t> ids_;  // the service's, of what it has taken
  std::vector<Piece> pieces_;
  int64_t word_tokens_ = 0;    // of the prompts, without their sounds
  int64_t prompt_tokens_ = 0;  // of the prompts of pieces that have ended, all of them
  int64_t output_tokens_ = 0;
  size_t ended_ = 0;
  bool is_over_ = false;  // the call is answered, or the client has gone
  double first_token_ = 0;
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_TRANSCRIPTION_H_
