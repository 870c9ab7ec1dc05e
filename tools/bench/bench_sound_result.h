// What `lluda bench --entry audio` found out, and how it is written: as text and as JSON.
//
//   SoundBenchResult result = ...;
//   WriteStdout(SoundBenchText(result));
#ifndef LLUDA_TOOLS_BENCH_BENCH_SOUND_RESULT_H_
#define LLUDA_TOOLS_BENCH_BENCH_SOUND_RESULT_H_

#include <cstdint>
#include <string>

#include "tools/bench/limit_rates.h"
#include "tools/measure/statistics.h"

namespace lluda::tools {

struct SoundBenchResult {
  std::string model, cpu, isa, precision;
  std::string activations;  // "int8"; empty: exact
  int threads = 0;
  LimitRates limits;
  int64_t seconds = 0;    // of sound
  int64_t rows = 0;       // that became of it
  Summary ms_per_second;  // of sound
  // Of the time, that in which the machine does all products, each at the limit of its arithmetic;
  // turn by turn.
  Summary percent;
  Summary percent_matmuls;  // the same of products with weights, attention's not counted
  double flops_per_second = 0, matmul_flops_per_second = 0;  // of sound
  double load_ms = 0, compile_ms = 0;
  int64_t peak_rss_bytes = 0;  // before the limits' own memory
  std::string check;           // how the rows were found right
  std::string warning;         // empty on a quiet machine
};

std::string SoundBenchText(const SoundBenchResult& result);
std::string SoundBenchJson(const SoundBenchResult& result);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_SOUND_RESULT_H_
