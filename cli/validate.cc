// lluda validate: compares a model with what transformers computed for it, prompt by prompt.
//
// A prompt falls short if the tokenizer gives other ids for its text, if the likeliest next token
// is another one, if the greedy tokens differ before the first undecided step, if the logits are
// further off than the precision allows, or if they depend on how the prompt is divided into steps.
// So it does if an activation that the reference has is further off than bounds.h allows; those are
// recorded by a second program, as recording keeps values that the passes would have removed.
// A bundle records none. With a KV cache of int8 the bounds are wider, only tokens that it can
// decide have to be met, and its own error is measured, too (cache_error.h). What a reference does
// not have is not compared; neither are greedy tokens that contradict its own next token.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bundle/reader.h"
#include "cli/bounds.h"
#include "cli/cache_error.h"
#include "cli/commands.h"
#include "cli/compare.h"
#include "cli/json_writer.h"
#include "cli/model_flags.h"
#include "cli/output.h"
#include "cli/reference.h"

namespace lluda::cli {
namespace {

struct ActivationError {
  std::string name;
  double nmse = 0;
  double bound = 0;                    // positive
  std::optional<double> hf_bf16_nmse;  // of transformers' own bf16 run
};

struct PromptResult {
  std::optional<LogitsDistance> distance;
  double nmse_bound = 0;
  int32_t next = 0;
  double next_logit = 0;
  int64_t top10_shared = 0;
  int64_t greedy_equal = 0;    // tokens met before the first other one
  int64_t greedy_decided = 0;  // tokens that have to be met
  std::optional<double> mean_nll;
  std::vector<ActivationError> activations;  // that nearest to its bound, or beyond it, first
  std::vector<std::string> shortcomings;
  std::string remark;  // about the reference; falls short of nothing
};

class Validator {
 public:
  Validator(engine::Model* model, engine::Session* session, const engine::ModuleOptions& numbers)
      : model_(model), session_(session), numbers_(numbers) {}

  absl::StatusOr<PromptResult> Run(const ReferencePrompt& reference) {
    PromptResult result;
    if (reference.text && model_->tokenizer() != nullptr &&
        model_->tokenizer()->Encode(*reference.text) != reference.ids) {
      result.shortcomings.push_back("token ids");
    }
    session_->Clear();
    absl::StatusOr<absl::Span<const float>> evaluated = session_->Evaluate(reference.ids);
    if (!evaluated.ok()) return evaluated.status();
    const std::vector<float> logits(evaluated->begin(), evaluated->end());
    if (absl::Status status = CompareLogits(logits, reference, &result); !status.ok()) {
      return status;
    }
    if (absl::Status status = Decode(logits, reference, &result); !status.ok()) return status;
    if (absl::Status status = Replay(logits, reference, &result); !status.ok()) return status;
    return result;
  }

 private:
  absl::Status CompareLogits(const std::vector<float>& logits, const ReferencePrompt& reference,
                             PromptResult* result) {
    result->next = ArgMax(logits);
    if (reference.next && result->next != *reference.next && IsDecided(reference)) {
      result->shortcomings.push_back("next");
    }
    const int64_t compared = reference.next.value_or(result->next);
    if (compared >= 0 && compared < static_cast<int64_t>(logits.size())) {
      result->next_logit = logits[static_cast<size_t>(compared)];
    }
    for (const int32_t id : Largest(logits, static_cast<int>(reference.top10.size()))) {
      if (absl::c_linear_search(reference.top10, id)) ++result->top10_shared;
    }
    if (reference.logits.empty()) return absl::OkStatus();
    if (reference.logits.size() != logits.size()) {
      return absl::InvalidArgumentError(absl::StrCat("the reference has ", reference.logits.size(),
                                                     " logits, the model ", logits.size(),
                                                     ": it is of another model"));
    }
    result->distance = Compare(logits, reference.logits);
    std::optional<double> hf_bf16_nmse;
    if (reference.hf_bf16_mse) {
      hf_bf16_nmse = *reference.hf_bf16_mse / result->distance->mean_square;
    }
    result->nmse_bound = LogitsBound(numbers_.precision, hf_bf16_nmse, numbers_.kv_cache);
    // Written so that a NaN falls short.
    if (!(result->distance->nmse < result->nmse_bound)) result->shortcomings.push_back("nmse");
    return absl::OkStatus();
  }

  bool has_int8() const { return numbers_.kv_cache == engine::KvCache::kInt8; }
  double Margin() const { return has_int8() ? kInt8DecidedMargin : kDecidedMargin; }
  // Whether the token after the prompt has to be the reference's. Without int8 it always has to.
  bool IsDecided(const ReferencePrompt& reference) const {
    return !has_int8() || DecidedSteps(reference.greedy_margin, 1, Margin()) > 0;
  }

