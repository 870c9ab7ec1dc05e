// Cuts a long sound into pieces that a model hears one by one, at quiet places.
//
//   for (const Piece& piece : CutIntoPieces(samples, 20 * 60)) {
//     Hear(samples.subspan(piece.begin, piece.size()));
//   }
//
// A piece is as long as it may be, or up to ten seconds less: it ends in the middle of the quietest
// 100 ms of its last ten seconds. Pieces follow each other without a gap, and none is longer than
// asked for.
#ifndef LLUDA_MEDIA_PIECES_H_
#define LLUDA_MEDIA_PIECES_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace lluda::media {

// Samples begin..end of a sound.
struct Piece {
  size_t begin = 0, end = 0;

  size_t size() const { return end - begin; }
};

// `samples` are of 16 kHz; `seconds`, the longest piece, at least 20. One piece if they are as many as
// fit one, and none if there are no samples.
std::vector<Piece> CutIntoPieces(absl::Span<const float> samples, int seconds);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_PIECES_H_
