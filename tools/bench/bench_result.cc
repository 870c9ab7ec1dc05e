#include "tools/bench/bench_result.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json/json_writer.h"

namespace lluda::tools {
namespace {

using codegen::Limit;

std::string SpeedText(const Speed& speed) {
  return absl::StrFormat("%9.2f tokens/s, spread %.2f; %5.1f%% of the %s limit, spread %.1f",
                         speed.tokens_per_s.median, speed.tokens_per_s.spread, speed.percent.median,
                         TextOf(speed.limit).name, speed.percent.spread);
}

std::string CallsText(const char* what, const StepCalls& calls) {
  return absl::StrFormat("%-12s %d calls, %d of them shared by threads; a layer %.1f and %.1f\n",
                         what, calls.calls, calls.regions, calls.calls_per_layer,
                         calls.regions_per_layer);
}

void AddSpeed(const Speed& speed, base::JsonWriter* json) {
  json->Key("tokens_per_s").Number(speed.tokens_per_s.median);
  json->Key("spread").Number(speed.tokens_per_s.spread);
  json->Key("min").Number(speed.tokens_per_s.min);
  json->Key("max").Number(speed.tokens_per_s.max);
  json->Key("percent_of_limit").Number(speed.percent.median);
  json->Key("percent_spread").Number(speed.percent.spread);
  json->Key("limit").String(TextOf(speed.limit).key);
  json->Key("limit_rate").Number(speed.limit_rate);
}

void AddPrefill(const PrefillResult& prefill, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("tokens").Int(prefill.tokens);
  AddSpeed(prefill.speed, json);
  json->Key("percent_of_limit_matmuls").Number(prefill.percent_of_limit_matmuls);
  json->Key("first_token_ms").Number(prefill.first_token_ms.median);
  json->EndObject();
}

void AddDecode(const DecodeResult& decode, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("tokens").Int(decode.tokens);
  json->Key("depth").Int(decode.depth);
  AddSpeed(decode.speed, json);
  json->Key("bytes_per_token").Int(decode.bytes_per_token);
  if (decode.head_rows) json->Key("head_rows").Number(*decode.head_rows);
  json->EndObject();
}

// How many times as fast as one stream they are together, if one was measured.
std::optional<double> TimesOne(const BenchResult& result, const StreamsResult& streams) {
  for (const StreamsResult& one : result.streams) {
    if (one.streams != 1) continue;
    return streams.speed.tokens_per_s.median / one.speed.tokens_per_s.median;
  }
  return std::nullopt;
}

void AddStreams(const BenchResult& result, const StreamsResult& streams, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("streams").Int(streams.streams);
  json->Key("tokens").Int(streams.tokens);
  AddSpeed(streams.speed, json);
  const std::optional<double> times = TimesOne(result, streams);
  if (times) json->Key("times_one").Number(*times);
  json->EndObject();
}

void AddBatch(const BatchResult& batch, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("tokens").Int(batch.tokens);
  json->Key("ms").Number(batch.ms.median);
  json->Key("ms_spread").Number(batch.ms.spread);
  json->Key("times_one").Number(batch.times_one.median);
  json->Key("times_one_spread").Number(batch.times_one.spread);
  json->EndObject();
}

void AddPeerSpeeds(const std::vector<PeerSpeed>& speeds, base::JsonWriter* json) {
  json->BeginArray();
  for (const PeerSpeed& speed : speeds) {
    json->BeginObject();
    json->Key("tokens").Int(speed.tokens);
    json->Key("depth").Int(speed.depth);
    json->Key("tokens_per_s").Number(speed.tokens_per_s.median);
    json->Key("spread").Number(speed.tokens_per_s.spread);
    json->Key("lluda_tokens_per_s").Number(speed.own_tokens_per_s.median);
    json->Key("lluda_spread").Number(speed.own_tokens_per_s.spread);
    json->Key("lluda_is_times").Number(speed.times.median);
    json->Key("lluda_is_times_spread").Number(speed.times.spread);
    json->EndObject();
  }
  json->EndArray();
}

void AddPeer(const PeerResult& peer, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("program").String(peer.program);
  json->Key("gguf").String(peer.gguf);
  json->Key("flags").BeginArray();
  for (const std::string& flag : peer.flags) json->String(flag);
  json->EndArray();
  AddPeerSpeeds(peer.prefill, &json->Key("prefills"));
  AddPeerSpeeds(peer.decode, &json->Key("decodes"));
  json->EndObject();
}

std::string PeerText(const PeerResult& peer) {
  std::string text = absl::StrFormat("%-12s %s %s %s\n", "peer", peer.program, peer.gguf,
                                     absl::StrJoin(peer.flags, " "));
  const auto add = [&text](const char* what, const PeerSpeed& speed) {
    absl::StrAppendFormat(
        &text,
        "%-12s %5d tokens at depth %d: %9.2f tokens/s, spread %.2f; lluda is %.2f x "
        "as fast, spread %.2f\n",
        what, speed.tokens, speed.depth, speed.tokens_per_s.median, speed.tokens_per_s.spread,
        speed.times.median, speed.times.spread);
  };
  for (const PeerSpeed& speed : peer.prefill) add("peer prefill", speed);
  for (const PeerSpeed& speed : peer.decode) add("peer decode", speed);
  return text;
}

void AddCalls(const StepCalls& calls, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("calls").Int(calls.calls);
  json->Key("regions").Int(calls.regions);
  json->Key("calls_per_layer").Number(calls.calls_per_layer);
  json->Key("regions_per_layer").Number(calls.regions_per_layer);
  json->EndObject();
}

}  // namespace

std::string BenchText(const BenchResult& result) {
  std::string text = absl::StrFormat(
      "%-12s %s, %s, KV cache %s%s, context %d\n", "model", result.model, result.precision,
      result.kv_cache, result.activations.empty() ? "" : ", activations " + result.activations,
      result.context);
  absl::StrAppendFormat(&text, "%-12s %s, isa %s, threads %d\n", "machine", result.cpu, result.isa,
                        result.threads);
  text += LimitRatesText(result.limits);
  for (const PrefillResult& prefill : result.prefill) {
    absl::StrAppendFormat(&text, "%-12s %5d tokens: %s", "prefill", prefill.tokens,
                          SpeedText(prefill.speed));
    if (prefill.speed.limit != Limit::kDramRead) {
      absl::StrAppendFormat(&text, "; matmuls alone %.1f%%", prefill.percent_of_limit_matmuls);
    }
    text += "\n";
  }
  for (const DecodeResult& decode : result.decode) {
    absl::StrAppendFormat(&text, "%-12s %5d tokens at depth %d: %s\n", "decode", decode.tokens,
                          decode.depth, SpeedText(decode.speed));
    if (!decode.head_rows) continue;
    absl::StrAppendFormat(&text, "%-12s %.0f rows of the head a token at depth %d\n", "head",
                          *decode.head_rows, decode.depth);
  }
  for (const StreamsResult& streams : result.streams) {
    absl::StrAppendFormat(&text, "%-12s %5d side by side: %s", "streams", streams.streams,
                          SpeedText(streams.speed));
    const std::optional<double> times = TimesOne(result, streams);
    absl::StrAppend(&text, times ? absl::StrFormat("; %.2f x one stream\n", *times) : "\n");
  }
  for (const BatchResult& batch : result.batch) {
    absl::StrAppendFormat(&text,
                          "%-12s %5d tokens: %.2f ms, spread %.2f; %.2f x one token, spread %.2f\n",
                          "small step", batch.tokens, batch.ms.median, batch.ms.spread,
                          batch.times_one.median, batch.times_one.spread);
  }
  for (const PeerResult& peer : result.peers) text += PeerText(peer);
  for (const PrefillResult& prefill : result.prefill) {
    absl::StrAppendFormat(&text, "%-12s %.1f ms after %d tokens, spread %.1f\n", "first token",
                          prefill.first_token_ms.median, prefill.tokens,
                          prefill.first_token_ms.spread);
  }
  absl::StrAppendFormat(&text,
                        "%-12s %.0f ms, of which compile %.0f ms; start to first token %.0f ms\n",
                        "load", result.load_ms, result.compile_ms, result.start_to_first_token_ms);
  absl::StrAppendFormat(&text, "%-12s peak %.1f MB; weights %.1f MB, cache %.1f MB\n", "memory",
                        static_cast<double>(result.peak_rss_bytes) / 1e6,
                        static_cast<double>(result.weight_bytes) / 1e6,
                        static_cast<double>(result.kv_bytes) / 1e6);
  if (result.decode_calls) text += CallsText("decode step", *result.decode_calls);
  if (result.prefill_calls) text += CallsText("prefill step", *result.prefill_calls);
  if (result.cache_error) {
    absl::StrAppendFormat(&text, "%-12s %s\n", "cache error",
                          CacheErrorText(*result.cache_error, result.precision));
  }
  absl::StrAppendFormat(&text, "%-12s %s\n", "checked", result.check);
  return text;
}

std::string BenchJson(const BenchResult& result) {
  base::JsonWriter json;
  json.BeginDocument("lluda.bench/1");
  json.Key("model").String(result.model);
  json.Key("precision").String(result.precision);
  json.Key("kv_cache").String(result.kv_cache);
  if (!result.activations.empty()) json.Key("activations").String(result.activations);
  json.Key("context").Int(result.context);
  json.Key("cpu").String(result.cpu);
  json.Key("isa").String(result.isa);
  json.Key("threads").Int(result.threads);
  AddLimitRates(result.limits, &json.Key("limits"));
  json.Key("prefill");
  AddPrefill(result.prefill.front(), &json);
  json.Key("decode");
  AddDecode(result.decode.front(), &json);
  json.Key("first_token_ms").Number(result.prefill.front().first_token_ms.median);
  json.Key("start_to_first_token_ms").Number(result.start_to_first_token_ms);
  json.Key("load_ms").Number(result.load_ms);
  json.Key("compile_ms").Number(result.compile_ms);
  json.Key("peak_rss_bytes").Int(result.peak_rss_bytes);
  json.Key("weight_bytes").Int(result.weight_bytes);
  json.Key("kv_bytes").Int(result.kv_bytes);
  json.Key("matmul_flops_per_token").Number(result.matmul_flops_per_token);
  json.Key("prefills").BeginArray();
  for (const PrefillResult& prefill : result.prefill) AddPrefill(prefill, &json);
  json.EndArray();
  json.Key("decodes").BeginArray();
  for (const DecodeResult& decode : result.decode) AddDecode(decode, &json);
  json.EndArray();
  json.Key("streams").BeginArray();
  for (const StreamsResult& streams : result.streams) AddStreams(result, streams, &json);
  json.EndArray();
  json.Key("batch").BeginArray();
  for (const BatchResult& batch : result.batch) AddBatch(batch, &json);
  json.EndArray();
  json.Key("peers").BeginArray();
  for (const PeerResult& peer : result.peers) AddPeer(peer, &json);
  json.EndArray();
  if (result.decode_calls) AddCalls(*result.decode_calls, &json.Key("decode_step"));
  if (result.prefill_calls) AddCalls(*result.prefill_calls, &json.Key("prefill_step"));
  if (result.cache_error) AddCacheError(*result.cache_error, &json.Key("cache_error"));
  json.Key("check").String(result.check);
  json.Key("warning");
  result.warning.empty() ? json.Null() : json.String(result.warning);
  return json.EndDocument();
}

}  // namespace lluda::tools
