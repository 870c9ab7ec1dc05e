#include "media/ogg_pages.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::media {
namespace {

constexpr size_t kBlock = 8192;  // bytes

// What the pages of one stream have said so far.
struct Stream {
  uint32_t next_page = 0;
  bool has_samples = false;  // a page behind the headers, whose granule positions are all 0
  bool ended = false;
};

// The streams that run side by side between one set of headers and the next.
class Link {
 public:
  absl::Status Add(const ogg_page& page, size_t begin) {
    Stream& stream = streams_[ogg_page_serialno(&page)];
    const auto number = static_cast<uint32_t>(ogg_page_pageno(&page));
    const bool is_header = ogg_page_granulepos(&page) == 0;
    const bool may_jump = !stream.has_samples && !is_header;
    if (number != stream.next_page && !may_jump) {
      return absl::InvalidArgumentError(absl::StrCat("is damaged: at byte ", begin,
                                                     " there is page ", number, ", not page ",
                                                     stream.next_page));
    }
    stream.next_page = number + 1;
    stream.has_samples |= !is_header;
    stream.ended |= ogg_page_eos(&page) != 0;
    has_begun_ |= ogg_page_bos(&page) == 0;
    return absl::OkStatus();
  }

  // Whether a page that begins a stream belongs to the next link: all such pages of one come first.
  bool has_begun() const { return has_begun_; }

  bool HasEnded() const {
    return std::all_of(streams_.begin(), streams_.end(),
                       [](const auto& stream) { return stream.second.ended; });
  }

  absl::Status CheckSamples() const {
    for (const auto& [serial, stream] : streams_) {
      if (stream.has_samples || stream.ended) return absl::OkStatus();
    }
    return absl::InvalidArgumentError("is truncated: it ends before its samples begin");
  }

 private:
  std::unordered_map<int, Stream> streams_;
  bool has_begun_ = false;
};

absl::Status NoPageAt(size_t byte) {
  return absl::InvalidArgumentError(absl::StrCat("is damaged: byte ", byte, " begins no Ogg page"));
}

}  // namespace

OggPages::OggPages(absl::Span<const std::byte> ogg) : rest_(ogg) { ogg_sync_init(&sync_); }

OggPages::~OggPages() { ogg_sync_clear(&sync_); }

bool OggPages::Next(ogg_page* page) {
  skipped_ = 0;
  for (;;) {
    const long found = ogg_sync_pageseek(&sync_, page);
    if (found > 0) {
      begin_ = end_;
      end_ += static_cast<size_t>(found);
      return true;
    }
    skipped_ += static_cast<size_t>(-found);
    end_ += static_cast<size_t>(-found);
    if (found < 0) continue;
    begin_ = end_;
    if (rest_.empty()) return false;
    const size_t count = std::min(rest_.size(), kBlock);
    char* buffer = ogg_sync_buffer(&sync_, kBlock);
    if (buffer == nullptr) return false;
    std::memcpy(buffer, rest_.data(), count);
    ogg_sync_wrote(&sync_, static_cast<long>(count));
    rest_.remove_prefix(count);
  }
}

absl::StatusOr<std::vector<absl::Span<const std::byte>>> OggRecordings(
    absl::Span<const std::byte> ogg) {
  std::vector<absl::Span<const std::byte>> recordings;
  OggPages pages(ogg);
  Link link;
  size_t begin = 0;
  ogg_page page;
  while (pages.Next(&page)) {
    if (pages.skipped() != 0) return NoPageAt(pages.begin() - pages.skipped());
    if (ogg_page_bos(&page) != 0 && link.has_begun()) {
      RETURN_IF_ERROR(link.CheckSamples());
      recordings.push_back(ogg.subspan(begin, pages.begin() - begin));
      begin = pages.begin();
      link = Link();
    }
    RETURN_IF_ERROR(link.Add(page, pages.begin()));
  }
  // What others append to a stream that has ended is none of it.
  if (pages.skipped() != 0 && !link.HasEnded()) return NoPageAt(pages.begin() - pages.skipped());
  RETURN_IF_ERROR(link.CheckSamples());
  recordings.push_back(ogg.subspan(begin));
  return recordings;
}

}  // namespace lluda::media
