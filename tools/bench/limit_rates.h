// The machine's limits as `lluda bench` tells them, beside what was measured of a model.
//
//   LimitRates rates = MeasureLimits(meter.get());
//   text += LimitRatesText(rates);                       // "limit DRAM read     80.1 GB/s\n"
//   AddLimitRates(rates, &json.Key("limits"));
#ifndef LLUDA_TOOLS_BENCH_LIMIT_RATES_H_
#define LLUDA_TOOLS_BENCH_LIMIT_RATES_H_

#include <array>
#include <iterator>
#include <optional>
#include <string>

#include "base/json/json_writer.h"
#include "codegen/cpu/machine_limits.h"
#include "tools/measure/limits.h"

namespace lluda::tools {

// In 10^9 a second, by Limit; absent where the target has no instruction for it.
using LimitRates = std::array<std::optional<double>, std::size(codegen::kAllLimits)>;

// How a limit is called.
struct LimitText {
  codegen::Limit limit;
  const char* key;   // in JSON
  const char* name;  // in text
  const char* unit;
};
const LimitText& TextOf(codegen::Limit limit);

// How long a limit's loop runs in a turn.
inline constexpr double kLimitSeconds = 0.05;
// The medians of a few turns.
LimitRates MeasureLimits(LimitMeter* meter);

std::string LimitRatesText(const LimitRates& rates);
void AddLimitRates(const LimitRates& rates, base::JsonWriter* json);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_LIMIT_RATES_H_
