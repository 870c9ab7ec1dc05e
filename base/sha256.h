// SHA-256 (FIPS 180-4), by OpenSSL's libcrypto.
//
//   Digest digest = Sha256("abc");     // ba7816bf 8f01cfea ...
//   HexOf(digest).substr(0, 8)         // "ba7816bf"
#ifndef LLUDA_BASE_SHA256_H_
#define LLUDA_BASE_SHA256_H_

#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace lluda::base {

using Digest = std::array<uint8_t, 32>;

// Of bytes that come in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  void Add(absl::string_view bytes);
  // Call once, at the end.
  Digest Finish();

 private:
  SHA256_CTX context_;
};

Digest Sha256(absl::string_view bytes);
std::string HexOf(const Digest& digest);

}  // namespace lluda::base

#endif  // LLUDA_BASE_SHA256_H_
