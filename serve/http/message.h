// A request as it came, and a response as it goes: plain values.
//
//   if (const std::string* type = request.Find("content-type")) ...
//   Response response = {404, {{"Content-Type", "text/plain"}}, "no such page\n"};
#ifndef LLUDA_SERVE_HTTP_MESSAGE_H_
#define LLUDA_SERVE_HTTP_MESSAGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lluda::http {

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  std::string method;           // "GET"
  std::string path;             // "/v1/models": of the target, what stands before '?'
  std::string query;            // what stands behind it
  std::vector<Header> headers;  // names in lower case
  std::string body;
  std::string peer;  // the client's address without its port; "unix" of a socket in the file system
  bool keep_alive = false;  // whether the client may send another one on the same connection
  bool is_http_1_0 = false;

  // The value of the first header of this name, given in lower case; null if there is none.
  const std::string* Find(absl::string_view name) const;
};

// What the layer that speaks HTTP says for itself. `code` is one word that programs can read.
struct Error {
  int status = 0;  // 400 to 599
  std::string code;
  std::string message;
};

// Content-Length, Connection and Date are the server's to add.
struct Response {
  int status = 200;
  std::vector<Header> headers;
  std::string body;
};

// Whether the text is a name that a method or a header may have: RFC 9110, section 5.6.2.
bool IsToken(absl::string_view text);

// "Not Found" of 404.
absl::string_view ReasonPhrase(int status);

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_MESSAGE_H_