  // Greedy decoding, up to the first token that is not the reference's.
  absl::Status Decode(const std::vector<float>& logits, const ReferencePrompt& reference,
                      PromptResult* result) {
    const auto steps = static_cast<int64_t>(reference.greedy.size());
    if (ContradictsItself(reference)) {
      result->remark =
          absl::StrCat("the reference's greedy tokens begin with ", reference.greedy[0],
                       ", its next token is ", *reference.next, ": not judged");
    } else {
      result->greedy_decided = DecidedSteps(reference.greedy_margin, steps, Margin());
    }
    std::vector<int32_t> tokens = reference.ids;
    int32_t next = ArgMax(logits);
    while (result->greedy_equal < steps && next == reference.greedy[result->greedy_equal]) {
      if (++result->greedy_equal == steps) break;
      tokens.push_back(next);
      absl::StatusOr<absl::Span<const float>> evaluated = session_->Evaluate(tokens);
      if (!evaluated.ok()) return evaluated.status();
      next = ArgMax(*evaluated);
    }
    if (result->greedy_equal < result->greedy_decided) result->shortcomings.push_back("greedy");
    return absl::OkStatus();
  }

  // The prompt once more, token by token: gives its likelihood, and has to end with the same bits.
  absl::Status Replay(const std::vector<float>& logits, const ReferencePrompt& reference,
                      PromptResult* result) {
    session_->Clear();
    double nll = 0;
    const absl::Span<const int32_t> ids = reference.ids;
    for (size_t i = 1; i <= ids.size(); ++i) {
      absl::StatusOr<absl::Span<const float>> evaluated = session_->Evaluate(ids.subspan(0, i));
      if (!evaluated.ok()) return evaluated.status();
      if (i < ids.size()) {
        nll += NegativeLogLikelihood(*evaluated, ids[i]);
      } else if (!absl::c_equal(*evaluated, logits)) {
        result->shortcomings.push_back("token by token");
      }
    }
    if (ids.size() > 1) result->mean_nll = nll / static_cast<double>(ids.size() - 1);
    return absl::OkStatus();
  }

  engine::Model* model_;
  engine::Session* session_;
  engine::ModuleOptions numbers_;
};

// Infinite for a NaN, so that it comes first.
double ShareOfBound(const ActivationError& error) {
  if (std::isnan(error.nmse)) return std::numeric_limits<double>::infinity();
  return error.nmse / error.bound;
}

// How many are above what bf16 logits may be off at most. That is for information: what counts is
// each one's own bound.
int64_t AboveLogitsBound(const PromptResult& result) {
  return absl::c_count_if(result.activations,
                          [](const ActivationError& error) { return !(error.nmse < kBf16Nmse); });
}

// Compares what the parts of the model computed, after an Evaluate of the prompt.
absl::Status CompareActivations(const engine::Session& session, const ReferencePrompt& reference,
                                const engine::ModuleOptions& numbers, PromptResult* result) {
  for (const ReferenceActivation& expected : reference.activations) {
    absl::StatusOr<absl::Span<const float>> ours = session.Activation(expected.name);
    if (!ours.ok()) return ours.status();
    if (ours->size() != expected.values.size()) {
      return absl::InvalidArgumentError(absl::StrCat("the reference has ", expected.values.size(),
                                                     " values of ", expected.name, ", the model ",
                                                     ours->size(), ": it is of another model"));
    }
    ActivationError error;
    error.name = expected.name;
    error.nmse = Compare(*ours, expected.values).nmse;
    const auto hf_bf16_nmse = reference.hf_bf16_activation_nmse.find(expected.module);
    if (hf_bf16_nmse != reference.hf_bf16_activation_nmse.end()) {
      error.hf_bf16_nmse = hf_bf16_nmse->second;
    }
    error.bound = ActivationBound(numbers.precision, error.hf_bf16_nmse, numbers.kv_cache);
    if (!(error.nmse < error.bound)) {
      result->shortcomings.push_back(
          absl::StrFormat("%s with %.2e of %.2e", error.name, error.nmse, error.bound));
    }
    result->activations.push_back(std::move(error));
  }
  absl::c_stable_sort(result->activations, [](const ActivationError& a, const ActivationError& b) {
    return ShareOfBound(a) > ShareOfBound(b);
  });
  return absl::OkStatus();
}

// The error of one prompt, which it names.
absl::Status AtPrompt(const ValidateFlags& flags, size_t number, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(flags.reference, ": prompts[", number, "]: ", status.message()));
}

absl::Status ValidateOutputs(const ValidateFlags& flags, const engine::ModuleOptions& numbers,
                             const std::vector<ReferencePrompt>& prompts,
                             std::vector<PromptResult>* results) {
  absl::StatusOr<std::unique_ptr<engine::Model>> model = LoadModel(flags.model, false);
  if (!model.ok()) return model.status();
  absl::StatusOr<std::unique_ptr<engine::Session>> session =
      engine::Session::Create(model->get(), {});
  if (!session.ok()) return session.status();
  Validator validator(model->get(), session->get(), numbers);
  for (const ReferencePrompt& prompt : prompts) {
    absl::StatusOr<PromptResult> result = validator.Run(prompt);
    if (!result.ok()) return AtPrompt(flags, results->size(), result.status());
    results->push_back(*std::move(result));
  }
  return absl::OkStatus();
}

absl::Status ValidateActivations(const ValidateFlags& flags, const engine::ModuleOptions& numbers,
                                 const std::vector<ReferencePrompt>& prompts,
                                 std::vector<PromptResult>* results) {
  int64_t longest = 0;
  for (const ReferencePrompt& prompt : prompts) {
    if (prompt.activations.empty()) continue;
    longest = std::max(longest, static_cast<int64_t>(prompt.ids.size()));
  }
  if (longest == 0 || bundle::Bundle::Looks(flags.model.model)) return absl::OkStatus();
  ModelFlags recording = flags.model;
  recording.context = longest;
  absl::StatusOr<std::unique_ptr<engine::Model>> model =
      LoadModel(recording, /*need_tokenizer=*/false, /*record_activations=*/true);
  if (!model.ok()) return model.status();
  absl::StatusOr<std::unique_ptr<engine::Session>> session =
      engine::Session::Create(model->get(), {});
  if (!session.ok()) return session.status();
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].activations.empty()) continue;
    (*session)->Clear();
    absl::Status status = (*session)->Evaluate(prompts[i].ids).status();
    if (status.ok()) {
      status = CompareActivations(**session, prompts[i], numbers, &(*results)[i]);
    }
    if (!status.ok()) return AtPrompt(flags, i, status);
  }
  return absl::OkStatus();
}

