// Where a server listens and what it bears with. Times are in milliseconds.
#ifndef LLUDA_SERVE_HTTP_SERVER_OPTIONS_H_
#define LLUDA_SERVE_HTTP_SERVER_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "serve/http/request_parser.h"

namespace lluda::http {

struct ServerOptions {
  std::string host = "127.0.0.1";  // a name or an address; empty: no TCP
  int port = 8080;                 // 0: any that is free
  std::string unix_path;           // empty: no socket in the file system

  ParserLimits parser;
  size_t all_body_bytes = size_t{256} << 20;  // of all requests that are not answered yet
  uint64_t head_ms = 10'000;                  // for all headers of a request, from its first byte
  uint64_t body_ms = 30'000;                  // for its body
  uint64_t idle_ms = 75'000;                  // between two requests
  int64_t requests_per_connection = 1000;
  int64_t connections = 4096;
  int64_t connections_per_address = 1024;  // of TCP

  size_t pause_bytes = size_t{256} << 10;     // unsent, from which on the handler is told to pause
  size_t resume_bytes = size_t{64} << 10;     // and go on
  size_t unsent_bytes = size_t{8} << 20;      // of a stream, from which on it is cut off
  size_t pipelined_bytes = size_t{64} << 10;  // that are read while a request is being answered
  uint64_t progress_ms = 30'000;    // in which a client must read something of what waits for it
  uint64_t ping_ms = 5'000;         // of silence in a stream
  uint64_t stream_head_ms = 2'000;  // after which a stream's head is sent without a piece
  uint64_t linger_ms = 2'000;  // after the last byte, in which what the client sends is dropped
};

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_SERVER_OPTIONS_H_
