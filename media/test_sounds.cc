#include "media/test_sounds.h"

#include <glog/logging.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lluda::media {
namespace {

constexpr double kPi = 3.14159265358979323846;

// A file that grows in memory, as libsndfile wants to write it.
struct Writer {
  std::string bytes;
  sf_count_t at = 0;

  sf_count_t size() const { return static_cast<sf_count_t>(bytes.size()); }
};

sf_count_t Length(void* data) { return static_cast<Writer*>(data)->size(); }

sf_count_t Seek(sf_count_t offset, int whence, void* data) {
  auto* writer = static_cast<Writer*>(data);
  const sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? writer->at : writer->size();
  return writer->at = from + offset;
}

sf_count_t Read(void* out, sf_count_t count, void* data) {
  auto* writer = static_cast<Writer*>(data);
  count = std::clamp<sf_count_t>(count, 0, writer->size() - writer->at);
  std::memcpy(out, writer->bytes.data() + writer->at, static_cast<size_t>(count));
  writer->at += count;
  return count;
}

sf_count_t Write(const void* bytes, sf_count_t count, void* data) {
  auto* writer = static_cast<Writer*>(data);
  writer->bytes.resize(static_cast<size_t>(std::max(writer->size(), writer->at + count)));
  std::memcpy(writer->bytes.data() + writer->at, bytes, static_cast<size_t>(count));
  writer->at += count;
  return count;
}

sf_count_t Tell(void* data) { return static_cast<Writer*>(data)->at; }

int FormatOf(Encoding encoding) {
  switch (encoding) {
    case Encoding::kWav16:
      return SF_FORMAT_WAV | SF_FORMAT_PCM_16;
    case Encoding::kWavFloat:
      return SF_FORMAT_WAV | SF_FORMAT_FLOAT;
    case Encoding::kWavMulaw:
      return SF_FORMAT_WAV | SF_FORMAT_ULAW;
    case Encoding::kFlac:
      return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    case Encoding::kVorbis:
      return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
    case Encoding::kOpus:
      return SF_FORMAT_OGG | SF_FORMAT_OPUS;
    case Encoding::kMp3:
      return SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
  }
  return 0;
}

}  // namespace

std::vector<float> Tone(double hertz, int rate, double seconds, double loudness) {
  std::vector<float> samples(static_cast<size_t>(std::lround(rate * seconds)));
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<float>(loudness * std::sin(2 * kPi * hertz * i / rate));
  }
  return samples;
}

std::string EncodedSound(const FileShape& shape, absl::Span<const float> mono) {
  Writer writer;
  SF_VIRTUAL_IO io = {Length, Seek, Read, Write, Tell};
  SF_INFO info = {};
  info.samplerate = shape.rate;
  info.channels = shape.channels;
  info.format = FormatOf(shape.encoding);
  SNDFILE* file = sf_open_virtual(&io, SFM_WRITE, &info, &writer);
  CHECK(file != nullptr) << sf_strerror(nullptr);
  std::vector<float> frames;
  for (const float sample : mono) {
    frames.insert(frames.end(), static_cast<size_t>(shape.channels), sample);
  }
  const auto count = static_cast<sf_count_t>(mono.size());
  CHECK_EQ(sf_writef_float(file, frames.data(), count), count);
  CHECK_EQ(sf_close(file), 0);
  return writer.bytes;
}

}  // namespace lluda::media
