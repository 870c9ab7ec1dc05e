// The interface of libcrypto that newer versions advise against is the one that does not bring in
// all of its algorithms and their configuration.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include "absl/strings/escaping.h"

namespace lluda::base {

Sha256Stream::Sha256Stream() { SHA256_Init(&context_); }

void Sha256Stream::Add(absl::string_view bytes) {
  SHA256_Update(&context_, bytes.data(), bytes.size());
}

Digest Sha256Stream::Finish() {
  Digest digest;
  SHA256_Final(digest.data(), &context_);
  return digest;
}

Digest Sha256(absl::string_view bytes) {
  Sha256Stream stream;
  stream.Add(bytes);
  return stream.Finish();
}

std::string HexOf(const Digest& digest) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace lluda::base
