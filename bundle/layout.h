// The first 64 bytes of a bundle, and what is said of each of its sections.
//
//   offset  bytes
//   0       8      magic: 89 'L' 'L' 'B' 0D 0A 1A 0A, which a transfer as text would change
//   8       4      format
//   12      4      zero
//   16      8      bytes of the header, which follows: bundle.Header of header.proto
//   24      8      bytes of the file
//   32      32     SHA-256 of the header
//
// All numbers are little-endian.
#ifndef LLUDA_BUNDLE_LAYOUT_H_
#define LLUDA_BUNDLE_LAYOUT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"

namespace lluda::bundle {

inline constexpr uint32_t kFormat = 8;
// An older one that is read, too: its calls bind nothing.
inline constexpr uint32_t kOldestFormat = 7;
inline constexpr uint64_t kPrefixBytes = 64;
// Sections start at multiples of this.
inline constexpr uint64_t kSectionAlignment = 4096;
inline constexpr char kLludaVersion[] = "0.1";
// What code is written for: CPUs, and NVIDIA's GPUs.
inline constexpr char kArchitecture[] = "x86_64";
inline constexpr char kGpuArchitecture[] = "nvptx64";

struct Prefix {
  uint64_t header_bytes = 0;
  uint64_t file_bytes = 0;
  base::Digest header_sha256{};
};

std::string EncodePrefix(const Prefix& prefix);

// `start` is the start of the file, or all of it, `file_bytes` its true size. InvalidArgument if it
// is no bundle or damaged; Unimplemented for another format. Messages do not name the file.
absl::StatusOr<Prefix> DecodePrefix(absl::string_view start, uint64_t file_bytes);

// Whether a file that starts so is meant as a bundle.
bool HasMagic(absl::string_view start);

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_LAYOUT_H_
