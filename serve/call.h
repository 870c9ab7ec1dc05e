// A request on its way to an answer: who asked, how the answer goes back, and what is written down
// of it. Answered once.
#ifndef LLUDA_SERVE_CALL_H_
#define LLUDA_SERVE_CALL_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "serve/api/error.h"
#include "serve/http/responder.h"
#include "serve/metrics.h"
#include "serve/request_log.h"

namespace lluda::serve {

// What calls write to; outlives them.
struct Recorder {
  Counters* counters = nullptr;
  LogFormat format = LogFormat::kOff;
  std::function<void(std::string line)> write;  // from any thread; must return soon
  // The same for lines of the log of texts; empty where there is none.
  std::function<void(std::string line)> write_text;

  // Counts it and writes its line. `route` as Counters::CountRequest has it.
  void Record(const std::string& route, const LogEntry& entry) const;
};

http::Response JsonResponse(int status, std::string body);
// With WWW-Authenticate where a key is missing.
http::Response ErrorResponse(const api::ApiError& error);

class Call {
 public:
  using Clock = std::chrono::steady_clock;

  Call(const Recorder* recorder, std::string route, LogEntry entry,
       std::shared_ptr<http::Responder> responder)
      : recorder_(recorder),
        route_(std::move(route)),
        entry_(std::move(entry)),
        responder_(std::move(responder)) {}

  // Headers of the answer, whatever it is.
  void AddHeader(std::string name, std::string value) {
    headers_.push_back({std::move(name), std::move(value)});
  }
  // Retry-After, where the error says that it will be over.
  void AddRetryAfter(const api::ApiError& error, double seconds);
  void set_id(std::string id) { entry_.id = std::move(id); }

  http::Responder* responder() { return responder_.get(); }
  double Seconds() const;  // since it came
  const Recorder& recorder() const { return *recorder_; }

  void Respond(http::Response response, std::optional<GenerationLog> generation = {});
  void Refuse(const api::ApiError& error, std::optional<GenerationLog> generation = {});

  // Streams of events. What is written goes to responder(); the end of it is told here.
  void PrepareStream();
  void EndStream(GenerationLog generation);
  // Ends it with an error: a response, if nothing has been sent, else `last`.
  void FailStream(const api::ApiError& error, std::string last, GenerationLog generation);
  // The client has gone.
  void Gone(GenerationLog generation);

 private:
  void Record(int status, std::string code, std::optional<GenerationLog> generation);
  http::Response WithHeaders(http::Response response) const;

  const Recorder* recorder_;
  std::string route_;
  LogEntry entry_;
  std::shared_ptr<http::Responder> responder_;
  std::vector<http::Header> headers_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_CALL_H_
