#include "tools/bench/bench_sound.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "base/stopwatch.h"
#include "engine/audio_encoder.h"
#include "ir/cost.h"
#include "tools/bench/bench_sound_check.h"
#include "tools/bench/bench_speed.h"
#include "tools/ir/keep_entry.h"
#include "tools/measure/accounting.h"
#include "tools/measure/limits.h"
#include "tools/measure/machine.h"
#include "tools/measure/statistics.h"

namespace lluda::tools {
namespace {

using codegen::Limit;

constexpr int64_t kFramesASecond = 100;

using Rows = std::shared_ptr<const engine::MediaRows>;

// Reproducible features of so many frames, about as large as those of sounds.
std::vector<float> Noise(int64_t mel_bins, int64_t frames) {
  base::SplitMix64 random(1);
  std::vector<float> features(static_cast<size_t>(mel_bins * frames));
  for (float& feature : features) feature = static_cast<float>(2 * random.NextUnit() - 1);
  return features;
}

// Of all that is run for so many frames.
Products CountSound(const OptimisedModel& model, const engine::AudioEncoder& encoder,
                    int64_t frames) {
  const auto count = [&](const char* entry, int64_t rows) {
    return CountProducts(*model.module->FindFunc(entry), model.target,
                         [rows](absl::string_view symbol) {
                           return symbol == step_interface::kSoundCount ? rows : 1;
                         });
  };
  Products all;
  const int64_t chunks = (frames + kFramesASecond - 1) / kFramesASecond;
  all.Add(count(step_interface::kAudioChunk, 1), static_cast<double>(chunks));
  for (const int64_t rows : encoder.WindowsOf(frames)) {
    all.Add(count(step_interface::kAudio, rows), 1);
  }
  return all;
}

double TotalOf(const std::map<Limit, double>& operations) {
  double total = 0;
  for (const auto& [limit, count] : operations) total += count;
  return total;
}

// Each limit of the products, measured now.
std::map<Limit, double> MeasureNow(const Products& products, LimitMeter* meter) {
  std::map<Limit, double> rates;
  for (const auto* operations : {&products.matmuls, &products.attention}) {
    for (const auto& [limit, count] : *operations) {
      if (rates.count(limit) == 0) rates[limit] = 1e9 * meter->Measure(limit, kTurnSeconds);
    }
  }
  return rates;
}

// How long the operations take at these rates.
double SecondsAt(const std::map<Limit, double>& rates, const std::map<Limit, double>& operations) {
  double seconds = 0;
  for (const auto& [limit, count] : operations) seconds += count / rates.at(limit);
  return seconds;
}

// A speed is one over a time: the limit's is that of the mixture of products.
Summary PercentOf(const std::vector<double>& limit_seconds, const std::vector<double>& seconds) {
  std::vector<double> limits, speeds, percents;
  for (const double each : limit_seconds) limits.push_back(1 / each);
  for (const double each : seconds) speeds.push_back(1 / each);
  for (const double ratio : RatiosInTurns(limits, speeds)) percents.push_back(100 * ratio);
  return Summarize(percents);
}

absl::Status RunTimed(const SoundBenchOptions& bench, const std::vector<float>& features,
                      const Products& products, const Rows& expected, engine::AudioEncoder* encoder,
                      LimitMeter* meter, SoundBenchResult* result) {
  const BusyMonitor monitor;
  result->limits = MeasureLimits(meter);
  std::vector<double> seconds, ms_per_second, limit_all, limit_matmuls;
  const auto measure_limits = [&] {
    const std::map<Limit, double> rates = MeasureNow(products, meter);
    limit_matmuls.push_back(SecondsAt(rates, products.matmuls));
    limit_all.push_back(limit_matmuls.back() + SecondsAt(rates, products.attention));
  };
  measure_limits();
  for (int i = 0; i < bench.repeat; ++i) {
    base::Stopwatch watch;
    ASSIGN_OR_RETURN(const Rows rows,
                     encoder->Encode(features, kFramesASecond * bench.seconds, {}));
    seconds.push_back(watch.Lap());
    ms_per_second.push_back(1e3 * seconds.back() / static_cast<double>(bench.seconds));
    measure_limits();
    if (rows->values != expected->values) {
      return absl::InternalError(
          "the output is wrong: the rows of a timed run are not those of an untimed one");
    }
  }
  result->ms_per_second = Summarize(ms_per_second);
  result->percent = PercentOf(limit_all, seconds);
  result->percent_matmuls = PercentOf(limit_matmuls, seconds);
  result->warning = monitor.Warning();
  return absl::OkStatus();
}

// Rows of a second, for the interpreter to confirm when the model is gone.
struct Unconfirmed {
  engine::LoadOptions options;
  OptimisedModel optimised;
  std::vector<float> features;
  Rows rows;
};

absl::StatusOr<Unconfirmed> Measure(const SoundBenchOptions& bench, SoundBenchResult* result) {
  base::Stopwatch watch;
  ASSIGN_OR_RETURN(engine::LoadOptions options, bench.open());
  options.need_tokenizer = false;
  ASSIGN_OR_RETURN(OptimisedModel optimised, OpenOptimised(options, engine::Weights::kRequired));
  RETURN_IF_ERROR(CheckEntry(step_interface::kAudio, *optimised.module));
  engine::LoadOptions load = options;
  load.optimised = &optimised;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, bench.load(load));
  result->load_ms = 1e3 * watch.Lap();
  ASSIGN_OR_RETURN(std::unique_ptr<engine::AudioEncoder> encoder,
                   engine::AudioEncoder::Create(model.get()));

