#include "cli/bench_check.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/bounds.h"
#include "cli/compare.h"
#include "ir/interpreter.h"

namespace lluda::cli {
namespace {

ir::Tensor Ints(const char* axis, std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return ir::Tensor::OfInts({ir::DType::kI32, {{axis, ir::Extent::Constant(count)}}, {}},
                            std::move(values));
}

// The logits of the token after `tokens`.
absl::StatusOr<ir::Tensor> Interpret(const std::string& folder, absl::Span<const int32_t> tokens) {
  absl::StatusOr<engine::ModelFiles> files =
      engine::OpenModelFiles(folder, engine::Weights::kRequired);
  if (!files.ok()) return files.status();
  engine::ModuleOptions options;
  options.precision = engine::Precision::kF32;
  options.context = static_cast<int64_t>(tokens.size());
  absl::StatusOr<std::unique_ptr<ir::Module>> module = engine::ImportModule(*files, options);
  if (!module.ok()) return module.status();
  ir::Environment environment;
  environment.symbols = {{"S", 1}, {"C", (*module)->FindSymbol("C")->min}};
  environment.weights = [&](const ir::Global& weight, int64_t index) -> absl::StatusOr<ir::Tensor> {
    auto tensor = files->checkpoint->Get(ir::SourceName(weight, index));
    if (!tensor.ok()) return tensor.status();
    return ir::Tensor::FromBytes(weight.type, (*tensor)->span());
  };
  absl::StatusOr<ir::Interpreter> interpreter =
      ir::Interpreter::Create(module->get(), std::move(environment));
  if (!interpreter.ok()) return interpreter.status();
  if (absl::Status loaded = interpreter->RunLoad(); !loaded.ok()) return loaded;
  std::vector<int64_t> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), 0);
  const int64_t last = positions.back();
  return interpreter->Call(
      "step", {Ints("tok", {tokens.begin(), tokens.end()}), Ints("tok", std::move(positions)),
               Ints("tok", std::vector<int64_t>(tokens.size(), 0)), Ints("row", {last})});
}

}  // namespace

absl::StatusOr<std::string> CheckLogits(const std::string& folder, engine::Precision precision,
                                        engine::KvCache kv_cache, absl::Span<const int32_t> tokens,
                                        absl::Span<const float> logits) {
  absl::StatusOr<ir::Tensor> reference = Interpret(folder, tokens);
  if (!reference.ok()) return reference.status();
  const double nmse = Compare(logits, reference->floats()).nmse;
  const double bound = LogitsBound(precision, std::nullopt, kv_cache);
  // Written so that a NaN is an error.
  if (!(nmse < bound)) {
    return absl::InternalError(absl::StrFormat(
        "the output is wrong: after %d tokens the logits have NMSE %.2e against the interpreter in "
        "f32, allowed is %.2e",
        tokens.size(), nmse, bound));
  }
  return absl::StrFormat("logits of %d tokens: NMSE %.1e of %.1e against the interpreter in f32",
                         tokens.size(), nmse, bound);
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

}  // namespace lluda::cli
