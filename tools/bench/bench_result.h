// What `lluda bench` found out, and how it is written: as text and as JSON.
//
//   BenchResult result = ...;
//   WriteStdout(BenchText(result));
//   base::WriteFile("bench.json", BenchJson(result));
#ifndef LLUDA_TOOLS_BENCH_BENCH_RESULT_H_
#define LLUDA_TOOLS_BENCH_BENCH_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codegen/cpu/machine_limits.h"
#include "tools/bench/limit_rates.h"
#include "tools/measure/statistics.h"
#include "tools/validate/cache_error.h"

namespace lluda::tools {

// Speed and its share of the limit, over all turns.
struct Speed {
  Summary tokens_per_s;
  Summary percent;  // of `limit`, turn by turn
  codegen::Limit limit = codegen::Limit::kDramRead;
  double limit_rate = 0;  // median of the turns, in 10^9 a second
};

struct PrefillResult {
  int64_t tokens = 0;
  Speed speed;  // attention's operations counted
  // The same without them; equal where reading the weights is the limit.
  double percent_of_limit_matmuls = 0;
  Summary first_token_ms;  // from the prompt's arrival to its first token
};

struct DecodeResult {
  int64_t tokens = 0;
  int64_t depth = 0;
  Speed speed;
  int64_t bytes_per_token = 0;           // at the depth itself
  std::optional<double> head_rows = {};  // that a token's logits are computed of, of a partial head
};

// A step of several tokens of a sequence, all of whose logits are wanted.
struct BatchResult {
  int64_t tokens = 0;
  Summary ms;
  Summary times_one;  // its time over that of a step of one token, turn by turn
};

// Several texts generated side by side.
struct StreamsResult {
  int64_t streams = 0;
  int64_t tokens = 0;  // of each
  Speed speed;         // of all together
};

// Another engine and lluda in turns.
struct PeerSpeed {
  int64_t tokens = 0;
  int64_t depth = 0;
  Summary own_tokens_per_s;
  Summary tokens_per_s;
  Summary times;  // as fast as the other one lluda is, turn by turn
};

struct PeerResult {
  std::string program, gguf;
  std::vector<std::string> flags;
  std::vector<PeerSpeed> prefill, decode;  // of each of lluda's
};

// How a step's calls were run.
struct StepCalls {
  int64_t calls = 0;
  int64_t regions = 0;  // those that were shared between threads; side by side they count as one
  double calls_per_layer = 0;
  double regions_per_layer = 0;
};

struct BenchResult {
  std::string model, cpu, isa, precision, kv_cache;
  std::string activations;  // "int8"; empty: exact
  int threads = 0;
  int64_t context = 0;
  LimitRates limits;
  std::vector<PrefillResult> prefill;  // at least one
  std::vector<DecodeResult> decode;    // at least one
  std::vector<StreamsResult> streams;  // those that were asked for
  std::vector<BatchResult> batch;      // those that were asked for
  std::vector<PeerResult> peers;       // those that were asked for
  double start_to_first_token_ms = 0;  // loading included, of the first prompt
  double load_ms = 0, compile_ms = 0;
  int64_t peak_rss_bytes = 0;  // before the limits' own memory
  int64_t weight_bytes = 0;    // read by each step
  int64_t kv_bytes = 0;        // of the cache, whole
  double matmul_flops_per_token = 0;
  std::optional<StepCalls> decode_calls, prefill_calls;
  std::optional<CacheError> cache_error;  // of a cache of int8
  std::string check;                      // how the output was found right
  std::string warning;                    // empty on a quiet machine
};

std::string BenchText(const BenchResult& result);
std::string BenchJson(const BenchResult& result);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_RESULT_H_
