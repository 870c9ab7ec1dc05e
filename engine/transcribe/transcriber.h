// Speech to text with a model that hears, Qwen3-ASR.
//
//   auto model = engine::Model::Load(options);
//   auto transcriber = engine::Transcriber::Create(model->get());
//   auto sound = media::ReadSoundFile("talk.mp3", {});
//   auto transcript = (*transcriber)->Transcribe(*sound, {});
//   transcript->Text();       // "Hello there."
//   transcript->Language();   // "English"
//
// A long sound is heard in pieces, cut at quiet places (asr_piece.h), each on its own: the text of a
// piece depends on the piece, the options and the model alone. The model gives no times; those here
// are where pieces were cut.
#ifndef LLUDA_ENGINE_TRANSCRIBE_TRANSCRIBER_H_
#define LLUDA_ENGINE_TRANSCRIBE_TRANSCRIBER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/audio_encoder.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/generate/text_output.h"
#include "engine/model.h"
#include "engine/session.h"
#include "engine/transcribe/asr_prompt.h"
#include "engine/transcribe/transcript.h"
#include "media/pieces.h"

namespace lluda::engine {

struct TranscribeOptions {
  AsrQuestion question;                   // its language as LanguageName has it
  std::optional<SamplerOptions> sampler;  // unset: as the model's files say
  // Called with what is certain of the text, piece after piece. False ends it. May be empty.
  TextSink on_text;
  // Called with each piece that is complete, or as far as it came. May be empty.
  std::function<void(const TranscribedPiece& piece)> on_piece;
  // How many seconds of the sound have been heard. May be empty.
  std::function<void(double seconds)> progress;
  // Looked at every few seconds of sound and before each token. May be null.
  const std::atomic<bool>* cancel = nullptr;
};

class Transcriber {
 public:
  // Whether the model hears, and its tokenizer can ask it.
  static bool CanHear(Model* model);

  // `model` must outlive it. FailedPrecondition, naming the model, for one that hears nothing, and as
  // Session::Create and AsrPrompt say.
  static absl::StatusOr<std::unique_ptr<Transcriber>> Create(Model* model);

  // Whether Transcribe could begin with them: its errors but for those of what it computes.
  absl::Status CheckRoom(absl::Span<const float> samples, const AsrQuestion& question) const;

  // `samples` are of 16 kHz, one channel, at least one. What was transcribed until then, if it is
  // cancelled. InvalidArgument as AsrPieces says and for bad sampler options; other errors as
  // AudioEncoder::Encode and Session::Generate have them.
  absl::StatusOr<Transcript> Transcribe(absl::Span<const float> samples,
                                        const TranscribeOptions& options);

 private:
  Transcriber(Model* model, std::unique_ptr<AudioEncoder> encoder, std::unique_ptr<Session> session)
      : model_(model), encoder_(std::move(encoder)), session_(std::move(session)) {}

  struct Plan {
    std::vector<int32_t> prompt;  // of each piece
    std::vector<media::Piece> pieces;
  };
  absl::StatusOr<Plan> PlanOf(absl::Span<const float> samples, const AsrQuestion& question) const;

  // Of one piece; Cancelled if that came before there was any text.
  absl::StatusOr<TranscribedPiece> TranscribePiece(absl::Span<const float> samples,
                                                   const media::Piece& piece,
                                                   absl::Span<const int32_t> prompt,
                                                   const TranscribeOptions& options);

  Model* model_;
  std::unique_ptr<AudioEncoder> encoder_;
  std::unique_ptr<Session> session_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_TRANSCRIBE_TRANSCRIBER_H_
