#include "tools/validate/validate_report.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json/json_writer.h"
#include "tools/validate/bounds.h"

namespace lluda::tools {
namespace {

// How many are above what bf16 logits may be off at most. That is for information: what counts is
// each one's own bound.
int64_t AboveLogitsBound(const PromptResult& result) {
  return absl::c_count_if(result.activations,
                          [](const ActivationError& error) { return !(error.nmse < kBf16Nmse); });
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

void AddJson(const ReferencePrompt& reference, const PromptResult& result, base::JsonWriter* json) {
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
  json->Key("shortcomings").Strings(result.shortcomings);
  json->EndObject();
}

}  // namespace

bool Validation::Passed() const {
  return absl::c_all_of(results,
                        [](const PromptResult& result) { return result.shortcomings.empty(); }) &&
         (!cache_error || cache_error->within_bound());
}

std::string ValidationText(const Validation& validation) {
  std::string text = absl::StrFormat(
      "%6s %6s %9s %9s %9s %10s %6s %8s %6s %12s %9s %11s %7s %-35s  %s\n", "prompt", "tokens",
      "MSE", "NMSE", "bound", "cosine", "argmax", "d(logit)", "top-10", "greedy=/>=/n", "d(NLL)",
      "activations", ">1.2e-4", "nearest to its bound: NMSE of bound", "verdict");
  for (size_t i = 0; i < validation.prompts.size(); ++i) {
    text += TableRow(i, validation.prompts[i], validation.results[i]);
  }
  if (validation.cache_error) {
    absl::StrAppend(&text, "KV cache int8: ",
                    CacheErrorText(*validation.cache_error, validation.precision), "\n");
  }
  for (const std::string& skipped : validation.skipped) {
    absl::StrAppend(&text, "not compared: ", skipped, "\n");
  }
  return text;
}

std::string ValidationJson(const Validation& validation) {
  base::JsonWriter json;
  json.BeginDocument("lluda.validate/1");
  json.Key("precision").String(validation.precision);
  if (validation.cache_error) AddCacheError(*validation.cache_error, &json.Key("cache_error"));
  json.Key("passed").Bool(validation.Passed());
  json.Key("prompts").BeginArray();
  for (size_t i = 0; i < validation.prompts.size(); ++i) {
    AddJson(validation.prompts[i], validation.results[i], &json);
  }
  json.EndArray();
  if (!validation.skipped.empty()) json.Key("skipped").Strings(validation.skipped);
  return json.EndDocument();
}

}  // namespace lluda::tools
