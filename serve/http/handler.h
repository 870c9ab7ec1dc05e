// What answers the requests that a server takes. Both functions run on the loop's thread and must
// return soon: what takes longer is done elsewhere, with the responder in hand.
//
//   class Echo : public Handler {
//     std::optional<Response> CheckHead(const Request&) override { return std::nullopt; }
//     void Handle(Request request, std::shared_ptr<Responder> responder) override {
//       responder->Respond({200, {}, request.body});
//     }
//     Response ErrorResponse(const Error& error, const std::string& peer) override {
//       return {error.status, {}, error.message};
//     }
//   };
#ifndef LLUDA_SERVE_HTTP_HANDLER_H_
#define LLUDA_SERVE_HTTP_HANDLER_H_

#include <memory>
#include <optional>
#include <string>

#include "serve/http/message.h"
#include "serve/http/responder.h"

namespace lluda::http {

class Handler {
 public:
  virtual ~Handler() = default;
  // Once the head of a request is there: an answer for which its body does not matter, and is not
  // kept; or nothing, and Handle is called with the whole.
  virtual std::optional<Response> CheckHead(const Request& request) = 0;
  virtual void Handle(Request request, std::shared_ptr<Responder> responder) = 0;
  // How the server's own errors are said to that peer. Called for each of them once.
  virtual Response ErrorResponse(const Error& error, const std::string& peer) = 0;
};

}  // namespace lluda::http

#endif  // LLUDA_SERVE_HTTP_HANDLER_H_
