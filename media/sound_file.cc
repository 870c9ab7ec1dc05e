#include "media/sound_file.h"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/files/mapped_file.h"
#include "base/status_macros.h"
#include "media/resampler.h"
#include "media/sound_format.h"
#include "media/vorbis_headers.h"

namespace lluda::media {
namespace {

constexpr int kLowestRate = 4000, kHighestRate = 768'000;  // Hz
constexpr int kMostChannels = 32;
constexpr int64_t kFramesAtATime = 4096;
// A float file may hold anything. What is louder than integers of 32 bits taken for samples is noise
// in the file, and would overflow while it is resampled.
constexpr float kLoudest = 4294967296.0f;

// A file in memory, as libsndfile wants to read it.
struct Reader {
  absl::Span<const std::byte> bytes;
  sf_count_t at = 0;

  sf_count_t size() const { return static_cast<sf_count_t>(bytes.size()); }
};

sf_count_t Length(void* data) { return static_cast<Reader*>(data)->size(); }

sf_count_t Seek(sf_count_t offset, int whence, void* data) {
  auto* reader = static_cast<Reader*>(data);
  const sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? reader->at : reader->size();
  sf_count_t to = 0;
  if (__builtin_add_overflow(from, offset, &to) || to < 0 || to > reader->size()) return -1;
  return reader->at = to;
}

sf_count_t Read(void* out, sf_count_t count, void* data) {
  auto* reader = static_cast<Reader*>(data);
  count = std::clamp<sf_count_t>(count, 0, reader->size() - reader->at);
  if (count > 0) std::memcpy(out, reader->bytes.data() + reader->at, static_cast<size_t>(count));
  reader->at += count;
  return count;
}

sf_count_t Write(const void* /*data*/, sf_count_t /*count*/, void* /*reader*/) { return 0; }

sf_count_t Tell(void* data) { return static_cast<Reader*>(data)->at; }

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

std::string Clock(int64_t seconds) {
  return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

absl::Status CheckHeader(const SF_INFO& info, const SoundLimits& limits) {
  if (info.channels < 1 || info.channels > kMostChannels) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", info.channels, " channels; 1 to ", kMostChannels, " are read"));
  }
  if (info.samplerate < kLowestRate || info.samplerate > kHighestRate) {
    return absl::InvalidArgumentError(absl::StrCat("has a rate of ", info.samplerate, " Hz; ",
                                                   kLowestRate, " to ", kHighestRate, " are read"));
  }
  if (info.frames != SF_COUNT_MAX && info.frames / info.samplerate >= limits.seconds) {
    return absl::InvalidArgumentError(absl::StrCat("is ", Clock(info.frames / info.samplerate),
                                                   " long; at most ", Clock(limits.seconds),
                                                   " are read"));
  }
  return absl::OkStatus();
}

// The mean of each frame's channels. InvalidArgument for what is no sample; `before` frames came
// before these.
absl::Status MixDown(absl::Span<const float> frames, int channels, int64_t before,
                     std::vector<float>* mono) {
  mono->clear();
  for (size_t i = 0; i < frames.size(); i += static_cast<size_t>(channels)) {
    double sum = 0;
    for (int channel = 0; channel < channels; ++channel) {
      const float sample = frames[i + static_cast<size_t>(channel)];
      if (!(std::fabs(sample) <= kLoudest)) {
        const auto frame = before + static_cast<int64_t>(i) / channels;
        return absl::InvalidArgumentError(
            absl::StrCat("sample ", frame, " of channel ", channel + 1, " is ",
                         std::isnan(sample) ? "not a number" : "too large to be one"));
      }
      sum += sample;
    }
    mono->push_back(static_cast<float>(sum / channels));
  }
  return absl::OkStatus();
}

void DivideByPeak(std::vector<float>* samples) {
  float peak = 1;
  for (const float sample : *samples) peak = std::max(peak, std::fabs(sample));
  if (peak == 1) return;
  for (float& sample : *samples) sample /= peak;
}

absl::StatusOr<std::vector<float>> Decode(SNDFILE* file, const SF_INFO& info,
                                          const SoundLimits& limits) {
  RETURN_IF_ERROR(CheckHeader(info, limits));
  ASSIGN_OR_RETURN(Resampler resampler, Resampler::Create(info.samplerate, kSampleRate));
  std::vector<float> block(static_cast<size_t>(kFramesAtATime * info.channels));
  std::vector<float> mono, samples;
  int64_t frames = 0;
  for (;;) {
    const sf_count_t read = sf_readf_float(file, block.data(), kFramesAtATime);
    if (read <= 0) break;
    const auto part = absl::MakeConstSpan(block).first(static_cast<size_t>(read * info.channels));
    RETURN_IF_ERROR(MixDown(part, info.channels, frames, &mono));
    frames += read;
    if (frames / info.samplerate >= limits.seconds) {
      return absl::InvalidArgumentError(
          absl::StrCat("is longer than ", Clock(limits.seconds), ", the most that is read"));
    }
    RETURN_IF_ERROR(resampler.Push(mono, &samples));
  }
  if (const int error = sf_error(file); error != SF_ERR_NO_ERROR) {
    return absl::InvalidArgumentError(
        absl::StrCat("is damaged after ", frames, " samples: ", sf_error_number(error)));
  }
  if (info.frames != SF_COUNT_MAX && frames < info.frames) {
    return absl::InvalidArgumentError(absl::StrCat(
        "is truncated: its header promises ", info.frames, " samples, and ", frames, " are there"));
  }
  if (frames == 0) return absl::InvalidArgumentError("has no samples");
  RETURN_IF_ERROR(resampler.Finish(&samples));
  DivideByPeak(&samples);
  return samples;
}

absl::Status BadHeader(SoundFormat format) {
  return absl::InvalidArgumentError(absl::StrCat("begins as a file of ", SoundFormatName(format),
                                                 ", but its header cannot be read"));
}

absl::StatusOr<std::vector<float>> ReadUnnamed(absl::Span<const std::byte> bytes,
                                               const SoundLimits& limits) {
  if (bytes.empty()) return absl::InvalidArgumentError("is empty");
  const SoundFormat format = SoundFormatOf(bytes);
  if (format == SoundFormat::kUnknown) {
    return absl::InvalidArgumentError(
        "is no sound file: WAV, FLAC, Ogg Vorbis, Opus and MP3 are read");
  }
  if (format == SoundFormat::kWav) RETURN_IF_ERROR(CheckWavLength(bytes));
  if (format == SoundFormat::kOgg && !VorbisHeadersAreRead(bytes)) return BadHeader(format);
  SF_VIRTUAL_IO io = {Length, Seek, Read, Write, Tell};
  Reader reader{bytes};
  SF_INFO info = {};
  const std::unique_ptr<SNDFILE, Close> file(sf_open_virtual(&io, SFM_READ, &info, &reader));
  // libsndfile keeps the reason in a variable that all threads share.
  if (file == nullptr) return BadHeader(format);
  return Decode(file.get(), info, limits);
}

}  // namespace

absl::StatusOr<std::vector<float>> ReadSound(absl::string_view name,
                                             absl::Span<const std::byte> bytes,
                                             const SoundLimits& limits) {
  absl::StatusOr<std::vector<float>> samples = ReadUnnamed(bytes, limits);
  if (samples.ok()) return samples;
  return absl::Status(samples.status().code(),
                      absl::StrCat(name, ": ", samples.status().message()));
}

absl::StatusOr<std::vector<float>> ReadSoundFile(const std::string& path,
                                                 const SoundLimits& limits) {
  ASSIGN_OR_RETURN(const base::MappedFile file, base::MappedFile::Open(path));
  return ReadSound(path, file.bytes(), limits);
}

}  // namespace lluda::media
