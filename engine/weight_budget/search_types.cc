#include "engine/weight_budget/search_types.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "engine/weight_budget/choose_types.h"
#include "ir/type/dtype.h"

namespace lluda::engine {
namespace {

// Mixtures that are measured while the budget may be used better, and at most, if none has met it.
constexpr int kUsualRounds = 6;
constexpr int kMostRounds = 40;
// Of a budget, how much is aimed at, and how much is enough.
constexpr double kAim = 0.97;
constexpr double kEnough = 0.92;
// The most that the aim is moved at a time, up or down.
constexpr double kMostMove = 8;
// How many likeliest tokens change is about this times the root of the KL divergence. Where the search
// begins; what it finds is measured.
constexpr double kOtherTopOfKl = 0.4;
constexpr double kLeastAim = 1e-6;

class Search {
 public:
  Search(const std::vector<MatrixGroup>& groups, const SearchOptions& options)
      : groups_(groups), options_(options) {}

  absl::StatusOr<FoundTypes> Run() {
    if (options_.budget.kind == Budget::Kind::kBytes) RETURN_IF_ERROR(CheckMatrices());
    const Choice as_it_is(groups_.size(), 0);
    ASSIGN_OR_RETURN(plain_, Measure(as_it_is));
    if (options_.budget.kind == Budget::Kind::kBytes) RETURN_IF_ERROR(CheckSmallest());
    RETURN_IF_ERROR(Probe());
    absl::StatusOr<Choice> found =
        options_.budget.kind == Budget::Kind::kBytes ? ForBytes() : ForDamage();
    if (!found.ok()) return found.status();
    return FoundOf(*found);
  }

 private:
  frontends::WeightTypes TypesOf(const Choice& choice) const {
    frontends::WeightTypes types;
    for (size_t i = 0; i < groups_.size(); ++i) {
      groups_[i].Put(groups_[i].types[choice[i]].type, &types);
    }
    return types;
  }

  absl::StatusOr<MixtureMeasure> Measure(const Choice& choice) {
    const auto known = measured_.find(choice);
    if (known != measured_.end()) return known->second;
    ASSIGN_OR_RETURN(const MixtureMeasure measure, options_.measure(TypesOf(choice)));
    if (!std::isfinite(measure.kl)) {
      return absl::InvalidArgumentError("the model's logits are not finite: no budget can be kept");
    }
    measured_[choice] = measure;
    if (options_.progress) {
      const auto done = static_cast<int64_t>(measured_.size());
      const auto usual = static_cast<int64_t>(1 + groups_.size() + kUsualRounds);
      options_.progress(done, std::max(usual, done + 1));
    }
    return measure;
  }

  // What each group's types cost, as predicted from one of them.
  absl::Status Probe() {
    for (size_t i = 0; i < groups_.size(); ++i) {
      const std::vector<SizedType>& types = groups_[i].types;
      const auto probe = std::find_if(types.begin(), types.end(), [](const SizedType& type) {
        return type.type == kProbeType;
      });
      Choice choice(groups_.size(), 0);
      choice[i] = static_cast<size_t>(probe - types.begin());
      ASSIGN_OR_RETURN(const MixtureMeasure alone, Measure(choice));
      const double factor = probe->error > 0 ? std::max(0.0, alone.kl) / probe->error : 0;
      GroupOptions options;
      for (const SizedType& type : types) options.push_back({type.bytes, factor * type.error});
      predicted_.push_back(std::move(options));
    }
    return absl::OkStatus();
  }

  // What is held beside the matrices, and what these take more than their types say.
  int64_t OtherBytes() const {
    return plain_.bytes - BytesOf(predicted_, Choice(groups_.size(), 0));
  }

  Choice Smallest() const {
    Choice choice;
    for (const MatrixGroup& group : groups_) {
      const auto smallest = std::min_element(
          group.types.begin(), group.types.end(),
          [](const SizedType& a, const SizedType& b) { return a.bytes < b.bytes; });
      choice.push_back(static_cast<size_t>(smallest - group.types.begin()));
    }
    return choice;
  }

  absl::Status TooFewBytes(absl::string_view taken_by, int64_t bytes) const {
    return absl::InvalidArgumentError(absl::StrCat("--budget ", options_.budget.text, " allows ",
                                                   static_cast<int64_t>(options_.budget.most),
                                                   " bytes, ", taken_by, bytes));
  }

  // Whether a budget of bytes has room for the matrices, which can be told before anything is measured.
  absl::Status CheckMatrices() const {
    const Choice smallest = Smallest();
    int64_t bytes = 0;
    for (size_t i = 0; i < groups_.size(); ++i) bytes += groups_[i].types[smallest[i]].bytes;
    if (static_cast<double>(bytes) <= options_.budget.most) return absl::OkStatus();
    return TooFewBytes("the smallest types of the matrices alone take ", bytes);
  }

