#include "tools/bench/limit_rates.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/measure/statistics.h"

namespace lluda::tools {
namespace {

using codegen::Limit;

constexpr int kTurns = 3;

constexpr LimitText kLimits[] = {
    {Limit::kDramRead, "dram_read_gbps", "DRAM read", "GB/s"},
    {Limit::kF32, "f32_gflops", "f32", "GFLOP/s"},
    {Limit::kBf16, "bf16_gflops", "bf16", "GFLOP/s"},
    {Limit::kInt8, "int8_gops", "int8", "GOP/s"},
    {Limit::kBf16Fed, "bf16_fed_gflops", "bf16 fed", "GFLOP/s"},
};

}  // namespace

const LimitText& TextOf(Limit limit) { return kLimits[static_cast<size_t>(limit)]; }

LimitRates MeasureLimits(LimitMeter* meter) {
  std::array<std::vector<double>, std::size(codegen::kAllLimits)> measured;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (const Limit limit : codegen::kAllLimits) {
      if (!meter->Has(limit)) continue;
      measured[static_cast<size_t>(limit)].push_back(meter->Measure(limit, kLimitSeconds));
    }
  }
  LimitRates rates;
  for (size_t i = 0; i < rates.size(); ++i) {
    if (!measured[i].empty()) rates[i] = Summarize(measured[i]).median;
  }
  return rates;
}

std::string LimitRatesText(const LimitRates& rates) {
  std::string text;
  for (const LimitText& limit : kLimits) {
    const std::optional<double>& rate = rates[static_cast<size_t>(limit.limit)];
    const std::string name = absl::StrCat("limit ", limit.name);
    if (rate) {
      absl::StrAppendFormat(&text, "%-15s %8.1f %s\n", name, *rate, limit.unit);
    } else {
      absl::StrAppendFormat(&text, "%-15s no instruction in this isa\n", name);
    }
  }
  return text;
}

void AddLimitRates(const LimitRates& rates, base::JsonWriter* json) {
  json->BeginObject();
  for (const LimitText& limit : kLimits) {
    const std::optional<double>& rate = rates[static_cast<size_t>(limit.limit)];
    json->Key(limit.key);
    rate ? json->Number(*rate) : json->Null();
  }
  json->EndObject();
}

}  // namespace lluda::tools
