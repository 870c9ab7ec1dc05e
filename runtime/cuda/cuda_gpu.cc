#include "runtime/cuda/cuda_gpu.h"

#include <array>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::runtime {
namespace {

// Of enum CUdevice_attribute.
constexpr int kClockRate = 13;  // in kHz
constexpr int kMultiprocessors = 16;
constexpr int kComputeCapabilityMajor = 75;
constexpr int kComputeCapabilityMinor = 76;

// Multiply-adds of a multiprocessor in a cycle (CUDA C++ Programming Guide, "Arithmetic Instructions";
// for products of bf16, the data sheets' rates divided by multiprocessors and clock).
struct RatesRow {
  int major, minor;
  int f32, bf16;
};
constexpr RatesRow kRates[] = {
    {8, 0, 64, 1024}, {8, 6, 128, 512}, {8, 9, 128, 512}, {9, 0, 128, 2048}};

PeakRates PeakOf(int major, int minor, int multiprocessors, int clock) {
  for (const RatesRow& row : kRates) {
    if (row.major != major || row.minor != minor) continue;
    const double twice = 2.0 * multiprocessors * clock * 1e3;
    return {row.f32 * twice, row.bf16 * twice};
  }
  return {};
}

// Of CUDA: "12.4".
std::string VersionText(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CudaGpu>> CudaGpu::Open(const std::string& library) {
  ASSIGN_OR_RETURN(std::shared_ptr<const CudaDriver> driver, CudaDriver::Load(library));
  std::shared_ptr<CudaGpu> gpu(new CudaGpu(driver));
  int count = 0;
  RETURN_IF_ERROR(driver->Check(driver->DeviceGetCount(&count), "counting GPUs"));
  if (count == 0) return absl::NotFoundError("the NVIDIA driver offers no GPU");
  RETURN_IF_ERROR(driver->Check(driver->DeviceGet(&gpu->id_, 0), "finding the GPU"));
  std::array<char, 256> name = {};
  RETURN_IF_ERROR(
      driver->Check(driver->DeviceGetName(name.data(), static_cast<int>(name.size()) - 1, gpu->id_),
                    "asking the GPU's name"));
  gpu->name_ = name.data();
  int multiprocessors = 0, clock = 0;
  const std::pair<int, int*> attributes[] = {{kComputeCapabilityMajor, &gpu->major_},
                                             {kComputeCapabilityMinor, &gpu->minor_},
                                             {kMultiprocessors, &multiprocessors},
                                             {kClockRate, &clock}};
  for (const auto& [attribute, value] : attributes) {
    RETURN_IF_ERROR(driver->Check(driver->DeviceGetAttribute(value, attribute, gpu->id_),
                                  "asking what the GPU can do"));
  }
  gpu->peak_ = PeakOf(gpu->major_, gpu->minor_, multiprocessors, clock);
  RETURN_IF_ERROR(
      driver->Check(driver->PrimaryCtxRetain(&gpu->context_, gpu->id_), "starting the GPU"));
  RETURN_IF_ERROR(gpu->Use());
  return gpu;
}

CudaGpu::~CudaGpu() {
  if (context_ != nullptr) driver_->PrimaryCtxRelease(id_);
}

absl::Status CudaGpu::CheckRuns(const GpuTarget& target) const {
  const bool same = major_ == target.major && minor_ == target.minor;
  const bool later = std::tie(target.major, target.minor) <= std::tie(major_, minor_);
  if (!(target.own ? same : later)) {
    return absl::FailedPreconditionError(
        absl::StrCat("code for ", target.name, " does not run on the GPU: ", name_,
                     " has compute capability ", major_, ".", minor_));
  }
  if (driver_->version() >= target.driver) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the NVIDIA driver is too old: it is for CUDA ", VersionText(driver_->version()),
                   ", code for ", target.name, " needs ", VersionText(target.driver)));
}

absl::Status CudaGpu::Use() const {
  return driver_->Check(driver_->CtxSetCurrent(context_), "turning to the GPU");
}

absl::StatusOr<int64_t> CudaGpu::FreeBytes() const {
  RETURN_IF_ERROR(Use());
  size_t free = 0, total = 0;
  RETURN_IF_ERROR(driver_->Check(driver_->MemGetInfo(&free, &total), "asking for free memory"));
  return static_cast<int64_t>(free);
}

}  // namespace lluda::runtime
