// The page at "/": a chat in one file, which asks no other server.
#ifndef LLUDA_SERVE_PAGE_H_
#define LLUDA_SERVE_PAGE_H_

#include "serve/http/message.h"

namespace lluda::serve {

// With a policy that lets the browser run nothing else than what the page came with.
http::Response PageResponse();

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_PAGE_H_