  Unconfirmed unconfirmed;
  unconfirmed.options = options;
  unconfirmed.features = Noise(encoder->mel_bins(), kFramesASecond);
  ASSIGN_OR_RETURN(unconfirmed.rows, encoder->Encode(unconfirmed.features, kFramesASecond, {}));
  const int64_t frames = kFramesASecond * bench.seconds;
  const std::vector<float> features = Noise(encoder->mel_bins(), frames);
  ASSIGN_OR_RETURN(const Rows expected, encoder->Encode(features, frames, {}));
  result->peak_rss_bytes = engine::PeakMemoryBytes();

  const Products products = CountSound(optimised, *encoder, frames);
  ASSIGN_OR_RETURN(auto meter,
                   LimitMeter::Create(optimised.target, model->threads(), DefaultReadBytes()));
  RETURN_IF_ERROR(
      RunTimed(bench, features, products, expected, encoder.get(), meter.get(), result));
  result->model = model->folder();
  result->cpu = CpuName();
  result->isa = std::string(codegen::IsaName(optimised.target.isa));
  const engine::ModuleOptions& numbers = optimised.numbers;
  result->precision = std::string(engine::PrecisionName(numbers.precision));
  if (numbers.activations != engine::Activations::kExact) {
    result->activations = std::string(engine::ActivationsName(numbers.activations));
  }
  result->threads = model->threads();
  result->seconds = bench.seconds;
  result->rows = engine::AudioEncoder::RowsOf(frames);
  const auto seconds = static_cast<double>(bench.seconds);
  result->matmul_flops_per_second = TotalOf(products.matmuls) / seconds;
  result->flops_per_second =
      result->matmul_flops_per_second + TotalOf(products.attention) / seconds;
  result->compile_ms = model->stats().compile_seconds * 1e3;
  unconfirmed.optimised = std::move(optimised);
  return unconfirmed;
}

absl::Status Confirm(const Unconfirmed& measured, SoundBenchResult* result) {
  std::string confirmed;
  if (measured.optimised.bundle() != nullptr) {
    ASSIGN_OR_RETURN(confirmed,
                     CheckBundleRows(measured.optimised, measured.features, measured.rows->values));
  } else {
    ASSIGN_OR_RETURN(const engine::ModelFiles* files,
                     measured.options.source->Files(engine::Weights::kRequired));
    ASSIGN_OR_RETURN(confirmed, CheckRows(*files, measured.optimised.numbers, measured.features,
                                          measured.rows->values));
  }
  result->check = absl::StrCat(confirmed, "; all rows to the bit against an untimed run");
  return absl::OkStatus();
}

}  // namespace

void Products::Add(const Products& other, double times) {
  for (const auto& [limit, count] : other.matmuls) matmuls[limit] += times * count;
  for (const auto& [limit, count] : other.attention) attention[limit] += times * count;
}

Products CountProducts(const ir::Func& entry, const codegen::Target& target,
                       const ir::SymbolValue& symbols) {
  Products products;
  ForEachRunOp(entry, [&](const ir::Op& op, int64_t times) {
    if (op.opcode() != ir::Opcode::kMatmul) return;
    const ir::Operand& b = op.operand(1);
    auto& operations = b.global != nullptr ? products.matmuls : products.attention;
    const Limit limit = codegen::LimitOfMatmul(target, op.operand(0).type().dtype, b.type().dtype);
    operations[limit] += static_cast<double>(times) * ir::CostOf(op, {symbols, 0, 1}).flops;
  });
  return products;
}

absl::StatusOr<SoundBenchResult> BenchSound(const SoundBenchOptions& bench) {
  SoundBenchResult result;
  ASSIGN_OR_RETURN(const Unconfirmed measured, Measure(bench, &result));
  RETURN_IF_ERROR(Confirm(measured, &result));
  return result;
}

}  // namespace lluda::tools
