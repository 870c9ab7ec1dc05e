#include "tools/eval/eval_report.h"

#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json/json_writer.h"
#include "engine/source/module_options.h"
#include "ir/type/dtype.h"

namespace lluda::tools {
namespace {

constexpr double kTail = 0.99;

std::string SubjectText(const EvalSubject& subject) {
  std::string text = absl::StrCat(subject.model, ", ", subject.precision);
  if (subject.kv_cache != subject.precision) {
    absl::StrAppend(&text, ", KV cache ", subject.kv_cache);
  }
  if (!subject.weights.empty()) absl::StrAppend(&text, ", weights ", subject.weights);
  if (!subject.activations.empty()) {
    absl::StrAppend(&text, ", activations ", subject.activations);
  }
  return text;
}

// One line, whatever the text holds.
std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text), "\"");
}

void AddSubject(const EvalSubject& subject, base::JsonWriter* json) {
  json->Key("model").String(subject.model);
  json->Key("precision").String(subject.precision);
  json->Key("kv_cache").String(subject.kv_cache);
  if (!subject.weights.empty()) json->Key("weights").String(subject.weights);
  if (!subject.activations.empty()) json->Key("activations").String(subject.activations);
}

}  // namespace

EvalSubject SubjectOf(const engine::LoadOptions& options) {
  const engine::ModuleOptions& module = options.module;
  EvalSubject subject;
  subject.model = options.source->path();
  subject.precision = std::string(engine::PrecisionName(module.precision));
  subject.kv_cache = std::string(engine::KvCacheName(module.kv_cache, module.precision));
  if (module.weights) subject.weights = std::string(ir::DTypeName(*module.weights));
  if (module.chosen != nullptr) subject.weights = absl::StrCat("auto ", module.chosen->budget);
  if (module.activations != engine::Activations::kExact) {
    subject.activations = std::string(engine::ActivationsName(module.activations));
  }
  return subject;
}

std::string EvalReportText(const EvalReport& report) {
  const Evaluation& found = report.evaluation;
  const auto count = static_cast<int64_t>(found.positions.size());
  std::string text =
      absl::StrFormat("text        %s: %d tokens, in windows of %d, each %d behind the last\n",
                      found.text_name, found.tokens, found.window, found.stride);
  absl::StrAppend(&text, "model       ", SubjectText(report.subject), "\n");
  absl::StrAppendFormat(&text, "positions   %d of %d%s\n", count, found.wanted,
                        found.is_complete() ? "" : ": stopped before the end");
  if (count == 0) return text;
  const double nll = found.MeanNll();
  absl::StrAppendFormat(&text, "perplexity  %.4f +- %.4f: %.5f nats a token, %.4f bits a byte\n",
                        std::exp(nll), std::exp(nll) * found.NllError(), nll, found.BitsPerByte());
  if (report.against) {
    const double other = found.MeanAgainstNll();
    absl::StrAppend(&text, "against     ", SubjectText(*report.against), "\n");
    absl::StrAppendFormat(&text, "perplexity  %.4f there, %.5f times as much here\n",
                          std::exp(other), std::exp(nll - other));
    absl::StrAppendFormat(&text, "KL          mean %.3e nats, 99%% below %.3e, worst %.3e\n",
                          found.MeanKl(), found.KlQuantile(kTail), found.KlQuantile(1));
    absl::StrAppendFormat(&text, "likeliest   the same token in %d of %d, %.2f%%\n",
                          found.SameTop(), count,
                          100 * static_cast<double>(found.SameTop()) / static_cast<double>(count));
  }
  absl::StrAppend(&text, "worst       ", report.against ? "by KL" : "by NLL",
                  ": token, numbers, the text before it, it\n");
  for (const Evaluation::Place& place : found.worst) {
    const PositionScore& score = place.position.score;
    absl::StrAppendFormat(&text, "  %8d  NLL %7.4f", place.position.token, score.nll);
    if (report.against) {
      absl::StrAppendFormat(&text, " (there %7.4f)  KL %.3e", score.against_nll, score.kl);
    }
    absl::StrAppend(&text, "  ", Quoted(place.before), " ", Quoted(place.token), "\n");
  }
  return text;
}

std::string EvalReportJson(const EvalReport& report) {
  const Evaluation& found = report.evaluation;
  base::JsonWriter json;
  json.BeginDocument("lluda.eval/1");
  AddSubject(report.subject, &json);
  json.Key("text").String(found.text_name);
  json.Key("tokens").Int(found.tokens);
  json.Key("window").Int(found.window);
  json.Key("stride").Int(found.stride);
  json.Key("complete").Bool(found.is_complete());
  json.Key("positions").Int(static_cast<int64_t>(found.positions.size()));
  json.Key("positions_wanted").Int(found.wanted);
  const double nll = found.MeanNll();
  json.Key("mean_nll").Number(nll);
  json.Key("mean_nll_error").Number(found.NllError());
  json.Key("perplexity").Number(std::exp(nll));
  json.Key("bits_per_byte").Number(found.BitsPerByte());
  if (report.against) {
    json.Key("against").BeginObject();
    AddSubject(*report.against, &json);
    const double other = found.MeanAgainstNll();
    json.Key("mean_nll").Number(other);
    json.Key("perplexity").Number(std::exp(other));
    json.Key("kl_mean").Number(found.MeanKl());
    json.Key("kl_p99").Number(found.KlQuantile(kTail));
    json.Key("kl_worst").Number(found.KlQuantile(1));
    json.Key("likeliest_equal").Int(found.SameTop());
    json.EndObject();
  }
  json.Key("worst").BeginArray();
  for (const Evaluation::Place& place : found.worst) {
    const PositionScore& score = place.position.score;
    json.BeginObject();
    json.Key("token").Int(place.position.token);
    json.Key("before").String(place.before);
    json.Key("text").String(place.token);
    json.Key("nll").Number(score.nll);
    if (report.against) {
      json.Key("against_nll").Number(score.against_nll);
      json.Key("kl").Number(score.kl);
    }
    json.EndObject();
  }
  json.EndArray();
  return json.EndDocument();
}

}  // namespace lluda::tools
