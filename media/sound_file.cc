#include "media/sound_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/files/mapped_file.h"
#include "base/status_macros.h"
#include "media/frame_source.h"
#include "media/mp3_source.h"
#include "media/recordings.h"
#include "media/resampler.h"
#include "media/sndfile_source.h"
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

std::string Clock(int64_t seconds) {
  return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

absl::Status CheckShape(const FrameShape& shape) {
  if (shape.channels < 1 || shape.channels > kMostChannels) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", shape.channels, " channels; 1 to ", kMostChannels, " are read"));
  }
  if (shape.rate < kLowestRate || shape.rate > kHighestRate) {
    return absl::InvalidArgumentError(absl::StrCat("has a rate of ", shape.rate, " Hz; ",
                                                   kLowestRate, " to ", kHighestRate, " are read"));
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

absl::Status CheckPromise(const FrameShape& shape, int64_t frames) {
  if (!shape.frames || frames == *shape.frames) return absl::OkStatus();
  if (frames > *shape.frames) {
    return absl::InvalidArgumentError(absl::StrCat("is damaged: its header promises ",
                                                   *shape.frames, " samples, and more are there"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "is truncated: its header promises ", *shape.frames, " samples, and ", frames, " are there"));
}

// Appends what `source` has.
absl::Status Decode(FrameSource* source, const SoundLimits& limits, std::vector<float>* samples) {
  const FrameShape& shape = source->shape();
  RETURN_IF_ERROR(CheckShape(shape));
  const int64_t before = static_cast<int64_t>(samples->size()) / kSampleRate;  // seconds
  if (shape.frames && before + *shape.frames / shape.rate >= limits.seconds) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", Clock(before + *shape.frames / shape.rate), " long; at most ",
                     Clock(limits.seconds), " are read"));
  }
  ASSIGN_OR_RETURN(Resampler resampler, Resampler::Create(shape.rate, kSampleRate));
  std::vector<float> block(static_cast<size_t>(kFramesAtATime * shape.channels));
  std::vector<float> mono;
  int64_t frames = 0;
  for (;;) {
    const absl::StatusOr<int64_t> read = source->Read(absl::MakeSpan(block));
    if (!read.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("is damaged after ", frames, " samples: ", read.status().message()));
    }
    if (*read == 0) break;
    const auto part = absl::MakeConstSpan(block).first(static_cast<size_t>(*read * shape.channels));
    RETURN_IF_ERROR(MixDown(part, shape.channels, frames, &mono));
    frames += *read;
    if (shape.frames && frames > *shape.frames) break;
    if (before + frames / shape.rate >= limits.seconds) {
      return absl::InvalidArgumentError(
          absl::StrCat("is longer than ", Clock(limits.seconds), ", the most that is read"));
    }
    RETURN_IF_ERROR(resampler.Push(mono, samples));
  }
  RETURN_IF_ERROR(CheckPromise(shape, frames));
  if (frames == 0) return absl::InvalidArgumentError("has no samples");
  return resampler.Finish(samples);
}

absl::Status BadHeader(SoundFormat format, absl::string_view reason) {
  return absl::InvalidArgumentError(absl::StrCat("begins as a file of ", SoundFormatName(format),
                                                 ", but its header cannot be read: ", reason));
}

absl::StatusOr<std::unique_ptr<FrameSource>> Open(absl::Span<const std::byte> bytes,
                                                  SoundFormat format) {
  std::string written;  // how the samples are
  if (format == SoundFormat::kWav) {
    RETURN_IF_ERROR(CheckWavLength(bytes));
    if (const std::optional<WavFormat> wav = WavFormatOf(bytes)) {
      constexpr int64_t kMost = std::numeric_limits<int>::max();
      RETURN_IF_ERROR(
          CheckShape({wav->channels, static_cast<int>(std::min(wav->rate, kMost)), std::nullopt}));
      written = absl::StrFormat(" (format 0x%04x, %d bits a sample)", wav->tag, wav->bits);
    }
  }
  if (format == SoundFormat::kOgg && !VorbisHeadersAreRead(bytes)) {
    return BadHeader(format, "they are no headers of Vorbis");
  }
  absl::StatusOr<std::unique_ptr<FrameSource>> source =
      format == SoundFormat::kMp3 ? OpenMp3(bytes) : OpenWithSndfile(bytes, format);
  if (source.ok()) return source;
  return BadHeader(format, absl::StrCat(source.status().message(), written));
}

absl::Status AppendRecording(absl::Span<const std::byte> bytes, SoundFormat format,
                             const SoundLimits& limits, std::vector<float>* samples) {
  ASSIGN_OR_RETURN(const std::unique_ptr<FrameSource> source, Open(bytes, format));
  return Decode(source.get(), limits, samples);
}

absl::StatusOr<std::vector<float>> ReadUnnamed(absl::Span<const std::byte> bytes,
                                               const SoundLimits& limits) {
  if (bytes.empty()) return absl::InvalidArgumentError("is empty");
  const SoundFormat format = SoundFormatOf(bytes);
  if (format == SoundFormat::kUnknown) {
    return absl::InvalidArgumentError(
        "is no sound file: WAV, FLAC, Ogg Vorbis, Opus and MP3 are read");
  }
  // Of an MP3 file libmpg123 reads the tags.
  const size_t tags = format == SoundFormat::kMp3 ? 0 : Id3Length(TextOf(bytes));
  ASSIGN_OR_RETURN(const auto recordings, RecordingsOf(bytes.subspan(tags), format));
  std::vector<float> samples;
  for (const absl::Span<const std::byte> recording : recordings) {
    const absl::Status status = AppendRecording(recording, format, limits, &samples);
    if (status.ok()) continue;
    if (recordings.size() == 1) return status;
    return absl::Status(status.code(),
                        absl::StrCat("its recording at byte ", recording.data() - bytes.data(), " ",
                                     status.message()));
  }
  DivideByPeak(&samples);
  return samples;
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
