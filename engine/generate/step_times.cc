#include "engine/generate/step_times.h"

#include <algorithm>
#include <cmath>

namespace lluda::engine {
namespace {

// How much of what a prediction missed is learnt at once.
constexpr double kRate = 0.2;
// A step that took longer by more is taken for one that something held up.
constexpr double kMostTimes = 4;

// Of machines that nobody has measured: what weights and a position are worth in tokens.
constexpr double kTokensPerWeights = 16;
constexpr double kPositionsPerToken = 600;
constexpr double kPairsPerPosition = 8;

StepCosts GuessOf(const StepShape& shape, double seconds) {
  StepCosts costs;
  costs.token = std::max(1e-9, seconds / (kTokensPerWeights + static_cast<double>(shape.tokens)));
  costs.weights = kTokensPerWeights * costs.token;
  costs.position = costs.token / kPositionsPerToken;
  costs.pair = costs.position / kPairsPerPosition;
  return costs;
}

}  // namespace

double StepTimes::Predict(const StepShape& shape) const {
  return costs_.weights + static_cast<double>(shape.tokens) * costs_.token +
         static_cast<double>(shape.positions) * costs_.position +
         static_cast<double>(shape.pairs) * costs_.pair;
}

void StepTimes::Learn(const StepShape& shape, double seconds) {
  constexpr int kParts = 4;
  double* const costs[kParts] = {&costs_.weights, &costs_.token, &costs_.position, &costs_.pair};
  const double counts[kParts] = {1.0, static_cast<double>(shape.tokens),
                                 static_cast<double>(shape.positions),
                                 static_cast<double>(shape.pairs)};
  if (costs_.token <= 0) costs_ = GuessOf(shape, seconds);
  double predicted = 0, squares = 0;
  for (int i = 0; i < kParts; ++i) {
    const double part = *costs[i] * counts[i];
    predicted += part;
    squares += part * part;
  }
  const double seen = std::clamp(seconds, predicted / kMostTimes, predicted * kMostTimes);
  // What was missed is shared out by the parts' squares: a part p changes by missed * p^2 / squares,
  // its cost by the factor 1 + missed * p / squares.
  for (int i = 0; i < kParts; ++i) {
    const double part = *costs[i] * counts[i];
    *costs[i] *= std::max(0.5, 1 + kRate * (seen - predicted) * part / squares);
  }
}

int64_t StepTimes::MostTokens(const StepOutlook& outlook, double seconds, int64_t most) const {
  if (outlook.rows == 0 || costs_.token <= 0) return most;
  const StepShape rows_alone = {outlook.rows, outlook.row_positions, outlook.row_positions};
  seconds = std::max(seconds, kStretch * Predict(rows_alone));
  const auto rows = static_cast<double>(outlook.rows);
  const auto row_positions = static_cast<double>(outlook.row_positions);
  const auto depth = static_cast<double>(outlook.prompt_positions);
  // T tokens take T token + fixed + (T - rows) depth pair.
  const double fixed =
      costs_.weights + (row_positions + depth) * costs_.position + row_positions * costs_.pair;
  const double tile = kTile * (costs_.token + depth * costs_.pair);
  const double tiles = (seconds - fixed + rows * depth * costs_.pair) / tile;
  const double over = std::min(0.5, kMostOver * seconds / tile);
  const double whole = std::clamp(std::floor(tiles + over), 0.0, static_cast<double>(most));
  return std::min(most, std::max(outlook.rows + kTile, static_cast<int64_t>(whole) * kTile));
}

}  // namespace lluda::engine
