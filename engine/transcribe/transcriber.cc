#include "engine/transcribe/transcriber.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/generate/prompt.h"
#include "engine/transcribe/asr_answer.h"
#include "engine/transcribe/asr_piece.h"
#include "frontends/tokenizer/turn_ends.h"
#include "media/sound.h"

namespace lluda::engine {
namespace {

double Seconds(size_t samples) { return static_cast<double>(samples) / media::kSampleRate; }

bool IsCancelled(const TranscribeOptions& options) {
  return options.cancel != nullptr && options.cancel->load();
}

}  // namespace

bool Transcriber::CanHear(Model* model) {
  return model->tokenizer() != nullptr && AsrPrompt(*model->tokenizer(), {}).ok() &&
         AudioEncoder::Create(model).ok();
}

absl::StatusOr<std::unique_ptr<Transcriber>> Transcriber::Create(Model* model) {
  absl::StatusOr<std::unique_ptr<AudioEncoder>> made = AudioEncoder::Create(model);
  if (absl::IsFailedPrecondition(made.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        model->folder(), " hears nothing: it has no encoder for sound, as Qwen3-ASR has"));
  }
  if (!made.ok()) return made.status();
  std::unique_ptr<AudioEncoder> encoder = *std::move(made);
  if (model->tokenizer() == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(model->folder(), ": has no tokenizer"));
  }
  if (absl::Status status = AsrPrompt(*model->tokenizer(), {}).status(); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(model->folder(), ": ", status.message()));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Session> session, Session::Create(model, {}));
  return std::unique_ptr<Transcriber>(
      new Transcriber(model, std::move(encoder), std::move(session)));
}

absl::StatusOr<TranscribedPiece> Transcriber::TranscribePiece(absl::Span<const float> samples,
                                                              const media::Piece& piece,
                                                              absl::Span<const int32_t> prompt,
                                                              const TranscribeOptions& options) {
  TranscribedPiece result;
  result.begin = Seconds(piece.begin);
  result.end = Seconds(piece.end);
  ASSIGN_OR_RETURN(const media::LogMel mel,
                   AsrFeatures(samples.subspan(piece.begin, piece.size()), encoder_->mel_bins()));
  EncodeOptions encode;
  encode.cancel = options.cancel;
  if (options.progress) {
    encode.progress = [&](int64_t done, int64_t total) {
      const double share = static_cast<double>(done) / static_cast<double>(total);
      options.progress(result.begin + share * (result.end - result.begin));
    };
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const MediaRows> rows,
                   encoder_->Encode(mel.values, mel.frames, encode));
  const tokenizer::Tokenizer& tokenizer = *model_->tokenizer();
  const int32_t pad = *tokenizer.TokenToId({kAudioPad.data(), kAudioPad.size()});
  ASSIGN_OR_RETURN(const Prompt question, PlaceMedia(prompt, pad, {std::move(rows)}));

  AsrAnswer answer(options.question.language);
  GenerateOptions generate;
  generate.max_new_tokens = MostTextTokens(piece.size());
  generate.sampler = options.sampler.value_or(model_->DefaultSampler());
  generate.stop_tokens = model_->StopTokens();
  for (const int32_t id : tokenizer::TurnEnds(tokenizer)) generate.stop_tokens.push_back(id);
  generate.continues = false;
  generate.cancel = options.cancel;
  generate.on_text = [&](absl::string_view text) {
    const std::string certain = answer.Add(text);
    return certain.empty() || !options.on_text || options.on_text(certain);
  };
  ASSIGN_OR_RETURN(const Generation generation, session_->Generate(question, generate));
  const std::string rest = answer.Finish();
  if (!rest.empty() && options.on_text) options.on_text(rest);
  result.language = answer.language();
  result.text = answer.text();
  result.finish = generation.finish;
  result.prompt_tokens = generation.prompt_tokens;
  result.text_tokens = static_cast<int64_t>(generation.tokens.size());
  return result;
}

absl::StatusOr<Transcriber::Plan> Transcriber::PlanOf(absl::Span<const float> samples,
                                                      const AsrQuestion& question) const {
  Plan plan;
  ASSIGN_OR_RETURN(plan.prompt, AsrPrompt(*model_->tokenizer(), question));
  const AsrRoom room = {session_->context(), static_cast<int64_t>(plan.prompt.size())};
  ASSIGN_OR_RETURN(plan.pieces, AsrPieces(samples, room));
  return plan;
}

absl::Status Transcriber::CheckRoom(absl::Span<const float> samples,
                                    const AsrQuestion& question) const {
  return PlanOf(samples, question).status();
}

absl::StatusOr<Transcript> Transcriber::Transcribe(absl::Span<const float> samples,
                                                   const TranscribeOptions& options) {
  ASSIGN_OR_RETURN(const Plan plan, PlanOf(samples, options.question));
  Transcript transcript;
  for (const media::Piece& piece : plan.pieces) {
    transcript.cancelled = IsCancelled(options);
    if (transcript.cancelled) return transcript;
    absl::StatusOr<TranscribedPiece> transcribed =
        TranscribePiece(samples, piece, plan.prompt, options);
    if (absl::IsCancelled(transcribed.status())) {
      transcript.cancelled = true;
      return transcript;
    }
    if (!transcribed.ok()) return transcribed.status();
    if (options.on_piece) options.on_piece(*transcribed);
    transcript.cancelled = transcribed->finish == FinishReason::kCancelled;
    transcript.pieces.push_back(*std::move(transcribed));
    if (transcript.cancelled) return transcript;
  }
  return transcript;
}

}  // namespace lluda::engine
