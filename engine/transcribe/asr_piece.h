// How a sound is divided into questions to Qwen3-ASR: pieces that the model's context has room for,
// with the text that comes of them.
//
//   ASSIGN_OR_RETURN(auto pieces, AsrPieces(samples, {context, prompt_tokens}));
//   ASSIGN_OR_RETURN(media::LogMel mel, AsrFeatures(samples.subspan(piece.begin, piece.size()), 128));
//   options.max_new_tokens = MostTextTokens(piece.size());
#ifndef LLUDA_ENGINE_TRANSCRIBE_ASR_PIECE_H_
#define LLUDA_ENGINE_TRANSCRIBE_ASR_PIECE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "media/log_mel.h"
#include "media/pieces.h"

namespace lluda::engine {

// The longest piece that the released models were made for, in seconds.
inline constexpr int kLongestPiece = 20 * 60;

struct AsrRoom {
  int64_t context = 0;        // tokens
  int64_t prompt_tokens = 0;  // of a prompt, without the sound's rows
};

// The seconds of sound that there is room for, at most kLongestPiece: a second is 13 rows, and 7
// tokens of text are counted for it, twice what a fast speaker says.
int64_t SecondsFor(const AsrRoom& room);

// Pieces of a sound of 16 kHz. InvalidArgument, with the numbers, if there is room for so little that
// no quiet places could be looked for: 20 s for a sound that is longer.
absl::StatusOr<std::vector<media::Piece>> AsrPieces(absl::Span<const float> samples,
                                                    const AsrRoom& room);

// The features of a piece in so many mel bins, filled up with zeros to half a second, as the released models were fed.
absl::StatusOr<media::LogMel> AsrFeatures(absl::Span<const float> samples, int64_t mel_bins);

// What no speaker exceeds, so that a model that repeats itself for ever is stopped: 16 tokens a
// second, and some for a short piece.
int64_t MostTextTokens(size_t samples);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_TRANSCRIBE_ASR_PIECE_H_
