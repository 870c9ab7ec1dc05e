// One client's connection: reads requests, has them answered in order, and sends what is said. All of
// it on the loop's thread. Belongs to its host, which it tells when it has ended.
#ifndef LLUDA_SERVE_HTTP_CONNECTION_H_
#define LLUDA_SERVE_HTTP_CONNECTION_H_

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "serve/http/handler.h"
#include "serve/http/request_parser.h"
#include "serve/http/server_options.h"

namespace lluda::http {

class Connection;

// What a connection needs of its server.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  virtual const ServerOptions& options() const = 0;
  virtual Handler* handler() = 0;
  virtual bool draining() const = 0;
  // A buffer for bytes that are looked at before the next ones are read.
  virtual uv_buf_t read_buffer() = 0;
  // A number for what the connection is to answer next, and the way to it; until EndExchange.
  virtual std::shared_ptr<Responder> BeginExchange(Connection* connection, uint64_t* exchange) = 0;
  virtual void EndExchange(uint64_t exchange) = 0;
  // Whether the connection has something to say that is not sent.
  virtual void CountBusy(int change) = 0;
  // Bytes of bodies that are held. Whether there are not too many of them in all.
  virtual bool CountBodies(int64_t change) = 0;
  // Asks for Flush before the loop waits again.
  virtual void FlushLater(Connection* connection) = 0;
  virtual void Closed(Connection* connection) = 0;
};

class Connection {
 public:
  Connection(ConnectionHost* host, std::string peer)
      : host_(host), parser_(host->options().parser) {
    set_peer(std::move(peer));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes what has come to `listener`, of TCP or of a socket in the file system. False if it cannot;
  // Closed follows all the same.
  bool Accept(uv_loop_t* loop, uv_stream_t* listener, bool is_tcp);
  // Says this and closes.
  void Refuse(const Error& error);
  void Close();
  // Closes it if it is between two requests; else it is closed behind the next answer.
  void Drain();
  void Flush();

  const std::string& peer() const { return peer_; }
  void set_peer(std::string peer) {
    parser_.set_peer(peer);
    peer_ = std::move(peer);
  }
  uv_stream_t* stream() { return &handle_.stream; }

  // As ResponseSink has them, of the exchange that is going on.
  void Respond(Response response);
  void PrepareStream(Response head, std::string ping);
  void Write(std::string piece);
  void EndStream();
  void FailStream(Response response, std::string last);
  void Watch(ClientWatcher watcher);
  void Abandon();

 private:
  enum class State : uint8_t { kReading, kAnswering, kLingering, kClosed };
  struct WriteRequest {
    uv_write_t request;
    std::string bytes;
  };

  void OnRead(ssize_t count, const char* data);
  void OnWritten(int status);
  void OnShutDown();
  void OnTimer();
  // Reads requests until one has to be answered, and keeps what stands behind it.
  void Consume(absl::string_view bytes);
  void OnHead();
  void OnRequest();
  void OnLate();  // the client took too long with its request
  void SendHead(const Response& response, bool has_length, size_t length);
  void SendPiece(absl::string_view piece);
  void FinishExchange();
  void ShutDown();
  void Gone();
  void Send(absl::string_view bytes);
  void AfterFlush();
  void StartReading();
  void SetBusy(bool busy);
  // Counts the body as it is by now; whether there is room for it.
  bool CountBody();
  void ForgetBody();
  uint64_t Now() const { return uv_now(stream_loop_); }
  void Arm();

  ConnectionHost* host_;
  std::string peer_;
  RequestParser parser_;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle_;
  uv_loop_t* stream_loop_ = nullptr;
  uv_timer_t timer_;
  uv_shutdown_t shutdown_;
  int open_handles_ = 0;

  State state_ = State::kReading;
  bool is_reading_ = false;
  bool is_busy_ = false;
  bool head_checked_ = false;
  bool keep_alive_ = false;
  bool is_http_1_0_ = false;
  bool is_head_ = false;  // the method HEAD: no body is sent
  bool has_shut_down_ = false;
  bool is_paused_ = false;
  int64_t requests_ = 0;
  int64_t body_bytes_ = 0;         // counted
  std::optional<Response> early_;  // for which the body does not matter
  std::string pending_;            // of requests behind the one that is being answered
  std::string out_;                // not handed to the system yet

  // The exchange that is going on.
  uint64_t exchange_ = 0;
  ClientWatcher watcher_;
  std::optional<Response> stream_head_;  // not sent yet
  bool is_stream_ = false;
  std::string ping_;

  // When something happens unless something else does before; 0: never.
  uint64_t deadline_ = 0;  // of the state
  uint64_t head_deadline_ = 0;
  uint64_t ping_deadline_ = 0;
  uint64_t progress_deadline_ = 0;
  size_t unsent_seen_ = 0;
  uint64_t armed_ = 0;
};

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_CONNECTION_H_
