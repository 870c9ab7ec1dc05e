// Listens, and has a handler answer the requests that come. One thread does all of it: parsing,
// limits, time-outs, sending. Neither slow clients nor many cost more than the memory of what they
// have sent and not read.
//
//   absl::StatusOr<std::unique_ptr<Server>> server = Server::Start({}, &handler);
//   LOG(INFO) << (*server)->address();   // "http://127.0.0.1:8080"
//   ...
//   (*server)->Drain();                  // no new connections; what runs goes on
//   (*server)->WaitUntilQuiet(std::chrono::seconds(30));
//
// HTTP/1.1 and 1.0, keep-alive, pipelined requests in order, chunked bodies both ways, 100-continue.
// No TLS and no HTTP/2: these are a proxy's.
#ifndef LLUDA_SERVE_HTTP_SERVER_H_
#define LLUDA_SERVE_HTTP_SERVER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "serve/http/handler.h"
#include "serve/http/server_options.h"

namespace lluda::http {

class Server {
 public:
  // The handler must outlive the server. InvalidArgument for a host that is no address or a path that
  // is too long; Unavailable, with the system's reason, where it cannot listen. Raises the process's
  // limit of open files to what the connections need, as far as the system lets it.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       Handler* handler);
  // Closes all connections.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens: "http://127.0.0.1:8080", "unix:/run/lluda.sock".
  const std::vector<std::string>& addresses() const { return addresses_; }
  int port() const { return port_; }  // of TCP; 0 without

  // Listens no more and closes connections that ask for nothing; the others behind their answer.
  void Drain();
  // Whether all answers had been sent before the time was over.
  bool WaitUntilQuiet(std::chrono::milliseconds most);

  int64_t connections() const;  // that are open

 private:
  class Loop;
  Server();

  std::unique_ptr<Loop> loop_;
  std::vector<std::string> addresses_;
  int port_ = 0;
};

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_SERVER_H_
