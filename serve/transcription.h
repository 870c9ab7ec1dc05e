// Makes an answer of what a service writes of a sound: its pieces are heard as requests of their own,
// and joined. A stream gives the first piece's text as it comes and holds back what is heard of later
// ones until it is their turn, so its events are the same whichever piece is done first.
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
#include "absl/strings/string_view.h"
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
  bool stream = false;
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
    std::string finish;             // empty until it has ended
    std::vector<std::string> held;  // of a stream, what came before its turn
  };

  void Add(size_t piece, const std::string& text);
  void End(size_t piece, const std::string& rest, absl::StatusOr<engine::Generation> result);

  // All of these with the lock.
  void OnClient(http::ClientEvent event);
  void Give(size_t piece, std::string delta);
  void Send(absl::string_view delta);
  void StartNextPieces();
  std::string Text(std::string* finish) const;
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
  // Of a stream: the piece whose turn it is, and whether the next of its text begins a line.
  size_t current_ = 0;
  bool has_text_ = false, begins_line_ = false;
  bool is_over_ = false;  // the call is answered, or the client has gone
  double first_token_ = 0;
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_TRANSCRIPTION_H_