  // Whether a budget of bytes can be met at all.
  absl::Status CheckSmallest() {
    ASSIGN_OR_RETURN(const MixtureMeasure measure, Measure(Smallest()));
    if (options_.budget.IsMet(measure)) return absl::OkStatus();
    return TooFewBytes("the smallest types take ", measure.bytes);
  }

  absl::StatusOr<Choice> ForBytes() {
    const auto most = static_cast<int64_t>(options_.budget.most);
    int64_t aim = most - OtherBytes();
    // Aims that met the budget, and that did not.
    int64_t met = 0, missed = std::numeric_limits<int64_t>::max();
    std::optional<Choice> best;
    int64_t best_bytes = 0;
    for (int round = 0; round < kMostRounds && (round < kUsualRounds || !best); ++round) {
      const Choice choice = LeastDamage(predicted_, aim);
      ASSIGN_OR_RETURN(const MixtureMeasure measure, Measure(choice));
      const int64_t counted = BytesOf(predicted_, choice), left = most - measure.bytes;
      if (left >= 0) {
        met = std::max(met, aim);
        if (measure.bytes > best_bytes) best = choice;
        best_bytes = std::max(best_bytes, measure.bytes);
        if (static_cast<double>(measure.bytes) >= kEnough * options_.budget.most) break;
        if (choice == Choice(groups_.size(), 0)) break;
        aim = std::max(aim, counted) + left;
      } else {
        missed = std::min(missed, aim);
        aim = std::min(aim, counted) + left;
      }
      if (aim <= met || aim >= missed) aim = met + (missed - met) / 2;
    }
    return best.value_or(Smallest());
  }

  absl::StatusOr<Choice> ForDamage() {
    const Budget& budget = options_.budget;
    double aim = budget.most;
    if (budget.kind == Budget::Kind::kTop1) {
      aim = std::max(kLeastAim, std::pow(budget.most / kOtherTopOfKl, 2));
    }
    // Aims that met the budget, and that did not.
    double met = 0, missed = std::numeric_limits<double>::infinity();
    std::optional<Choice> best;
    for (int round = 0; round < kMostRounds && (round < kUsualRounds || !best); ++round) {
      const Choice choice = LeastBytes(predicted_, aim);
      ASSIGN_OR_RETURN(const MixtureMeasure measure, Measure(choice));
      const bool is_met = budget.IsMet(measure);
      if (is_met) {
        met = aim;
        if (!best || BytesOf(predicted_, choice) < BytesOf(predicted_, *best)) best = choice;
        if (budget.most > 0 && budget.Of(measure) >= kEnough * budget.most) break;
        const bool is_all =
            choice == LeastBytes(predicted_, std::numeric_limits<double>::infinity());
        if (is_all) break;
      } else {
        missed = aim;
      }
      aim *= Move(budget.Of(measure), is_met);
      if (aim <= met || aim >= missed) aim = std::sqrt(met * missed);
    }
    return best.value_or(Choice(groups_.size(), 0));
  }

  // By how much the aim is moved after it came to so much.
  double Move(double measured, bool is_met) const {
    const Budget& budget = options_.budget;
    double ratio = measured > 0 ? kAim * budget.most / measured : kMostMove;
    if (budget.kind == Budget::Kind::kTop1) ratio *= ratio;
    const double least = is_met ? 1 : 1 / kMostMove;
    const double most = is_met ? kMostMove : kAim;
    return std::clamp(ratio, least, most);
  }

  absl::StatusOr<FoundTypes> FoundOf(const Choice& choice) {
    ASSIGN_OR_RETURN(const MixtureMeasure measure, Measure(choice));
    FoundTypes found;
    found.types = TypesOf(choice);
    found.chosen.budget = options_.budget.text;
    found.chosen.positions = measure.positions;
    found.chosen.kl = measure.kl;
    found.chosen.same_top = measure.same_top;
    found.chosen.bytes = measure.bytes;
    found.chosen.plain_bytes = plain_.bytes;
    for (size_t i = 0; i < groups_.size(); ++i) {
      const std::optional<ir::DType> type = groups_[i].types[choice[i]].type;
      const TypeOption& option = predicted_[i][choice[i]];
      found.chosen.rows.push_back({groups_[i].name, type ? std::string(ir::DTypeName(*type)) : "",
                                   option.bytes, option.damage});
    }
    return found;
  }

  const std::vector<MatrixGroup>& groups_;
  const SearchOptions& options_;
  std::vector<GroupOptions> predicted_;
  std::map<Choice, MixtureMeasure> measured_;
  MixtureMeasure plain_;
};

}  // namespace

absl::StatusOr<FoundTypes> SearchTypes(const std::vector<MatrixGroup>& groups,
                                       const SearchOptions& options) {
  return Search(groups, options).Run();
}

}  // namespace lluda::engine
