// For tests of programs whose kernels are written by hand.
//
//   ThreadPool pool(2);
//   FakeWeights weights;
//   auto executable = Loaded(OneCall(MakeKernel(CountItems, {1, {{0, 1}}})), &pool, &weights);
//   RunStep(executable.get(), {/*T=*/64, /*R=*/1}, {}, counts.data());   // each count is one more
#ifndef LLUDA_RUNTIME_EXECUTABLE_TEST_UTIL_H_
#define LLUDA_RUNTIME_EXECUTABLE_TEST_UTIL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::runtime {

// Worth sharing between threads, one item at a time.
inline constexpr int64_t kExpensive = 1000000;

// Serves tensors from memory and remembers what it was asked.
class FakeWeights : public WeightSource {
 public:
  void Add(const std::string& tensor, const void* data) { data_[tensor] = data; }
  void Fail(const std::string& tensor, absl::Status status) { errors_[tensor] = std::move(status); }

  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) override;
  void Release(const std::string& tensor, int64_t offset, int64_t bytes) override;

  std::vector<std::string>* log() { return &log_; }
  const std::vector<std::pair<std::string, int64_t>>& asked() const { return asked_; }

 private:
  std::map<std::string, const void*> data_;
  std::map<std::string, absl::Status> errors_;
  std::vector<std::string> log_;
  std::vector<std::pair<std::string, int64_t>> asked_;
};

Kernel MakeKernel(KernelFn fn, Work work = {}, int64_t item_cost = 1);

// T in 1..64 and R in 1..8, one kernel, called once by the step on the output.
Program OneCall(Kernel kernel);

// On the CPU, with its load list run.
std::unique_ptr<Executable> Loaded(Program program, ThreadPool* pool, WeightSource* weights);

void RunStep(Executable* executable, std::vector<int64_t> dims, std::vector<const void*> inputs,
             void* output);

// A kernel: output[i] += 1 for the items of this part.
void CountItems(const KernelArgs* args);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_EXECUTABLE_TEST_UTIL_H_
