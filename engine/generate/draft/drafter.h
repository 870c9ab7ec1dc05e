// Who guesses what a text goes on with. A guess is a hint and no more: who uses it checks it, so that it
// changes no token, only when it comes.
//
//   drafter->Begin(prompt);
//   drafter->Add(token);              // that was chosen
//   drafter->Guess(drafter->Most(7))  // at most so many tokens that may follow
#ifndef LLUDA_ENGINE_GENERATE_DRAFT_DRAFTER_H_
#define LLUDA_ENGINE_GENERATE_DRAFT_DRAFTER_H_

#include <cstdint>

#include "absl/types/span.h"

namespace lluda::engine {

class Drafter {
 public:
  virtual ~Drafter() = default;

  // A text begins with these tokens. What was of an earlier one is forgotten.
  virtual void Begin(absl::Span<const int32_t> tokens) = 0;
  virtual void Add(int32_t token) = 0;

  // How many guesses there are of the `limit` that are wanted: known before any is made.
  virtual int64_t Most(int64_t limit) = 0;
  // The first `count` of them, or fewer. Valid until the next call.
  virtual absl::Span<const int32_t> Guess(int64_t count) = 0;
  // The time that `count` guesses are expected to take.
  virtual double Seconds(int64_t count) const = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_DRAFT_DRAFTER_H_
