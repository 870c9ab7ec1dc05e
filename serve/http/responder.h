// The way back to the client of one request. May be used from any thread, until it has been answered
// or the client has gone: what is said then is dropped. A request whose responder is destroyed
// unanswered gets an answer of status 500.
//
//   responder->Respond({200, {{"Content-Type", "text/plain"}}, "hello\n"});
// or
//   responder->Watch([service, id](ClientEvent event) { ... });
//   responder->PrepareStream({200, {{"Content-Type", "text/event-stream"}}}, ": ping\n\n");
//   responder->Write("data: 1\n\n");
//   responder->EndStream();
#ifndef LLUDA_SERVE_HTTP_RESPONDER_H_
#define LLUDA_SERVE_HTTP_RESPONDER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "serve/http/loop_queue.h"
#include "serve/http/message.h"

namespace lluda::http {

enum class ClientEvent : uint8_t {
  kGone,    // it has closed the connection; the last one
  kPause,   // it does not read: too much is waiting to be sent
  kResume,  // it reads again
};

// Runs on the loop's thread; must return soon.
using ClientWatcher = std::function<void(ClientEvent event)>;

// What a connection does with what a responder says; on the loop's thread.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual void Respond(uint64_t exchange, Response response) = 0;
  virtual void PrepareStream(uint64_t exchange, Response head, std::string ping) = 0;
  virtual void Write(uint64_t exchange, std::string piece) = 0;
  virtual void EndStream(uint64_t exchange) = 0;
  virtual void FailStream(uint64_t exchange, Response response, std::string last) = 0;
  virtual void Watch(uint64_t exchange, ClientWatcher watcher) = 0;
  virtual void Abandon(uint64_t exchange) = 0;
};

class Responder {
 public:
  // The sink must stay until the queue is closed.
  Responder(std::shared_ptr<LoopQueue> queue, ResponseSink* sink, uint64_t exchange)
      : queue_(std::move(queue)), sink_(sink), exchange_(exchange) {}
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // The whole answer.
  void Respond(Response response);

  // The answer is a stream. Its head is sent with the first piece, or when the time that the
  // server's options give has gone by without one; `ping` each time that nothing was sent for long.
  void PrepareStream(Response head, std::string ping);
  void Write(std::string piece);
  void EndStream();
  // Ends what cannot go on: with `response` while the head has not been sent, else with `last` as the
  // last piece; then the connection is closed.
  void FailStream(Response response, std::string last);

  // Tells `watcher` of the client, from now on; at once if it has gone already.
  void Watch(ClientWatcher watcher);

 private:
  std::shared_ptr<LoopQueue> queue_;
  ResponseSink* sink_;
  uint64_t exchange_;
  std::atomic<bool> answered_{false};
};

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_RESPONDER_H_
