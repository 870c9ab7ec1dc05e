#include "tools/bench/bench_check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/source/model_files.h"
#include "frontends/checkpoint/read_weight.h"
#include "tools/validate/bounds.h"
#include "tools/validate/compare.h"
#include "tools/verify/verify_bundle.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {
namespace {

// "logits of 4 tokens: NMSE 1.3e-05 of 1.2e-04 against the interpreter in f32", if they are right.
absl::StatusOr<std::string> Judge(const ir::Module& module, const VerifyRun& run,
                                  absl::Span<const float> logits, double bound,
                                  absl::string_view against) {
  ASSIGN_OR_RETURN(ir::Tensor reference, InterpretLast(module, run));
  const double nmse = Compare(logits, reference.floats()).nmse;
  const size_t tokens = run.steps[0].size();
  // Written so that a NaN is an error.
  if (!(nmse < bound)) {
    return absl::InternalError(absl::StrFormat(
        "the output is wrong: after %d tokens the logits have NMSE %.2e against the interpreter "
        "%s, allowed is %.2e",
        tokens, nmse, against, bound));
  }
  return absl::StrFormat("logits of %d tokens: NMSE %.1e of %.1e against the interpreter %s",
                         tokens, nmse, bound, against);
}

}  // namespace

absl::StatusOr<std::string> CheckLogits(const engine::ModelFiles& files,
                                        const engine::ModuleOptions& numbers,
                                        absl::Span<const int32_t> tokens,
                                        absl::Span<const float> logits) {
  engine::ModuleOptions options;
  options.precision = engine::Precision::kF32;
  options.weights = numbers.weights;
  options.context = static_cast<int64_t>(tokens.size());
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, engine::ImportModule(files, options));
  VerifyRun run;
  run.weights = [&](const ir::Global& weight, int64_t index) -> absl::StatusOr<ir::Tensor> {
    return frontends::ReadWeight(*files.checkpoint, weight, index);
  };
  run.steps.emplace_back(tokens.begin(), tokens.end());
  return Judge(*module, run, logits,
               LogitsBound(numbers.precision, std::nullopt, CoarseNumbersOf(numbers)), "in f32");
}

absl::StatusOr<std::string> CheckBundleLogits(const OptimisedModel& model,
                                              absl::Span<const int32_t> tokens,
                                              absl::Span<const float> logits) {
  ASSIGN_OR_RETURN(NativeProgram native, NativeProgramOf(model));
  VerifyRun run = BundleRun(model, native);
  run.steps.emplace_back(tokens.begin(), tokens.end());
  return Judge(*model.module, run, logits, LogitsBound(model.numbers.precision, std::nullopt),
               "on the bundle's own module and weights");
}

absl::Status CheckTokens(absl::string_view what, absl::Span<const int32_t> timed,
                         absl::Span<const int32_t> untimed) {
  const auto [ours, theirs] =
      std::mismatch(timed.begin(), timed.end(), untimed.begin(), untimed.end());
  if (ours == timed.end() && theirs == untimed.end()) return absl::OkStatus();
  const auto text = [](const auto& at, const auto& span) {
    return at == span.end() ? std::string("none") : absl::StrCat(*at);
  };
  return absl::InternalError(absl::StrCat(
      "the output is wrong: token ", ours - timed.begin(), " of the timed ", what, " is ",
      text(ours, timed), ", of an untimed one with another division of the prompt ",
      text(theirs, untimed)));
}

}  // namespace lluda::tools
