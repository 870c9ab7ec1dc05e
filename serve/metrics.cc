#include "serve/metrics.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json/json.h"

namespace lluda::serve {
namespace {

constexpr size_t kMostIgnoredNames = 64;

using engine::HistogramCounts;
using engine::ServiceStats;

struct ValueRow {
  absl::string_view name, type;
  double (*value)(const ServiceStats& stats);
};
// vLLM's names, under our own prefix.
constexpr ValueRow kValues[] = {
    {"num_requests_running", "gauge",
     [](const ServiceStats& s) { return static_cast<double>(s.running); }},
    {"num_requests_waiting", "gauge",
     [](const ServiceStats& s) { return static_cast<double>(s.waiting); }},
    {"num_requests_paused", "gauge",
     [](const ServiceStats& s) { return static_cast<double>(s.paused); }},
    {"kv_cache_usage_perc", "gauge", [](const ServiceStats& s) { return s.cache_usage; }},
    {"prefix_cache_queries_total", "counter",
     [](const ServiceStats& s) { return static_cast<double>(s.prefix_queries); }},
    {"prefix_cache_hits_total", "counter",
     [](const ServiceStats& s) { return static_cast<double>(s.prefix_hits); }},
    {"num_preemptions_total", "counter",
     [](const ServiceStats& s) { return static_cast<double>(s.preemptions); }},
    {"prompt_tokens_total", "counter",
     [](const ServiceStats& s) { return static_cast<double>(s.prompt_tokens); }},
    {"generation_tokens_total", "counter",
     [](const ServiceStats& s) { return static_cast<double>(s.generated_tokens); }},
    {"steps_total", "counter", [](const ServiceStats& s) { return static_cast<double>(s.steps); }},
    {"failed_steps_total", "counter",
     [](const ServiceStats& s) { return static_cast<double>(s.failed_steps); }},
};

struct HistogramRow {
  absl::string_view name;
  HistogramCounts ServiceStats::* counts;
};
constexpr HistogramRow kHistograms[] = {
    {"time_to_first_token_seconds", &ServiceStats::time_to_first_token},
    {"inter_token_latency_seconds", &ServiceStats::inter_token},
    {"e2e_request_latency_seconds", &ServiceStats::end_to_end},
    {"request_queue_time_seconds", &ServiceStats::queue},
    {"request_prefill_time_seconds", &ServiceStats::prefill},
    {"request_decode_time_seconds", &ServiceStats::decode},
    {"request_prompt_tokens", &ServiceStats::request_prompt_tokens},
    {"request_generation_tokens", &ServiceStats::request_generated_tokens},
    {"iteration_tokens_total", &ServiceStats::iteration_tokens},
    {"step_seconds", &ServiceStats::step_seconds},
    {"step_limit_ratio", &ServiceStats::step_limit_ratio},
};

void AddType(absl::string_view name, absl::string_view type, std::string* text) {
  absl::StrAppend(text, "# TYPE lluda:", name, " ", type, "\n");
}

std::string NumberText(double value) { return absl::StrFormat("%.9g", value); }

void AddHistogram(const HistogramRow& row, const HistogramCounts& counts, std::string* text) {
  AddType(row.name, "histogram", text);
  int64_t until = 0;
  for (size_t i = 0; i < counts.counts.size(); ++i) {
    until += counts.counts[i];
    const std::string bound = i < counts.bounds.size() ? NumberText(counts.bounds[i]) : "+Inf";
    absl::StrAppend(text, "lluda:", row.name, "_bucket{le=\"", bound, "\"} ", until, "\n");
  }
  absl::StrAppend(text, "lluda:", row.name, "_sum ", NumberText(counts.sum), "\n");
  absl::StrAppend(text, "lluda:", row.name, "_count ", counts.count(), "\n");
}

void AddByLabel(absl::string_view name, absl::string_view label,
                const std::map<std::string, int64_t>& counts, std::string* text) {
  AddType(name, "counter", text);
  for (const auto& [value, count] : counts) {
    absl::StrAppend(text, "lluda:", name, "{", label, "=\"", value, "\"} ", count, "\n");
  }
}

}  // namespace

void Counters::CountRequest(absl::string_view path, int status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++requests_[{std::string(path), status}];
}

void Counters::CountRejected(absl::string_view code) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++rejected_[std::string(code)];
}

void Counters::CountIgnored(absl::string_view field) {
  // Names are escaped already; a label's value must not have these three either.
  std::string name = absl::CEscape(base::QuoteName(field));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ignored_.size() >= kMostIgnoredNames && ignored_.count(name) == 0) name = "other";
  ++ignored_[name];
}

void Counters::CountFinished(absl::string_view reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++finished_[std::string(reason)];
}

std::string Counters::Text() const {
  std::string text;
  const std::lock_guard<std::mutex> lock(mutex_);
  AddType("http_requests_total", "counter", &text);
  for (const auto& [key, count] : requests_) {
    absl::StrAppend(&text, "lluda:http_requests_total{path=\"", key.first, "\",code=\"", key.second,
                    "\"} ", count, "\n");
  }
  AddByLabel("request_success_total", "finished_reason", finished_, &text);
  AddByLabel("rejected_total", "code", rejected_, &text);
  AddByLabel("ignored_fields_total", "field", ignored_, &text);
  return text;
}

std::string MetricsText(const engine::ServiceStats& stats, const Counters& counters,
                        int64_t connections) {
  std::string text;
  for (const ValueRow& row : kValues) {
    AddType(row.name, row.type, &text);
    absl::StrAppend(&text, "lluda:", row.name, " ", NumberText(row.value(stats)), "\n");
  }
  for (const HistogramRow& row : kHistograms) AddHistogram(row, stats.*row.counts, &text);
  AddType("http_connections", "gauge", &text);
  absl::StrAppend(&text, "lluda:http_connections ", connections, "\n");
  return text + counters.Text();
}

}  // namespace lluda::serve
