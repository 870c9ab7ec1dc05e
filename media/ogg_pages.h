// The pages of an Ogg file (RFC 3533), by libogg, and what they say of the file as a whole. libsndfile
// steps over pages that are damaged or missing and over all streams behind the first, and says nothing.
//
//   OggPages pages(bytes);
//   ogg_page page;
//   while (pages.Next(&page)) ...
//
//   ASSIGN_OR_RETURN(std::vector<absl::Span<const std::byte>> recordings, OggRecordings(bytes));
#ifndef LLUDA_MEDIA_OGG_PAGES_H_
#define LLUDA_MEDIA_OGG_PAGES_H_

#include <ogg/ogg.h>

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace lluda::media {

// Those pages that are whole and whose checksum is right.
class OggPages {
 public:
  explicit OggPages(absl::Span<const std::byte> ogg);
  ~OggPages();
  OggPages(const OggPages&) = delete;
  OggPages& operator=(const OggPages&) = delete;

  // Whether there is one; it is valid until the next call.
  bool Next(ogg_page* page);

  size_t begin() const { return begin_; }  // of the page that Next gave, in bytes
  // Bytes that are no page, from the one before to Next's.
  size_t skipped() const { return skipped_; }

 private:
  absl::Span<const std::byte> rest_;  // what libogg has not seen
  ogg_sync_state sync_;
  size_t begin_ = 0, end_ = 0, skipped_ = 0;
};

// The recordings that the file has one behind the other, each with its own headers: one, unless the
// file is a chained one. InvalidArgument, without the file's name, if a page is damaged or missing, or
// if the file ends before a recording's samples begin. Not for a file that was cut off later: nothing
// in it says how long it was to be. Nor for pages that are missing just behind the headers: one who
// begins to listen to a station gets its headers, and then the page that is on the air.
absl::StatusOr<std::vector<absl::Span<const std::byte>>> OggRecordings(
    absl::Span<const std::byte> ogg);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_OGG_PAGES_H_
