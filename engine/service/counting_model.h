// A model for tests that is a few lines: the token after t is t + 1, after kBadToken the logits are no
// numbers, and its device fails when it is told to.
//
//   CountingModel model(/*threads=*/2);
//   auto service = ServiceThread::Create(model.served(), options);
#ifndef LLUDA_ENGINE_SERVICE_COUNTING_MODEL_H_
#define LLUDA_ENGINE_SERVICE_COUNTING_MODEL_H_

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "engine/service/service_thread.h"
#include "runtime/cpu_device.h"
#include "runtime/executable.h"

namespace lluda::engine {

class CountingModel {
 public:
  static constexpr int64_t kVocabulary = 50;
  static constexpr int64_t kContext = 64;
  static constexpr int32_t kBadToken = 13;

  explicit CountingModel(int threads) : pool_(threads) {
    auto executable =
        runtime::Executable::Create(MakeProgram(), std::make_unique<Device>(&pool_, &fail_));
    if (!executable.ok() || !(*executable)->Load(&weights_, nullptr).ok()) std::abort();
    executable_ = *std::move(executable);
  }

  ServedModel served() { return {executable_.get(), &pool_, nullptr}; }
  // Whether steps fail from now on.
  void Fail(bool fail) { fail_ = fail; }

 private:
  class Device : public runtime::CpuDevice {
   public:
    Device(runtime::ThreadPool* pool, const std::atomic<bool>* fail)
        : CpuDevice(pool), fail_(fail) {}
    absl::Status Wait() override {
      return *fail_ ? absl::DataLossError("the device is gone") : absl::OkStatus();
    }

   private:
    const std::atomic<bool>* fail_;
  };

  class NoWeights : public runtime::WeightSource {
   public:
    absl::StatusOr<const void*> Data(const std::string&, int64_t) override { return nullptr; }
    void Release(const std::string&, int64_t, int64_t) override {}
  };

  // buffers: tokens, rows, logits
  static void WriteLogits(const runtime::KernelArgs* args) {
    const auto* tokens = static_cast<const int32_t*>(args->buffers[0]);
    const auto* rows = static_cast<const int32_t*>(args->buffers[1]);
    for (int64_t row = args->begin; row < args->end; ++row) {
      float* logits = static_cast<float*>(args->buffers[2]) + row * kVocabulary;
      const int32_t token = tokens[rows[row]];
      for (int64_t i = 0; i < kVocabulary; ++i) logits[i] = i == token + 1 ? 1.0f : 0.0f;
      if (token == kBadToken) logits[3] = std::numeric_limits<float>::quiet_NaN();
    }
  }

  static runtime::Program MakeProgram() {
    using runtime::Space;
    enum { kCapacity, kRows, kSlots, kTokens };
    runtime::Program program;
    program.symbols = {{"C", 16, kContext}, {"R", 1, 8}, {"S", 1, 8}, {"T", 1, 16}};
    program.states = {{"cache", 4, {kSlots, kCapacity}, 0, {}}};
    program.entries.resize(1);
    runtime::Entry& step = program.entries[0];
    step.name = "step";
    step.inputs = {{"tokens", 4, {kTokens}, kVocabulary, {}},
                   {"pos", 4, {kTokens}, 0, {}},
                   {"slot", 4, {kTokens}, 0, {}},
                   {"rows", 4, {kRows}, 0, {}}};
    step.result = {"logits", kVocabulary * 4, {kRows}, 0, {}};
    program.kernels.resize(1);
    program.kernels[0].fn = WriteLogits;
    program.kernels[0].work = {1, {{kRows, 1}}};
    step.calls.resize(1);
    step.calls[0].buffers = {{Space::kInput, 0, 0}, {Space::kInput, 3, 0}, {Space::kOutput, 0, 0}};
    return program;
  }

  std::atomic<bool> fail_{false};
  runtime::ThreadPool pool_;
  NoWeights weights_;
  std::unique_ptr<runtime::Executable> executable_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_COUNTING_MODEL_H_
