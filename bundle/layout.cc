#include "bundle/layout.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lluda::bundle {
namespace {

constexpr absl::string_view kMagic("\x89LLB\r\n\x1A\n", 8);

// Far above any header, far below what would exhaust memory.
constexpr uint64_t kMostHeaderBytes = uint64_t{256} << 20;

struct RawPrefix {
  char magic[8];
  uint32_t format;
  uint32_t zero;
  uint64_t header_bytes;
  uint64_t file_bytes;
  base::Digest header_sha256;
};
static_assert(sizeof(RawPrefix) == kPrefixBytes, "layout.h has the places");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "numbers are stored as they lie in memory");

}  // namespace

std::string EncodePrefix(const Prefix& prefix) {
  RawPrefix raw{};
  std::memcpy(raw.magic, kMagic.data(), kMagic.size());
  raw.format = kFormat;
  raw.header_bytes = prefix.header_bytes;
  raw.file_bytes = prefix.file_bytes;
  raw.header_sha256 = prefix.header_sha256;
  return std::string(reinterpret_cast<const char*>(&raw), sizeof(raw));
}

bool HasMagic(absl::string_view start) { return absl::StartsWith(start, kMagic); }

absl::StatusOr<Prefix> DecodePrefix(absl::string_view start, uint64_t file_bytes) {
  if (!HasMagic(start)) return absl::InvalidArgumentError("is not a bundle of lluda");
  if (start.size() < kPrefixBytes) return absl::InvalidArgumentError("is truncated");
  RawPrefix raw;
  std::memcpy(&raw, start.data(), sizeof(raw));
  if (raw.format < kOldestFormat || raw.format > kFormat) {
    return absl::UnimplementedError(absl::StrCat("is a bundle of format ", raw.format,
                                                 ", this lluda reads formats ", kOldestFormat,
                                                 " to ", kFormat));
  }
  if (raw.file_bytes != file_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_bytes < raw.file_bytes ? "is truncated" : "is damaged", ": has ",
                     file_bytes, " bytes of ", raw.file_bytes));
  }
  if (raw.zero != 0 || raw.header_bytes > kMostHeaderBytes ||
      raw.header_bytes > file_bytes - kPrefixBytes) {
    return absl::InvalidArgumentError("is damaged: the header's size is wrong");
  }
  return Prefix{raw.header_bytes, raw.file_bytes, raw.header_sha256};
}

}  // namespace lluda::bundle
