// How many guessed tokens a step should check: as many as make most tokens a second, by how often
// guesses came true and by how long steps took.
//
//   DraftTimes times;                 // of the machine: shared by all sequences
//   times.Note(1, 0.050);            // a step of one token took 50 ms
//   DraftDepth depth;                // of a sequence
//   depth.Choose(times, 7);          // 1: guesses are trusted at first, steps of 3 tokens are not
//   depth.Note(/*guessed=*/1, /*accepted=*/1);
//
// A step of d guesses gives 1 + p + ... + p^d tokens if each guess comes true with probability p
// (Leviathan et al. 2023, equation 1), and takes the time of d + 1 tokens. Time decides what is
// tried and never what comes of it.
#ifndef LLUDA_ENGINE_GENERATE_DRAFT_DRAFT_DEPTH_H_
#define LLUDA_ENGINE_GENERATE_DRAFT_DRAFT_DEPTH_H_

#include <array>
#include <cstdint>
#include <functional>

namespace lluda::engine {

// Guesses that a step checks at most. With the token before them they go through the weights in a
// single pass.
inline constexpr int64_t kMaxDraft = 7;

// What steps of a single sequence take, by their number of tokens.
class DraftTimes {
 public:
  // Steps of more than kMaxDraft + 1 tokens are no business of drafts.
  void Note(int64_t tokens, double seconds);
  // As measured. A step that is one token longer than a measured one is expected to cost little
  // more, and any other as much as its tokens one by one: so steps grow as far as that holds.
  // Before any was measured, their number: only quotients count.
  double Of(int64_t tokens) const;

 private:
  std::array<double, kMaxDraft + 2> seconds_ = {};  // 0: not measured
};

class DraftDepth {
 public:
  // Of at most `most` guesses that there are; `drafting` is the time that so many of them take, 0
  // where there is none to speak of.
  int64_t Choose(
      const DraftTimes& times, int64_t most,
      const std::function<double(int64_t)>& drafting = [](int64_t) { return 0.0; });
  // Of so many guesses the first `accepted` came true.
  void Note(int64_t guessed, int64_t accepted);

 private:
  // Guesses are tried again every so many chances, in case the text begins to repeat itself; more
  // rarely where that takes more than this share of the time.
  static constexpr double kProbe = 16;
  static constexpr double kProbeShare = 0.01;

  double accepted_ = 0.8;  // the share of guesses that come true, of late
  int passed_over_ = 0;    // chances since the last guess
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_DRAFT_DRAFT_DEPTH_H_
