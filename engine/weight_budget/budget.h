// How much quantising a model may cost, or how large it may become: what `--budget` says.
//
//   absl::StatusOr<Budget> budget = ParseBudget("kl=0.01");
//   budget->IsMet({/*kl=*/0.009, /*same_top=*/97, /*positions=*/100, /*bytes=*/5000});  // true
#ifndef LLUDA_ENGINE_WEIGHT_BUDGET_BUDGET_H_
#define LLUDA_ENGINE_WEIGHT_BUDGET_BUDGET_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::engine {

// What a model with some of its matrices quantised measured, against the one that is not quantised.
struct MixtureMeasure {
  double kl = 0;          // the mean of the positions, in nats
  int64_t same_top = 0;   // positions with the same likeliest token
  int64_t positions = 0;  // at least 1
  int64_t bytes = 0;      // of all weights, as they are held

  double OtherTop() const {
    return static_cast<double>(positions - same_top) / static_cast<double>(positions);
  }
};

struct Budget {
  enum class Kind : uint8_t { kKl, kTop1, kBytes };

  Kind kind = Kind::kKl;
  // The most nats; the most of the positions, from 0 to 1, whose likeliest token is another; the most
  // bytes.
  double most = 0;
  std::string text;  // as it was written

  // What of the measure the budget is about.
  double Of(const MixtureMeasure& measure) const;
  bool IsMet(const MixtureMeasure& measure) const { return Of(measure) <= most; }
};

// "kl=NATS", more than 0; "top1=PERCENT%", more than 0 and at most 100: how many positions keep their
// likeliest token; "bytes=SIZE", at least 1, as base::ParseByteSize reads it.
// InvalidArgument, naming the text, for anything else.
absl::StatusOr<Budget> ParseBudget(absl::string_view text);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_WEIGHT_BUDGET_BUDGET_H_
