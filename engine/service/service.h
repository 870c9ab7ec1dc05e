// Answers many requests at once with one model: takes them from any thread, computes them side by
// side on a thread of its own, and tells each one's listener what came of every step.
//
//   class Printer : public RequestListener {
//     void OnToken(int64_t choice, const ServedToken& token) override { std::cout << token.text; }
//     void OnEnd(int64_t choice, const std::string& rest,
//                absl::StatusOr<Generation> result) override { std::cout << rest; }
//   };
//   ServiceRequest request;
//   request.prompt = tokenizer->Encode("Once upon a time");
//   request.options.max_new_tokens = 100;
//   absl::StatusOr<uint64_t> id = service->Submit(request, std::make_shared<Printer>());
//
// An answer depends on its request, the model and the seed alone, to the bit: not on the other
// requests, on when they came, or on what the cache held.
#ifndef LLUDA_ENGINE_SERVICE_SERVICE_H_
#define LLUDA_ENGINE_SERVICE_SERVICE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/generate/sequence.h"

namespace lluda::engine {

// A sound in the place of one of a prompt's tokens. It becomes rows, and the token comes as often as
// there are of them (engine/audio_encoder.h).
struct PromptSound {
  int64_t place = 0;  // of the token
  int64_t frames = 0;
  std::vector<float> features;  // [mel][frames], by media/log_mel.h
};

struct ServiceRequest {
  std::vector<int32_t> prompt;
  std::shared_ptr<const PromptSound> sound;  // null: there is none
  // `on_text`, `cancel` and `step_by_step` are the service's own. Choice i is drawn with the seed
  // options.sampler.seed + i, so that it is what that seed gives alone.
  GenerateOptions options;
  int64_t choices = 1;
  // Whether log-probabilities are wanted, and of how many of the likeliest tokens at each place: 0 to 20.
  std::optional<int> top_logprobs;
  std::string client;  // whose request it is: clients are served in turns
  std::string
      prefix_key;  // what is computed of a prompt is used again only for requests of this key
};

struct TokenChance {
  int32_t id = 0;
  double log_probability = 0;  // natural logarithm, of the model's own distribution
};

struct ServedToken {
  int32_t id = 0;
  std::string text;                    // the text that became certain by it; may be empty
  double log_probability = 0;          // where asked for
  std::vector<TokenChance> likeliest;  // the likeliest first
};

// Called on the service's thread, in the order things happen; must return soon. The calls of one
// choice are in order; OnEnd is its last.
class RequestListener {
 public:
  virtual ~RequestListener() = default;
  virtual void OnToken(int64_t choice, const ServedToken& token) = 0;
  // `rest` is text that became certain only by the end. Errors: DeadlineExceeded after too long a
  // wait in the queue; Unavailable if the service drained before it ran; ResourceExhausted if the
  // grammar of its constraint asked for more than it may; Internal if it, or the step that it was
  // part of, failed.
  virtual void OnEnd(int64_t choice, const std::string& rest,
                     absl::StatusOr<Generation> result) = 0;
};

struct ServiceStats;  // service_stats.h: counters and gauges, for /metrics

class Service {
 public:
  virtual ~Service() = default;
  // From any thread. InvalidArgument as for Sequence::Create and for choices and top_logprobs out of range,
  // FailedPrecondition for a sound if the model hears nothing;
  // OutOfRange for a prompt that leaves no room for a token, with both numbers; ResourceExhausted when the queue is
  // full; Unavailable once it drains.
  virtual absl::StatusOr<uint64_t> Submit(ServiceRequest request,
                                          std::shared_ptr<RequestListener> listener) = 0;
  // Its choices end as cancelled before the next step. Nothing for one that has ended.
  virtual void Cancel(uint64_t id) = 0;
  // A paused request keeps its place and computes nothing: its client does not read.
  virtual void Pause(uint64_t id, bool paused) = 0;
  // Takes no more; what waits in the queue ends with Unavailable; what runs goes on.
  virtual void Drain() = 0;
  virtual std::unique_ptr<ServiceStats> Stats() const = 0;
  virtual SequenceModel model() const = 0;
  // Seconds after which a place in the queue will be free, by the measured rates; at least 1.
  virtual double RetryAfterSeconds() const = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_SERVICE_H_
