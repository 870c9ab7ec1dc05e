// A request while a service has it, and its choices: the sequences that are being written.
#ifndef LLUDA_ENGINE_SERVICE_SERVED_REQUEST_H_
#define LLUDA_ENGINE_SERVICE_SERVED_REQUEST_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/generate/sequence.h"
#include "engine/service/chances.h"
#include "engine/service/service.h"

namespace lluda::engine {

struct ServedRequest;

struct ServedChoice {
  ServedRequest* request = nullptr;
  int64_t index = 0;
  std::unique_ptr<Sequence> sequence;
  GenerateOptions options;  // that it was made with
  // Of the step that has just run, until the listener has been told: the text that became certain by
  // each of its tokens, by the end of all, and what the model thought of the token, if there is one.
  std::vector<std::string> texts;
  std::string rest;
  TokenChances chances;
  // What the listener has been told of, and what has been counted.
  size_t reported_tokens = 0;
  int64_t accounted_tokens = 0;
  bool running = false;  // has a place in the cache
  bool paused = false;
  std::chrono::steady_clock::time_point placed, first_token, last_token;

  // Text of the token that the sequence has taken last, or of its end.
  void AddText(absl::string_view piece);
  // Looks at the row of logits that the sequence has just been fed.
  void ReadRow(absl::Span<const float> logits);
};

struct ServedRequest {
  // Status as Service::Submit's, of the request alone.
  static absl::StatusOr<std::unique_ptr<ServedRequest>> Create(
      const SequenceModel& model, const ServiceRequest& request,
      std::shared_ptr<RequestListener> listener);

  // The sound's rows are there: each choice begins anew with them in its prompt. As Sequence::Create.
  absl::Status Hear(const SequenceModel& model, const std::shared_ptr<const MediaRows>& rows);

  uint64_t id = 0;
  std::shared_ptr<RequestListener> listener;
  std::string client, prefix_key;
  std::optional<int> top_logprobs;
  std::shared_ptr<const PromptSound> sound;  // until it has become rows
  int64_t prompt_bytes = 0;                  // that its choices keep while it waits
  std::vector<std::unique_ptr<ServedChoice>> choices;
  std::chrono::steady_clock::time_point submitted = std::chrono::steady_clock::now();
  // Set by any thread.
  std::atomic<bool> cancel{false}, paused{false};
  // Of the service's thread.
  bool started = false;          // a choice has had a place in the cache, or none will
  bool prompt_computed = false;  // so the other choices find it there
  bool late = false;             // has taken longer than it may
  int64_t open_choices = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_SERVED_REQUEST_H_
