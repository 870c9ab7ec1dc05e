// Runs programs on an NVIDIA GPU, with kernels as machine code, or as PTX, which the driver compiles
// when the device is prepared.
//
//   ASSIGN_OR_RETURN(auto gpu, CudaGpu::Open(kCudaDriverLibrary));
//   auto device = std::make_unique<CudaDevice>(gpu, kernels, &pool);
//   Executable::Create(std::move(program), std::move(device));
//
// Regions are collected and run when they are waited for, in order, on one stream. A list that comes
// for the second time in a row, as each step of a text but the first does, becomes a graph, which the
// driver launches as a whole: kernels, blocks and addresses are the same, only the bytes of the
// inputs are others.
#ifndef LLUDA_RUNTIME_CUDA_CUDA_DEVICE_H_
#define LLUDA_RUNTIME_CUDA_CUDA_DEVICE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/cuda/cuda_gpu.h"
#include "runtime/cuda/gpu_kernels.h"
#include "runtime/device.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::runtime {

class CudaDevice : public Device {
 public:
  // All kernels of the program. The pool's threads copy what is large; it must outlive the device.
  CudaDevice(std::shared_ptr<const CudaGpu> gpu, GpuKernels kernels, ThreadPool* pool)
      : gpu_(std::move(gpu)), kernels_(std::move(kernels)), pool_(pool) {}
  ~CudaDevice() override;

  bool UsesHostMemory() const override { return false; }
  absl::StatusOr<Memory> Allocate(int64_t bytes, Pages pages, absl::string_view purpose) override;
  absl::StatusOr<Memory> AllocateHost(int64_t bytes, absl::string_view purpose) override;
  absl::Status CopyIn(char* to, const void* from, int64_t bytes) override;
  absl::Status CopyOut(void* to, const char* from, int64_t bytes) override;
  absl::Status Copy(char* to, const char* from, int64_t bytes) override;
  absl::Status Prepare(const Program& program) override;
  PeakRates Peak() const override { return gpu_->peak(); }
  bool RunRegion(const Region& region) override;
  bool TimesRegions() const override { return true; }
  absl::Status Wait() override;

  // How often a graph was launched so far.
  int64_t graph_launches() const { return graph_launches_; }

 private:
  // Kernels' calls in a row. A step makes the list anew, which has to be quick: the GPU waits.
  struct Launch {
    uint32_t kernel = 0;
    uint32_t blocks = 0;
    size_t first_parameter = 0;
    bool operator==(const Launch& o) const {
      return kernel == o.kernel && blocks == o.blocks && first_parameter == o.first_parameter;
    }
  };
  struct LaunchList {
    std::vector<Launch> launches;
    std::vector<uint64_t>
        parameters;  // 8 bytes each, those of all launches (runtime/gpu/gpu_abi.h)
    bool operator==(const LaunchList& o) const {
      return launches == o.launches && parameters == o.parameters;
    }
    void Clear() {
      launches.clear();
      parameters.clear();
    }
  };

  const CudaDriver& driver() const { return gpu_->driver(); }
  absl::Status Check(CudaResult result, absl::string_view doing) const {
    return driver().Check(result, doing);
  }
  absl::Status CreateStream();
  absl::Status LoadKernels(const Program& program);
  absl::StatusOr<CudaModule> LoadModule(const std::string& name, const GpuKernel& kernel) const;
  // Of more bytes than are staged.
  absl::Status CopyInByHalves(char* to, const char* from, int64_t bytes);
  // Hands what was collected to the GPU.
  absl::Status Flush();
  absl::Status LaunchAll();
  // Of `last_`, launches from `first` to before `end`.
  absl::Status LaunchSome(size_t first, size_t end, bool may_overlap);
  // Makes a graph of what `launch` launches.
  absl::StatusOr<CudaGraphExec> Capture(const std::function<absl::Status()>& launch);
  void DropGraph();
  // Runs what was collected, and tells the timelines.
  absl::Status RunTimed();
  absl::Status Synchronize(absl::string_view doing);
  // Room for so many bytes in memory that the GPU reads and writes by itself, or null: it is full
  // until the next Synchronize.
  char* Stage(int64_t bytes);
  bool IsPinned(const void* memory, int64_t bytes) const;

  std::shared_ptr<const CudaGpu> gpu_;
  GpuKernels kernels_;
  ThreadPool* pool_;
  const Program* program_ = nullptr;
  CudaStream stream_ = nullptr;
  // What AllocateHost gave, by where it begins: the GPU writes there by itself.
  std::shared_ptr<std::map<const char*, int64_t>> pinned_ =
      std::make_shared<std::map<const char*, int64_t>>();
  char* staging_ = nullptr;
  int64_t staged_ = 0;  // bytes of it that are in use
  std::vector<CudaModule> modules_;
  std::vector<CudaFunction> functions_;  // by the program's kernels
  std::vector<bool> overlaps_;           // whether they wait for the kernel before themselves
  std::vector<size_t> buffers_;          // how many a kernel takes
  Memory workspace_;
  // A region of the collected list whose time is asked for, and where its launches end.
  struct TimedRegion {
    Timeline* timeline = nullptr;
    uint32_t call = 0;
    uint32_t calls = 0;
    size_t end = 0;
  };
  std::vector<TimedRegion> timed_;  // all of the list, or none
  LaunchList collected_;
  LaunchList last_;                // what was run before
  CudaGraphExec graph_ = nullptr;  // of last_; null: it has not come twice
  int64_t graph_launches_ = 0;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_CUDA_CUDA_DEVICE_H_