std::string Verdict(const PromptResult& result) {
  const std::string remark = result.remark.empty() ? "" : absl::StrCat("; ", result.remark);
  if (result.shortcomings.empty()) return absl::StrCat("ok", remark);
  return absl::StrCat("falls short: ", absl::StrJoin(result.shortcomings, ", "), remark);
}

std::string Yes(bool same) { return same ? "same" : "OTHER"; }

std::string TableRow(size_t number, const ReferencePrompt& reference, const PromptResult& result) {
  std::string row = absl::StrFormat("%6d %6d", number, reference.ids.size());
  if (result.distance) {
    absl::StrAppendFormat(&row, " %9.2e %9.2e %9.2e %10.8f", result.distance->mse,
                          result.distance->nmse, result.nmse_bound, result.distance->cosine);
  } else {
    absl::StrAppendFormat(&row, " %9s %9s %9s %10s", "-", "-", "-", "-");
  }
  absl::StrAppendFormat(&row, " %6s",
                        reference.next ? Yes(result.next == *reference.next) : std::string("-"));
  absl::StrAppendFormat(&row, " %8s",
                        reference.next_logit
                            ? absl::StrFormat("%+.3f", result.next_logit - *reference.next_logit)
                            : std::string("-"));
  absl::StrAppendFormat(&row, " %6s",
                        reference.top10.empty()
                            ? std::string("-")
                            : absl::StrCat(result.top10_shared, "/", reference.top10.size()));
  absl::StrAppendFormat(&row, " %12s",
                        reference.greedy.empty()
                            ? std::string("-")
                            : absl::StrCat(result.greedy_equal, "/", result.greedy_decided, "/",
                                           reference.greedy.size()));
  absl::StrAppendFormat(&row, " %9s",
                        reference.mean_nll && result.mean_nll
                            ? absl::StrFormat("%+.1e", *result.mean_nll - *reference.mean_nll)
                            : std::string("-"));
  if (result.activations.empty()) {
    absl::StrAppendFormat(&row, " %11s %7s %-35s", "-", "-", "-");
  } else {
    const ActivationError& nearest = result.activations.front();
    absl::StrAppendFormat(
        &row, " %11d %7d %-35s", result.activations.size(), AboveLogitsBound(result),
        absl::StrFormat("%s: %.2e of %.2e", nearest.name, nearest.nmse, nearest.bound));
  }
  return absl::StrCat(row, "  ", Verdict(result), "\n");
}

