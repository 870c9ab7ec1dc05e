#include "tools/bench/bench_batch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "runtime/session/session.h"
#include "tools/bench/bench_runner.h"

namespace lluda::tools {
namespace {

// One sequence, whose tokens behind the first `depth` are computed and forgotten.
class SmallSteps {
 public:
  static absl::StatusOr<std::unique_ptr<SmallSteps>> Create(engine::Model* model, int64_t depth,
                                                            int64_t most) {
    runtime::SessionOptions options;
    options.context = depth + most;
    ASSIGN_OR_RETURN(auto session, runtime::Session::Create(model->executable(), options));
    std::unique_ptr<SmallSteps> steps(new SmallSteps(std::move(session), depth));
    if (depth > 0) RETURN_IF_ERROR(steps->session_->Evaluate(steps->Tokens(0, depth)).status());
    return steps;
  }

  // The logits of `count` tokens in a step, behind the depth and `done` tokens more.
  absl::StatusOr<absl::Span<const float>> Run(int64_t done, int64_t count) {
    const runtime::Chunk chunk{0, Tokens(depth_ + done, count), count};
    return session_->Step(absl::MakeConstSpan(&chunk, 1));
  }
  void Forget() { session_->Truncate(0, depth_); }

  // The time of such a step, in milliseconds.
  absl::StatusOr<double> Time(int64_t count) {
    base::Stopwatch watch;
    RETURN_IF_ERROR(Run(0, count).status());
    const double seconds = watch.Lap();
    Forget();
    return seconds * 1e3;
  }

 private:
  SmallSteps(std::unique_ptr<runtime::Session> session, int64_t depth)
      : session_(std::move(session)),
        depth_(depth),
        tokens_(BenchTokens(session_->context(), session_->vocabulary())) {}

  absl::Span<const int32_t> Tokens(int64_t first, int64_t count) const {
    return absl::MakeConstSpan(tokens_).subspan(static_cast<size_t>(first),
                                                static_cast<size_t>(count));
  }

  std::unique_ptr<runtime::Session> session_;
  int64_t depth_;
  std::vector<int32_t> tokens_;
};

// Whether steps of each size give what their tokens do one by one.
absl::Status Check(absl::Span<const int64_t> sizes, SmallSteps* steps) {
  std::vector<float> alone;
  for (int64_t i = 0; i < *absl::c_max_element(sizes); ++i) {
    ASSIGN_OR_RETURN(const absl::Span<const float> logits, steps->Run(i, 1));
    alone.insert(alone.end(), logits.begin(), logits.end());
  }
  steps->Forget();
  for (const int64_t size : sizes) {
    ASSIGN_OR_RETURN(const absl::Span<const float> logits, steps->Run(0, size));
    const bool equal = absl::c_equal(logits, absl::MakeConstSpan(alone).first(logits.size()));
    steps->Forget();
    if (equal) continue;
    return absl::InternalError(absl::StrCat("the output is wrong: the logits of a step of ", size,
                                            " tokens are not those of the tokens one by one"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<BatchResult>> MeasureBatch(engine::Model* model, int64_t depth,
                                                      absl::Span<const int64_t> sizes, int repeat) {
  ASSIGN_OR_RETURN(const std::unique_ptr<SmallSteps> steps,
                   SmallSteps::Create(model, depth, *absl::c_max_element(sizes)));
  RETURN_IF_ERROR(Check(sizes, steps.get()));
  std::vector<std::vector<double>> ms(sizes.size()), ratios(sizes.size());
  for (int64_t turn = 0; turn < repeat * kBatchTurns; ++turn) {
    for (size_t i = 0; i < sizes.size(); ++i) {
      ASSIGN_OR_RETURN(const double before, steps->Time(1));
      ASSIGN_OR_RETURN(const double own, steps->Time(sizes[i]));
      ASSIGN_OR_RETURN(const double after, steps->Time(1));
      ms[i].push_back(own);
      ratios[i].push_back(RatiosInTurns({before, after}, {own})[0]);
    }
  }
  std::vector<BatchResult> results;
  for (size_t i = 0; i < sizes.size(); ++i) {
    results.push_back({sizes[i], Summarize(ms[i]), Summarize(ratios[i])});
  }
  return results;
}

}  // namespace lluda::tools
