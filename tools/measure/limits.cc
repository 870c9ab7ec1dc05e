#include "tools/measure/limits.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/align.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "glog/logging.h"
#include "runtime/machine/memory_limit.h"

namespace lluda::tools {
namespace {

using codegen::LimitLoop;
using runtime::Memory;
using runtime::Pages;

// A thread takes this many pieces one after the other, so that one that is held up for a moment
// does not hold up the measurement.
constexpr int64_t kPiecesPerThread = 8;
constexpr int64_t kLineBytes = 64;
constexpr int64_t kScratchBytes = 4096;  // per thread, so that threads share no line
// Shortest time that all pieces of an arithmetic loop take together.
constexpr double kRoundSeconds = 0.004;
constexpr int kTrials = 3;
// Of copies within a device's memory.
constexpr double kCopySeconds = 0.05;

}  // namespace

int64_t DefaultReadBytes() {
  const int64_t last_cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  return std::max(int64_t{1} << 30, 8 * last_cache);
}

absl::StatusOr<std::unique_ptr<LimitMeter>> LimitMeter::Create(const codegen::Target& target,
                                                               int threads, int64_t read_bytes) {
  std::unique_ptr<LimitMeter> meter(new LimitMeter(threads));
  RETURN_IF_ERROR(meter->Prepare(target, read_bytes));
  return meter;
}

absl::Status LimitMeter::Prepare(const codegen::Target& target, int64_t read_bytes) {
  ASSIGN_OR_RETURN(compiled_, codegen::LimitLoops::Compile(target));
  const int64_t pieces = threads() * kPiecesPerThread;
  const int64_t piece_unit = pieces * codegen::kReadItemStep * codegen::kReadItemBytes;
  const std::pair<Memory*, int64_t> needed[] = {
      {&memory_, base::RoundUp(std::max(read_bytes, codegen::kFedBytes), piece_unit)},
      {&operands_, 2 * kLineBytes},
      {&scratch_, kScratchBytes * threads()},
  };
  RETURN_IF_ERROR(runtime::CheckMemoryLeft(read_bytes, "to measure how fast memory is read"));
  for (const auto& [memory, bytes] : needed) {
    ASSIGN_OR_RETURN(Memory allocated,
                     Memory::Allocate(bytes, Pages::kHuge, "the machine's limits"));
    *memory = std::move(allocated);
  }
  // Pages that nobody has written are all one page of zeros.
  pool_.ParallelFor(memory_.size() / codegen::kReadItemBytes, 512,
                    [&](int64_t begin, int64_t end, int) {
                      for (int64_t page = begin; page < end; ++page) {
                        memory_.data()[page * codegen::kReadItemBytes] = 1;
                      }
                    });
  // Ones: sums grow, and never become subnormal, which would be slow.
  std::fill_n(reinterpret_cast<float*>(operands_.data()), 2 * kLineBytes / sizeof(float), 1.0f);
  for (const codegen::Limit limit : codegen::kAllLimits) {
    if (compiled_->Of(limit).empty()) continue;
    loops_[static_cast<size_t>(limit)] =
        limit == codegen::Limit::kDramRead ? ChooseRead() : ChooseArithmetic(limit);
  }
  return absl::OkStatus();
}

// Runs all pieces once; returns the seconds and adds what was done to *work.
double LimitMeter::RunOnce(codegen::Limit limit, const Chosen& chosen, int64_t* work) {
  const int64_t pieces = threads() * kPiecesPerThread;
  const bool reads = limit == codegen::Limit::kDramRead || limit == codegen::Limit::kBf16Fed;
  void* buffers[] = {reads ? memory_.data() : operands_.data()};
  base::Stopwatch watch;
  pool_.ParallelFor(pieces, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const runtime::KernelArgs args{buffers, nullptr, scratch_.data() + kScratchBytes * thread,
                                     piece * chosen.piece_items, (piece + 1) * chosen.piece_items};
      chosen.loop->fn(&args);
    }
  });
  const double seconds = watch.Lap();
  *work += pieces * chosen.piece_items * chosen.loop->work_per_item;
  return seconds;
}

double LimitMeter::Rate(codegen::Limit limit, const Chosen& chosen, double seconds) {
  int64_t work = 0;
  double spent = 0;
  do {
    spent += RunOnce(limit, chosen, &work);
  } while (spent < seconds);
  return static_cast<double>(work) / spent / 1e9;
}

LimitMeter::Chosen LimitMeter::ChooseRead() {
  const absl::Span<const LimitLoop> loops = compiled_->Of(codegen::Limit::kDramRead);
  Chosen chosen;
  chosen.piece_items = memory_.size() / codegen::kReadItemBytes / (threads() * kPiecesPerThread);
  std::vector<double> best(loops.size(), 0);
  // In turns, as all else.
  for (int trial = 0; trial < kTrials; ++trial) {
    for (size_t i = 0; i < loops.size(); ++i) {
      chosen.loop = &loops[i];
      best[i] = std::max(best[i], Rate(codegen::Limit::kDramRead, chosen, 0));
    }
  }
  chosen.loop = &loops[std::max_element(best.begin(), best.end()) - best.begin()];
  return chosen;
}

LimitMeter::Chosen LimitMeter::ChooseArithmetic(codegen::Limit limit) {
  Chosen chosen;
  chosen.loop = &compiled_->Of(limit)[0];
  chosen.piece_items = codegen::kFedPairs;
  int64_t work = 0;
  while (RunOnce(limit, chosen, &work) < kRoundSeconds) chosen.piece_items *= 2;
  return chosen;
}

absl::StatusOr<std::unique_ptr<LimitMeter>> LimitMeter::OfDevice(runtime::Executable* executable,
                                                                 const codegen::Target& target,
                                                                 int threads) {
  if (executable->uses_host_memory()) return Create(target, threads, DefaultReadBytes());
  ASSIGN_OR_RETURN(const double copied, executable->MeasureCopies(kCopySeconds));
  std::unique_ptr<LimitMeter> meter(new LimitMeter(1));
  meter->device_rates_[codegen::Limit::kDramRead] = copied;
  const runtime::PeakRates peak = executable->peak_rates();
  if (peak.f32 > 0) meter->device_rates_[codegen::Limit::kF32] = peak.f32 / 1e9;
  if (peak.bf16 > 0) meter->device_rates_[codegen::Limit::kBf16] = peak.bf16 / 1e9;
  return meter;
}

double LimitMeter::Measure(codegen::Limit limit, double seconds) {
  CHECK(Has(limit));
  if (!device_rates_.empty()) return device_rates_.at(limit);
  return Rate(limit, loops_[static_cast<size_t>(limit)], seconds);
}

const std::string& LimitMeter::LoopName(codegen::Limit limit) const {
  CHECK(Has(limit));
  return loops_[static_cast<size_t>(limit)].loop->name;
}

}  // namespace lluda::tools
