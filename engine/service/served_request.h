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
  // Of the step that has just run, until the listener has been told: text that became certain, and
  // what the model thought of the token.
  std::string text;
  TokenChances chances;
  // What the listener has been told of, and what has been counted.
  size_t reported_tokens = 0;
  size_t computed_tokens = 0;
  bool running = false;  // has a place in the cache
  bool paused = false;
  std::chrono::steady_clock::time_point placed, first_token, last_token;

  // Looks at the row of logits that the sequence has just been fed.
  void ReadRow(absl::Span<const float> logits);
  // Of the sequence's tokens, those whose keys and values are in the cache.
  size_t computed() const { return sequence->tokens().size() - sequence->waiting().size(); }
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
  int64_t open_choices = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_SERVED_REQUEST_H_
