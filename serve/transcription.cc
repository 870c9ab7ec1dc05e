#include "serve/transcription.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/transcribe/asr_piece.h"
#include "engine/transcribe/asr_prompt.h"
#include "engine/transcribe/languages.h"
#include "frontends/tokenizer/turn_ends.h"
#include "media/sound_file.h"
#include "serve/api/answer/answer.h"

namespace lluda::serve {
namespace {

// Of a request's sound: 77 MB of samples and 61 MB of features.
constexpr int kMostSeconds = 20 * 60;
constexpr absl::string_view kBetweenPieces = "\n";

api::Refusal Refused(absl::string_view field, const absl::Status& status) {
  return api::ApiError{400, "invalid_value", std::string(field), std::string(status.message())};
}

// The request of a piece, but for its sound.
engine::ServiceRequest QuestionOf(const ServedModel& model,
                                  const api::TranscriptionRequest& request, int64_t seed,
                                  std::vector<int32_t> prompt) {
  engine::ServiceRequest question;
  question.prompt = std::move(prompt);
  question.options.sampler = model.sampler;
  if (request.temperature) {
    question.options.sampler.temperature = static_cast<float>(*request.temperature);
  }
  question.options.sampler.seed = static_cast<uint64_t>(seed);
  question.options.continues = false;
  question.options.stop_tokens = model.stop_tokens;
  for (const int32_t id : tokenizer::TurnEnds(model.tokenizer())) {
    question.options.stop_tokens.push_back(id);
  }
  return question;
}

}  // namespace

api::Refusal MakeTranscription(const ServedModel& model, const api::TranscriptionRequest& request,
                               int64_t seed, TranscriptionOptions* options,
                               std::vector<engine::ServiceRequest>* requests) {
  if (model.mel_bins == 0) {
    return api::ApiError{400, "unsupported_value", "model",
                         absl::StrCat("model: '", model.id, "' hears nothing")};
  }
  absl::StatusOr<std::string> language = engine::LanguageName(request.language);
  if (!language.ok()) return Refused("language", language.status());
  absl::StatusOr<std::vector<int32_t>> prompt =
      engine::AsrPrompt(model.tokenizer(), {request.prompt, *language});
  if (!prompt.ok()) return Refused("model", prompt.status());
  const auto bytes = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(request.sound.data()),
                                         request.sound.size());
  const absl::StatusOr<std::vector<float>> samples =
      media::ReadSound("file", bytes, {kMostSeconds});
  if (!samples.ok()) return Refused("file", samples.status());
  const engine::AsrRoom room = {model.service->model().context,
                                static_cast<int64_t>(prompt->size())};
  const absl::StatusOr<std::vector<media::Piece>> pieces = engine::AsrPieces(*samples, room);
  if (!pieces.ok()) {
    const absl::StatusOr<std::vector<int32_t>> shortest =
        engine::AsrPrompt(model.tokenizer(), {"", *language});
    const bool is_prompts_fault =
        shortest.ok() &&
        engine::AsrPieces(*samples, {room.context, static_cast<int64_t>(shortest->size())}).ok();
    const std::string field = is_prompts_fault ? "prompt" : "file";
    return api::ApiError{400, "context_length_exceeded", field,
                         absl::StrCat(field, ": ", pieces.status().message())};
  }
  const int32_t pad =
      *model.tokenizer().TokenToId({engine::kAudioPad.data(), engine::kAudioPad.size()});
  const auto place = std::find(prompt->begin(), prompt->end(), pad) - prompt->begin();
  options->language = *std::move(language);
  options->format = request.format;
  options->stream = request.stream;
  options->seed = seed;
  options->fingerprint = model.fingerprint;
  const engine::ServiceRequest question = QuestionOf(model, request, seed, *std::move(prompt));
  for (const media::Piece& piece : *pieces) {
    absl::StatusOr<media::LogMel> mel = engine::AsrFeatures(
        absl::MakeConstSpan(*samples).subspan(piece.begin, piece.size()), model.mel_bins);
    if (!mel.ok()) return Refused("file", mel.status());
    auto sound = std::make_shared<engine::PromptSound>();
    sound->place = place;
    sound->frames = mel->frames;
    sound->features = std::move(mel->values);
    requests->push_back(question);
    requests->back().sound = std::move(sound);
    requests->back().options.max_new_tokens = engine::MostTextTokens(piece.size());
  }
  return std::nullopt;
}

class Transcription::PieceListener : public engine::RequestListener {
 public:
  PieceListener(std::shared_ptr<Transcription> answer, size_t piece)
      : answer_(std::move(answer)), piece_(piece) {}
  void OnToken(int64_t /*choice*/, const engine::ServedToken& token) override {
    answer_->Add(piece_, token.text);
  }
  void OnEnd(int64_t /*choice*/, const std::string& rest,
             absl::StatusOr<engine::Generation> result) override {
    answer_->End(piece_, rest, std::move(result));
  }

 private:
  std::shared_ptr<Transcription> answer_;
  size_t piece_;
};

