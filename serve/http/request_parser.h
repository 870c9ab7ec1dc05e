// Reads one request after another from the bytes of a connection. Strict: what two servers could
// read in two ways is refused, as is all that is beyond the limits.
//
//   RequestParser parser({});
//   size_t taken = parser.Feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET ");
//   parser.state();         // kHead: Feed stops behind the head, so that it can be looked at
//   taken += parser.Feed("hiGET ");   // and behind the request: it took 2
//   parser.state();         // kComplete
//   Request request = parser.Take();  // from here on, the next one
//
// llhttp parses, in its strict mode. Beyond that, refused are: line ends other than CRLF, control
// characters, folded headers, empty names, a request line that is not METHOD /PATH HTTP/1.0 or 1.1,
// a missing or second Host, a Transfer-Encoding other than chunked, an Expect other than
// 100-continue.
#ifndef LLUDA_SERVE_HTTP_REQUEST_PARSER_H_
#define LLUDA_SERVE_HTTP_REQUEST_PARSER_H_

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "serve/http/message.h"

namespace lluda::http {

struct ParserLimits {
  size_t head_bytes = size_t{16} << 10;  // request line and headers
  size_t headers = 100;
  size_t body_bytes = size_t{8} << 20;  // what it holds, however it is sent
};

class RequestParser {
 public:
  enum class State : uint8_t {
    kIdle,      // nothing of a request is there
    kReading,   // a part of its head, or of its body
    kHead,      // its head is there, and more of it is to come
    kComplete,  // all of it
    kFailed,    // it cannot be read, and nothing that follows
  };

  explicit RequestParser(const ParserLimits& limits);
  // Whose requests it reads; they say so from their beginning.
  void set_peer(std::string peer);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes bytes up to the next place where the state is one of the last three; how many. None once
  // it is complete or has failed. At least one otherwise, of one or more.
  size_t Feed(absl::string_view bytes);

  State state() const { return state_; }
  bool in_body() const { return head_done_ && state_ != State::kComplete; }
  // Of a request whose head is there: what it says so far.
  const Request& request() const { return request_; }
  // Whether the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }
  // Whether what there is of a request asks for a head alone, even if it cannot be read.
  bool is_head_request() const;
  const Error& error() const { return error_; }

  // The body is read to its end, but not kept.
  void DropBody() { drop_body_ = true; }

  // Of a complete request; the parser is then idle.
  Request Take();

 private:
  static llhttp_settings_t Settings();
  static int OnHeaderField(llhttp_t* llhttp, const char* at, size_t length);
  static int OnHeaderValue(llhttp_t* llhttp, const char* at, size_t length);
  static int OnHeadersComplete(llhttp_t* llhttp);
  static int OnChunkHeader(llhttp_t* llhttp);
  static int OnBody(llhttp_t* llhttp, const char* at, size_t length);
  static int OnComplete(llhttp_t* llhttp);
  static RequestParser* Self(llhttp_t* llhttp) { return static_cast<RequestParser*>(llhttp->data); }

  void Reset();
  size_t FeedHead(absl::string_view bytes);
  size_t FeedBody(absl::string_view bytes);
  // False, with error_, for a byte that may not stand there.
  bool TakeHeadByte(char byte);
  bool CheckRequestLine();
  bool CheckHeaderLine(absl::string_view line);
  bool ParseHead();
  bool CheckHeaders();
  // Whether so many bytes may come behind those of the body that came.
  bool HasRoomFor(uint64_t bytes);
  bool Fail(int status, absl::string_view code, absl::string_view message);
  bool Refuse(absl::string_view message) { return Fail(400, "invalid_http", message); }

  ParserLimits limits_;
  std::string peer_;
  llhttp_settings_t settings_;
  llhttp_t llhttp_;
  State state_ = State::kIdle;
  std::string head_;       // as it came
  size_t line_start_ = 0;  // in head_
  size_t lines_ = 0;       // complete ones
  size_t skipped_ = 0;     // empty lines before it
  bool head_done_ = false;
  bool expects_continue_ = false;
  bool drop_body_ = false;
  uint64_t body_bytes_ = 0;  // of it, those that came
  uint64_t raw_bytes_ = 0;   // with what chunks are wrapped in
  Request request_;
  Error error_;
};

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_REQUEST_PARSER_H_
