#include "media/pieces.h"

#include <glog/logging.h>

#include <algorithm>

#include "media/sound.h"

namespace lluda::media {
namespace {

constexpr size_t kWindow = kSampleRate / 10;          // 100 ms
constexpr size_t kSearch = size_t{10} * kSampleRate;  // where the quietest window is looked for
constexpr int kShortest = 20;                         // seconds of the longest piece

double Energy(absl::Span<const float> samples) {
  double sum = 0;
  for (const float sample : samples) sum += static_cast<double>(sample) * sample;
  return sum;
}

// The middle of the quietest window of `samples`, which hold one at least; the last of equals, so
// that pieces are long. Windows begin every 10 ms.
size_t QuietestPlace(absl::Span<const float> samples) {
  double least = 0;
  size_t best = 0;
  for (size_t at = 0; at + kWindow <= samples.size(); at += kWindow / 10) {
    const double energy = Energy(samples.subspan(at, kWindow));
    if (at > 0 && energy > least) continue;
    least = energy;
    best = at;
  }
  return best + kWindow / 2;
}

}  // namespace

std::vector<Piece> CutIntoPieces(absl::Span<const float> samples, int seconds) {
  CHECK_GE(seconds, kShortest);
  const size_t longest = static_cast<size_t>(seconds) * kSampleRate;
  std::vector<Piece> pieces;
  size_t begin = 0;
  while (samples.size() - begin > longest) {
    const size_t search = begin + longest - kSearch;
    const size_t end = search + QuietestPlace(samples.subspan(search, kSearch));
    pieces.push_back({begin, end});
    begin = end;
  }
  if (begin < samples.size()) pieces.push_back({begin, samples.size()});
  return pieces;
}

}  // namespace lluda::media