std::string Table(const std::vector<ReferencePrompt>& prompts,
                  const std::vector<PromptResult>& results) {
  std::string table = absl::StrFormat(
      "%6s %6s %9s %9s %9s %10s %6s %8s %6s %12s %9s %11s %7s %-35s  %s\n", "prompt", "tokens",
      "MSE", "NMSE", "bound", "cosine", "argmax", "d(logit)", "top-10", "greedy=/>=/n", "d(NLL)",
      "activations", ">1.2e-4", "nearest to its bound: NMSE of bound", "verdict");
  for (size_t i = 0; i < prompts.size(); ++i) table += TableRow(i, prompts[i], results[i]);
  return table;
}

void AddJson(const ReferencePrompt& reference, const PromptResult& result, JsonWriter* json) {
  json->BeginObject();
  json->Key("tokens").Int(static_cast<int64_t>(reference.ids.size()));
  if (result.distance) {
    json->Key("mse").Number(result.distance->mse);
    json->Key("nmse").Number(result.distance->nmse);
    json->Key("nmse_bound").Number(result.nmse_bound);
    json->Key("cosine").Number(result.distance->cosine);
  }
  json->Key("next").Int(result.next);
  if (reference.next) json->Key("argmax_equal").Bool(result.next == *reference.next);
  if (reference.next_logit) {
    json->Key("next_logit_difference").Number(result.next_logit - *reference.next_logit);
  }
  if (!reference.top10.empty()) json->Key("top10_shared").Int(result.top10_shared);
  if (!reference.greedy.empty()) {
    json->Key("greedy_equal").Int(result.greedy_equal);
    json->Key("greedy_decided").Int(result.greedy_decided);
    json->Key("greedy_steps").Int(static_cast<int64_t>(reference.greedy.size()));
  }
  if (result.mean_nll) json->Key("mean_nll").Number(*result.mean_nll);
  if (reference.mean_nll) json->Key("reference_mean_nll").Number(*reference.mean_nll);
  json->Key("activations").BeginObject();
  for (const ActivationError& activation : result.activations) {
    json->Key(activation.name).BeginObject();
    json->Key("nmse").Number(activation.nmse);
    json->Key("bound").Number(activation.bound);
    if (activation.hf_bf16_nmse) json->Key("hf_bf16_nmse").Number(*activation.hf_bf16_nmse);
    json->EndObject();
  }
  json->EndObject();
  json->Key("activations_above_1.2e-4").Int(AboveLogitsBound(result));
  if (!result.remark.empty()) json->Key("remark").String(result.remark);
  json->Key("shortcomings").BeginArray();
  for (const std::string& shortcoming : result.shortcomings) json->String(shortcoming);
  json->EndArray();
  json->EndObject();
}

std::string Json(const ValidateFlags& flags, const std::vector<ReferencePrompt>& prompts,
                 const std::vector<PromptResult>& results,
                 const std::optional<CacheError>& cache_error, bool passed) {
  JsonWriter json;
  json.BeginObject();
  json.Key("precision").String(flags.model.precision);
  if (cache_error) AddCacheError(*cache_error, &json.Key("cache_error"));
  json.Key("passed").Bool(passed);
  json.Key("prompts").BeginArray();
  for (size_t i = 0; i < prompts.size(); ++i) AddJson(prompts[i], results[i], &json);
  json.EndArray().EndObject();
  return absl::StrCat(json.text(), "\n");
}

}  // namespace

absl::StatusOr<int> RunValidate(const ValidateFlags& flags) {
  absl::StatusOr<std::vector<ReferencePrompt>> prompts = LoadReference(flags.reference);
  if (!prompts.ok()) return prompts.status();
  absl::StatusOr<engine::ModuleOptions> numbers = ModuleOptionsOf(flags.model);
  if (!numbers.ok()) return numbers.status();
  std::vector<PromptResult> results;
  absl::Status status = ValidateOutputs(flags, *numbers, *prompts, &results);
  if (status.ok()) status = ValidateActivations(flags, *numbers, *prompts, &results);
  if (!status.ok()) return status;
  bool passed = absl::c_all_of(
      results, [](const PromptResult& result) { return result.shortcomings.empty(); });
  // A bundle has no other cache to compare with.
  std::optional<CacheError> cache_error;
  if (numbers->kv_cache == engine::KvCache::kInt8 && !bundle::Bundle::Looks(flags.model.model)) {
    absl::StatusOr<CacheError> measured = MeasureCacheError(flags.model, prompts->front().ids);
    if (!measured.ok()) return measured.status();
    cache_error = *measured;
    passed &= cache_error->within_bound();
  }
  std::string report =
      flags.json ? Json(flags, *prompts, results, cache_error, passed) : Table(*prompts, results);
  if (cache_error && !flags.json) {
    absl::StrAppend(&report, "KV cache int8: ", CacheErrorText(*cache_error, flags.model.precision),
                    "\n");
  }
  if (status = WriteStdout(report); !status.ok()) return status;
  return passed ? 0 : 1;
}

}  // namespace lluda::cli