void Transcription::Start(engine::Service* service, std::vector<engine::ServiceRequest> requests) {
  service_ = service;
  for (size_t i = 0; i < requests.size(); ++i) {
    pieces_.push_back({engine::AsrAnswer(options_.language), "", {}});
    word_tokens_ += static_cast<int64_t>(requests[i].prompt.size()) - 1;
  }
  if (options_.stream) call_->PrepareStream();
  for (size_t i = 0; i < requests.size(); ++i) {
    const absl::StatusOr<uint64_t> id = service->Submit(
        std::move(requests[i]), std::make_shared<PieceListener>(shared_from_this(), i));
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!id.ok()) {
      Fail(api::ErrorOf(id.status()));
      return;
    }
    ids_.push_back(*id);
    if (is_over_) {  // another one has failed meanwhile
      service->Cancel(*id);
      return;
    }
  }
  call_->responder()->Watch([self = shared_from_this()](http::ClientEvent event) {
    const std::lock_guard<std::mutex> lock(self->mutex_);
    self->OnClient(event);
  });
}

void Transcription::OnClient(http::ClientEvent event) {
  if (is_over_) return;
  if (event == http::ClientEvent::kGone) {
    is_over_ = true;
    CancelAll();
    call_->Gone(LogOf("abort"));
    return;
  }
  for (const uint64_t id : ids_) service_->Pause(id, event == http::ClientEvent::kPause);
}

void Transcription::Abort() {
  const std::lock_guard<std::mutex> lock(mutex_);
  Fail({503, "draining", "", "the server is shutting down"});
}

void Transcription::Add(size_t piece, const std::string& text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_over_) return;
  if (first_token_ == 0) first_token_ = call_->Seconds();
  ++output_tokens_;
  Give(piece, pieces_[piece].answer.Add(text));
}

void Transcription::End(size_t piece, const std::string& rest,
                        absl::StatusOr<engine::Generation> result) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_over_) return;
  if (!result.ok()) {
    Fail(api::ErrorOf(result.status()));
    return;
  }
  if (result->finish == engine::FinishReason::kCancelled) {
    Fail({503, "draining", "", "the server is shutting down"});
    return;
  }
  Piece& ended = pieces_[piece];
  Give(piece, ended.answer.Add(rest));
  Give(piece, ended.answer.Finish());
  ended.finish = result->finish == engine::FinishReason::kStop ? "stop" : "length";
  prompt_tokens_ += result->prompt_tokens;
  if (options_.stream) StartNextPieces();
  if (++ended_ == pieces_.size()) Finish();
}

void Transcription::Give(size_t piece, std::string delta) {
  if (!options_.stream || delta.empty()) return;
  if (piece == current_) {
    Send(delta);
  } else {
    pieces_[piece].held.push_back(std::move(delta));
  }
}

void Transcription::Send(absl::string_view delta) {
  const bool is_new_line = std::exchange(begins_line_, false) && has_text_;
  has_text_ = true;
  call_->responder()->Write(api::StreamEvent(
      api::TranscriptDeltaJson(absl::StrCat(is_new_line ? kBetweenPieces : "", delta))));
}

// After the end of a piece: whose turn it is now.
void Transcription::StartNextPieces() {
  while (current_ < pieces_.size() && !pieces_[current_].finish.empty()) {
    if (++current_ == pieces_.size()) return;
    begins_line_ = true;
    for (const std::string& delta : pieces_[current_].held) Send(delta);
  }
}

GenerationLog Transcription::LogOf(const std::string& finish) const {
  GenerationLog log;
  log.prompt_tokens = prompt_tokens_;
  log.generated_tokens = output_tokens_;
  log.first_token_seconds = first_token_;
  if (output_tokens_ > 1) {
    log.token_seconds = (call_->Seconds() - first_token_) / static_cast<double>(output_tokens_ - 1);
  }
  log.seed = options_.seed;
  log.fingerprint = options_.fingerprint;
  log.finish = finish;
  return log;
}

std::string Transcription::Text(std::string* finish) const {
  std::vector<absl::string_view> texts;
  *finish = "stop";
  for (const Piece& piece : pieces_) {
    if (!piece.answer.text().empty()) texts.push_back(piece.answer.text());
    if (piece.finish != "stop") *finish = piece.finish;
  }
  return absl::StrJoin(texts, kBetweenPieces);
}

void Transcription::Finish() {
  is_over_ = true;
  std::string finish;
  const std::string text = Text(&finish);
  const api::TranscriptUsage usage = {prompt_tokens_ - word_tokens_, word_tokens_, output_tokens_};
  if (options_.stream) {
    call_->responder()->Write(
        absl::StrCat(api::StreamEvent(api::TranscriptDoneJson(text, usage)), api::kStreamEnd));
    call_->EndStream(LogOf(finish));
    return;
  }
  if (options_.format == api::TranscriptFormat::kJson) {
    call_->Respond(JsonResponse(200, api::TranscriptionJson(text, usage)), LogOf(finish));
    return;
  }
  http::Response response = {
      200,
      {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}},
      absl::StrCat(text, "\n")};
  call_->Respond(std::move(response), LogOf(finish));
}

void Transcription::Fail(const api::ApiError& error) {
  if (std::exchange(is_over_, true)) return;
  CancelAll();
  call_->AddRetryAfter(error, service_->RetryAfterSeconds());
  if (options_.stream) {
    call_->FailStream(error, api::StreamEvent(api::ErrorJson(error)), LogOf("error"));
  } else {
    call_->Refuse(error, LogOf("error"));
  }
}

void Transcription::CancelAll() {
  for (const uint64_t id : ids_) service_->Cancel(id);
}

}  // namespace lluda::serve
