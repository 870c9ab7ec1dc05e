#include "engine/transcribe/asr_piece.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "media/sound.h"

namespace lluda::engine {
namespace {

constexpr int64_t kRowsPerSecond = 13;
constexpr int64_t kTextPerSecond = 7;
constexpr int64_t kMostTextPerSecond = 16;
constexpr int64_t kSpareTokens = 64;    // of text, for sounds of a few seconds
constexpr int64_t kShortestPiece = 20;  // seconds; see media::CutIntoPieces
constexpr size_t kFillTo = media::kSampleRate / 2;

}  // namespace

int64_t SecondsFor(const AsrRoom& room) {
  const int64_t tokens = room.context - room.prompt_tokens - kSpareTokens;
  return std::clamp<int64_t>(tokens / (kRowsPerSecond + kTextPerSecond), 0, kLongestPiece);
}

absl::StatusOr<std::vector<media::Piece>> AsrPieces(absl::Span<const float> samples,
                                                    const AsrRoom& room) {
  const int64_t seconds = SecondsFor(room);
  if (static_cast<int64_t>(samples.size()) <= seconds * media::kSampleRate) {
    return std::vector<media::Piece>{{0, samples.size()}};
  }
  if (seconds < kShortestPiece) {
    return absl::InvalidArgumentError(absl::StrCat("the context of ", room.context, " tokens, ",
                                                   room.prompt_tokens,
                                                   " of them the prompt's, has room for ", seconds,
                                                   " s of sound and its text; a longer sound "
                                                   "needs room for ",
                                                   kShortestPiece, " s"));
  }
  return media::CutIntoPieces(samples, static_cast<int>(seconds));
}

absl::StatusOr<media::LogMel> AsrFeatures(absl::Span<const float> samples, int64_t mel_bins) {
  const auto bins = static_cast<int>(mel_bins);
  if (samples.size() >= kFillTo) return media::LogMelOf(samples, bins);
  std::vector<float> filled(samples.begin(), samples.end());
  filled.resize(kFillTo, 0.0f);
  return media::LogMelOf(filled, bins);
}

int64_t MostTextTokens(size_t samples) {
  return kSpareTokens + kMostTextPerSecond * static_cast<int64_t>(samples) / media::kSampleRate;
}

}  // namespace lluda::engine
