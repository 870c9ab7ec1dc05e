// Who may ask: keys, names of the host, pages of other sites.
//
//   absl::StatusOr<std::vector<NamedKey>> keys = ParseKeys("LLUDA_API_KEYS", "alice:s3cret-one");
//   Access access({*keys, hosts, origins});
//   AccessResult result = access.Check(request, /*needs_key=*/true);
//   if (result.refusal) ...   // else result.client says who it is
#ifndef LLUDA_SERVE_ACCESS_H_
#define LLUDA_SERVE_ACCESS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"
#include "serve/api/error.h"
#include "serve/http/message.h"

namespace lluda::serve {

// Of a key, its hash alone is kept.
struct NamedKey {
  std::string name;
  base::Digest digest;
};

// Lines, or words by commas, NAME:KEY or KEY; '#' begins a comment. InvalidArgument, naming source
// and line but never a key, for one that is shorter than 8 bytes, has other than printable ASCII, or
// whose name is there twice.
absl::StatusOr<std::vector<NamedKey>> ParseKeys(absl::string_view source, absl::string_view text);

// Keys of the file, or without one of what LLUDA_API_KEYS says, null: nothing. InvalidArgument as
// ParseKeys, and for a file that others than its owner may use or that has no key.
absl::StatusOr<std::vector<NamedKey>> ReadKeys(const std::string& file, const char* environment);

struct AccessOptions {
  std::vector<NamedKey> keys;        // none: nobody needs one
  std::vector<std::string> hosts;    // beside localhost, 127.0.0.1 and [::1]; without their ports
  std::vector<std::string> origins;  // of pages that may ask: "https://chat.example"
};

struct AccessResult {
  api::Refusal refusal;
  std::string client;       // "key:alice", "peer:127.0.0.1"
  std::string key_name;     // empty without a key
  std::string cors_origin;  // the page's, if it is another site's that may ask
};

class Access {
 public:
  explicit Access(AccessOptions options) : options_(std::move(options)) {}

  AccessResult Check(const http::Request& request, bool needs_key) const;
  bool has_keys() const { return !options_.keys.empty(); }

 private:
  api::Refusal CheckHost(const http::Request& request) const;
  api::Refusal CheckOrigin(const http::Request& request, std::string* cors_origin) const;
  api::Refusal CheckKey(const http::Request& request, std::string* name) const;

  AccessOptions options_;
};

// InvalidArgument for what is no origin that a browser could send: "https://chat.example",
// "http://[::1]:8080".
absl::Status CheckOriginText(absl::string_view origin);

// How somebody without a key is called: "peer:127.0.0.1".
std::string ClientOfPeer(absl::string_view peer);

// Whether only this machine reaches it: 127.0.0.0/8, ::1, localhost.
bool IsLoopback(absl::string_view host);

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_ACCESS_H_
