#include "tools/bench/bench_sound_result.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json/json_writer.h"

namespace lluda::tools {

std::string SoundBenchText(const SoundBenchResult& result) {
  std::string text =
      absl::StrFormat("%-12s %s, %s%s\n", "model", result.model, result.precision,
                      result.activations.empty() ? "" : ", activations " + result.activations);
  absl::StrAppendFormat(&text, "%-12s %s, isa %s, threads %d\n", "machine", result.cpu, result.isa,
                        result.threads);
  text += LimitRatesText(result.limits);
  absl::StrAppendFormat(&text,
                        "%-12s %5d s of sound, %d rows: %.2f ms a second of sound, spread %.2f; "
                        "%.1f%% of the limit, spread %.1f; matmuls alone %.1f%%\n",
                        "audio", result.seconds, result.rows, result.ms_per_second.median,
                        result.ms_per_second.spread, result.percent.median, result.percent.spread,
                        result.percent_matmuls.median);
  absl::StrAppendFormat(&text, "%-12s %.2f GFLOP a second of sound, of which matmuls %.2f\n",
                        "products", result.flops_per_second / 1e9,
                        result.matmul_flops_per_second / 1e9);
  absl::StrAppendFormat(&text, "%-12s %.0f ms, of which compile %.0f ms\n", "load", result.load_ms,
                        result.compile_ms);
  absl::StrAppendFormat(&text, "%-12s peak %.1f MB\n", "memory",
                        static_cast<double>(result.peak_rss_bytes) / 1e6);
  absl::StrAppendFormat(&text, "%-12s %s\n", "checked", result.check);
  return text;
}

std::string SoundBenchJson(const SoundBenchResult& result) {
  base::JsonWriter json;
  json.BeginDocument("lluda.bench_audio/1");
  json.Key("model").String(result.model);
  json.Key("precision").String(result.precision);
  if (!result.activations.empty()) json.Key("activations").String(result.activations);
  json.Key("cpu").String(result.cpu);
  json.Key("isa").String(result.isa);
  json.Key("threads").Int(result.threads);
  AddLimitRates(result.limits, &json.Key("limits"));
  json.Key("seconds").Int(result.seconds);
  json.Key("rows").Int(result.rows);
  json.Key("ms_per_second").Number(result.ms_per_second.median);
  json.Key("spread").Number(result.ms_per_second.spread);
  json.Key("min").Number(result.ms_per_second.min);
  json.Key("max").Number(result.ms_per_second.max);
  json.Key("percent_of_limit").Number(result.percent.median);
  json.Key("percent_spread").Number(result.percent.spread);
  json.Key("percent_of_limit_matmuls").Number(result.percent_matmuls.median);
  json.Key("flops_per_second").Number(result.flops_per_second);
  json.Key("matmul_flops_per_second").Number(result.matmul_flops_per_second);
  json.Key("load_ms").Number(result.load_ms);
  json.Key("compile_ms").Number(result.compile_ms);
  json.Key("peak_rss_bytes").Int(result.peak_rss_bytes);
  json.Key("check").String(result.check);
  json.Key("warning");
  result.warning.empty() ? json.Null() : json.String(result.warning);
  return json.EndDocument();
}

}  // namespace lluda::tools
