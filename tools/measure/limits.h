// The limits of the machine, measured in slices short enough to be taken in turns with the subject:
// bandwidth and clock of a shared machine change from second to second.
//
//   auto meter = LimitMeter::Create(Target::Host(), /*threads=*/2, DefaultReadBytes());
//   double before = (*meter)->Measure(Limit::kDramRead, 0.04);  // 84.1, in 10^9 bytes a second
//   ... the subject ...
//   double after = (*meter)->Measure(Limit::kDramRead, 0.04);
//
// The loops are codegen/cpu/machine_limits.h's, so they use the target's instructions and no others.
#ifndef LLUDA_TOOLS_MEASURE_LIMITS_H_
#define LLUDA_TOOLS_MEASURE_LIMITS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/cpu/machine_limits.h"
#include "codegen/llvm/target.h"
#include "runtime/executable.h"
#include "runtime/machine/memory.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::tools {

using codegen::Limit;

// A GiB, or eight times the last cache where that is more: nothing of it stays cached.
int64_t DefaultReadBytes();

class LimitMeter {
 public:
  // Takes about a second: it finds the fastest way to read, and how long the others' items take.
  // ResourceExhausted if less memory is left than `read_bytes`, which are rounded up to whole pieces.
  static absl::StatusOr<std::unique_ptr<LimitMeter>> Create(const codegen::Target& target,
                                                            int threads, int64_t read_bytes);

  // Of a model's device: a CPU's as above; of one with memory of its own, that memory's speed, measured
  // once by copies, and what its makers say of its arithmetic.
  static absl::StatusOr<std::unique_ptr<LimitMeter>> OfDevice(runtime::Executable* executable,
                                                              const codegen::Target& target,
                                                              int threads);

  // False where the target has no instruction for it, see LimitLoops::Of, and for what is not known of
  // a device.
  bool Has(Limit limit) const {
    if (!device_rates_.empty()) return device_rates_.count(limit) > 0;
    return loops_[static_cast<size_t>(limit)].loop != nullptr;
  }

  // 10^9 bytes or operations a second, of all threads together, over about `seconds`; Has(limit)
  // must be true.
  double Measure(Limit limit, double seconds);

  int threads() const { return pool_.threads(); }
  // The loop that Measure runs, such as "dram_read_1_streams_4096_ahead_avx2".
  const std::string& LoopName(Limit limit) const;

 private:
  struct Chosen {
    const codegen::LimitLoop* loop = nullptr;
    int64_t piece_items = 0;  // items of a piece, of which a thread takes several
  };

  explicit LimitMeter(int threads) : pool_(threads) {}
  absl::Status Prepare(const codegen::Target& target, int64_t read_bytes);
  double RunOnce(Limit limit, const Chosen& chosen, int64_t* work);
  double Rate(Limit limit, const Chosen& chosen, double seconds);
  Chosen ChooseRead();
  Chosen ChooseArithmetic(Limit limit);

  std::map<Limit, double> device_rates_;  // in 10^9 a second; empty of a CPU
  runtime::ThreadPool pool_;
  std::unique_ptr<codegen::LimitLoops> compiled_;
  runtime::Memory memory_;    // what is read
  runtime::Memory operands_;  // of the arithmetic
  runtime::Memory scratch_;   // a line for each thread
  Chosen loops_[std::size(codegen::kAllLimits)];
};

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_MEASURE_LIMITS_H_
