#include "media/vorbis_headers.h"

#include <ogg/ogg.h>
#include <vorbis/codec.h>

#include <cstring>

#include "media/ogg_pages.h"

namespace lluda::media {
namespace {

constexpr int kHeaders = 3;  // what it is, comments, codebooks

// The packets of the first stream of an Ogg file, one after the other.
class Packets {
 public:
  explicit Packets(absl::Span<const std::byte> ogg) : pages_(ogg) {}
  ~Packets() {
    if (has_stream_) ogg_stream_clear(&stream_);
  }
  Packets(const Packets&) = delete;
  Packets& operator=(const Packets&) = delete;

  // Whether there was one; it is valid until the next call.
  bool Next(ogg_packet* packet) {
    for (;;) {
      const int found = has_stream_ ? ogg_stream_packetout(&stream_, packet) : 0;
      if (found != 0) return found == 1;
      ogg_page page;
      if (!pages_.Next(&page)) return false;
      if (!has_stream_) {
        if (ogg_stream_init(&stream_, ogg_page_serialno(&page)) != 0) return false;
        has_stream_ = true;
      }
      ogg_stream_pagein(&stream_, &page);  // not of other streams' pages
    }
  }

 private:
  OggPages pages_;
  ogg_stream_state stream_;
  bool has_stream_ = false;
};

// What libvorbis makes of headers.
struct Headers {
  vorbis_info info;
  vorbis_comment comment;
  Headers() {
    vorbis_info_init(&info);
    vorbis_comment_init(&comment);
  }
  ~Headers() {
    vorbis_comment_clear(&comment);
    vorbis_info_clear(&info);
  }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
};

bool IsVorbis(const ogg_packet& packet) {
  constexpr char kMagic[] = "\1vorbis";
  constexpr size_t kLength = sizeof(kMagic) - 1;
  return packet.bytes >= static_cast<long>(kLength) &&
         std::memcmp(packet.packet, kMagic, kLength) == 0;
}

}  // namespace

bool VorbisHeadersAreRead(absl::Span<const std::byte> ogg) {
  Packets packets(ogg);
  Headers headers;
  for (int i = 0; i < kHeaders; ++i) {
    ogg_packet packet;
    const bool is_there = packets.Next(&packet);
    if (i == 0 && (!is_there || !IsVorbis(packet))) return true;
    if (!is_there) return false;
    if (vorbis_synthesis_headerin(&headers.info, &headers.comment, &packet) != 0) return false;
  }
  return true;
}

}  // namespace lluda::media
