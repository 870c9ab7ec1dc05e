#include "runtime/cuda/driver.h"

#include <dlfcn.h>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace lluda::runtime {
namespace {

// Of enum cudaError_enum.
constexpr CudaResult kSuccess = 0;
constexpr CudaResult kOutOfMemory = 2;

}  // namespace

absl::StatusOr<std::shared_ptr<const CudaDriver>> CudaDriver::Load(const std::string& library) {
  std::shared_ptr<CudaDriver> driver(new CudaDriver());
  driver->library_ = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (driver->library_ == nullptr) {
    return absl::NotFoundError(absl::StrCat("there is no NVIDIA driver: ", dlerror()));
  }
  const char* missing = nullptr;
  const auto find = [&](const char* symbol) {
    void* address = dlsym(driver->library_, symbol);
    if (address == nullptr && missing == nullptr) missing = symbol;
    return address;
  };
#define LLUDA_CUDA(member, symbol, parameters) \
  driver->member = reinterpret_cast<CudaResult(*) parameters>(find(symbol));
#include "runtime/cuda/driver.def"
#undef LLUDA_CUDA
  if (missing != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the NVIDIA driver is too old: ", library, " has no ", missing));
  }
  RETURN_IF_ERROR(driver->Check(driver->Init(0), "starting the NVIDIA driver"));
  RETURN_IF_ERROR(driver->Check(driver->DriverGetVersion(&driver->version_), "asking its version"));
  return driver;
}

CudaDriver::~CudaDriver() {
  if (library_ != nullptr) dlclose(library_);
}

absl::Status CudaDriver::Check(CudaResult result, absl::string_view doing) const {
  if (result == kSuccess) return absl::OkStatus();
  const char* text = nullptr;
  if (GetErrorString(result, &text) != kSuccess || text == nullptr) text = "an unknown error";
  const std::string message = absl::StrCat("CUDA: ", doing, ": ", text, " (", result, ")");
  return result == kOutOfMemory ? absl::ResourceExhaustedError(message)
                                : absl::UnavailableError(message);
}

}  // namespace lluda::runtime
