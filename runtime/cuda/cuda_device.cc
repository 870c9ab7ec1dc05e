#include "runtime/cuda/cuda_device.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/align.h"
#include "base/status_macros.h"
#include "runtime/gpu/gpu_abi.h"
#include "runtime/memory_need.h"

namespace lluda::runtime {
namespace {

// Streams that do not wait for the default one (CU_STREAM_NON_BLOCKING).
constexpr unsigned kNonBlocking = 1;
// Captures that mind only this thread's calls (CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).
constexpr int kCaptureThreadLocal = 1;
// What the driver's compiler says of PTX it refuses (CU_JIT_ERROR_LOG_BUFFER and its size).
constexpr int kErrorLog = 5, kErrorLogBytes = 6;
// Blocks of a launch: the largest first extent of a grid.
constexpr int64_t kMostBlocks = std::numeric_limits<int32_t>::max();

// The first driver that captures launches that overlap (CUDA 12.3).
constexpr int kOverlapsInGraphs = 12030;

// Of memory that the GPU reaches by itself. A step's inputs and results fit; weights do not, and
// are copied by the driver.
constexpr int64_t kStagingBytes = 4 << 20;

uint64_t ToWord(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

}  // namespace

CudaDevice::~CudaDevice() {
  if (!gpu_->Use().ok()) return;
  DropGraph();
  for (const CudaModule module : modules_) driver().ModuleUnload(module);
  if (staging_ != nullptr) driver().MemFreeHost(staging_);
  if (stream_ != nullptr) driver().StreamDestroy(stream_);
}

absl::Status CudaDevice::CreateStream() {
  RETURN_IF_ERROR(gpu_->Use());
  if (stream_ != nullptr) return absl::OkStatus();
  void* staging = nullptr;
  RETURN_IF_ERROR(Check(driver().MemAllocHost(&staging, static_cast<size_t>(kStagingBytes)),
                        "taking memory to copy through"));
  staging_ = static_cast<char*>(staging);
  return Check(driver().StreamCreate(&stream_, kNonBlocking), "making a stream");
}

char* CudaDevice::Stage(int64_t bytes) {
  if (bytes > kStagingBytes - staged_) return nullptr;
  char* place = staging_ + staged_;
  staged_ += base::RoundUp(bytes, base::kCacheLine);
  return place;
}

absl::StatusOr<Memory> CudaDevice::Allocate(int64_t bytes, Pages, absl::string_view purpose) {
  RETURN_IF_ERROR(CreateStream());
  CudaAddress address = 0;
  const auto size = static_cast<size_t>(std::max<int64_t>(1, bytes));
  RETURN_IF_ERROR(Check(driver().MemAlloc(&address, size),
                        absl::StrCat("taking ", bytes, " bytes for ", purpose)));
  Memory memory(reinterpret_cast<char*>(address), bytes, [gpu = gpu_](char* data, int64_t) {
    if (gpu->Use().ok()) gpu->driver().MemFree(ToWord(data));
  });
  RETURN_IF_ERROR(
      Check(driver().MemsetD8Async(address, 0, size, stream_), absl::StrCat("clearing ", purpose)));
  return memory;
}

absl::StatusOr<Memory> CudaDevice::AllocateHost(int64_t bytes, absl::string_view purpose) {
  RETURN_IF_ERROR(CreateStream());
  void* data = nullptr;
  const auto size = static_cast<size_t>(std::max<int64_t>(1, bytes));
  RETURN_IF_ERROR(Check(driver().MemAllocHost(&data, size),
                        absl::StrCat("taking ", bytes, " bytes for ", purpose)));
  std::memset(data, 0, size);
  pinned_->emplace(static_cast<char*>(data), bytes);
  return Memory(static_cast<char*>(data), bytes,
                [gpu = gpu_, pinned = pinned_](char* memory, int64_t) {
                  pinned->erase(memory);
                  if (gpu->Use().ok()) gpu->driver().MemFreeHost(memory);
                });
}

bool CudaDevice::IsPinned(const void* memory, int64_t bytes) const {
  const auto* data = static_cast<const char*>(memory);
  auto it = pinned_->upper_bound(data);
  return it != pinned_->begin() && data + bytes <= std::prev(it)->first + std::prev(it)->second;
}

absl::Status CudaDevice::CopyIn(char* to, const void* from, int64_t bytes) {
  RETURN_IF_ERROR(Flush());
  const auto size = static_cast<size_t>(bytes);
  char* staged = Stage(bytes);
  if (staged != nullptr) std::memcpy(staged, from, size);
  const void* source = staged != nullptr ? staged : from;
  RETURN_IF_ERROR(
      Check(driver().MemcpyHtoDAsync(ToWord(to), source, size, stream_), "copying to the GPU"));
  return staged != nullptr ? absl::OkStatus() : Synchronize("copying to the GPU");
}

absl::Status CudaDevice::CopyOut(void* to, const char* from, int64_t bytes) {
  RETURN_IF_ERROR(Flush());
  const auto size = static_cast<size_t>(bytes);
  char* staged = IsPinned(to, bytes) ? nullptr : Stage(bytes);
  RETURN_IF_ERROR(
      Check(driver().MemcpyDtoHAsync(staged != nullptr ? staged : to, ToWord(from), size, stream_),
            "copying from the GPU"));
  RETURN_IF_ERROR(Synchronize("copying from the GPU"));
  if (staged != nullptr) std::memcpy(to, staged, size);
  return absl::OkStatus();
}

absl::Status CudaDevice::Copy(char* to, const char* from, int64_t bytes) {
  RETURN_IF_ERROR(Flush());
  return Check(
      driver().MemcpyDtoDAsync(ToWord(to), ToWord(from), static_cast<size_t>(bytes), stream_),
      "copying on the GPU");
}

absl::Status CudaDevice::Prepare(const Program& program) {
  RETURN_IF_ERROR(CreateStream());
  program_ = &program;
  buffers_.assign(program.kernels.size(), 0);
  for (const Call& call : program.load) buffers_[call.kernel] = call.buffers.size();
  for (const Entry& entry : program.entries) {
    for (const Call& call : entry.calls) {
      buffers_[call.kernel] = call.buffers.size();
      const Kernel& kernel = program.kernels[call.kernel];
      if (kernel.many_symbol >= 0) buffers_[kernel.many] = call.buffers.size();
    }
  }
  ASSIGN_OR_RETURN(workspace_,
                   Allocate(kWorkspaceCounterBytes + WorkspaceBytes(program, kBlockWarps),
                            Pages::kSmall, "kernel workspace"));
  return LoadKernels(program);
}

absl::Status CudaDevice::LoadKernels(const Program& program) {
  for (const Kernel& kernel : program.kernels) {
    const auto text = ptx_.find(kernel.name);
    if (text == ptx_.end()) {
      return absl::InternalError(absl::StrCat("the kernel ", kernel.name, " has no PTX"));
    }
    std::string log(1024, '\0');
    int options[] = {kErrorLog, kErrorLogBytes};
    void* values[] = {log.data(), reinterpret_cast<void*>(log.size())};
    CudaModule module = nullptr;
    absl::Status loaded =
        Check(driver().ModuleLoadDataEx(&module, text->second.c_str(), 2, options, values),
              absl::StrCat("compiling the kernel ", kernel.name));
    if (!loaded.ok()) {
      log.resize(std::min(log.find('\0'), log.find('\n')) == std::string::npos
                     ? log.size()
                     : std::min(log.find('\0'), log.find('\n')));
      const std::string reason = log.empty() ? "" : absl::StrCat(": ", log);
      return absl::Status(loaded.code(), absl::StrCat(loaded.message(), reason));
    }
    overlaps_.push_back(text->second.find("griddepcontrol.wait") != std::string::npos);
    modules_.push_back(module);
    functions_.emplace_back();
    RETURN_IF_ERROR(
        Check(driver().ModuleGetFunction(&functions_.back(), module, kernel.name.c_str()),
              absl::StrCat("finding the kernel ", kernel.name)));
  }
  ptx_.clear();
  return absl::OkStatus();
}

bool CudaDevice::RunRegion(const Region& region) {
  for (const BoundCall& call : region.calls) {
    // A call of more blocks than a grid holds is launched in parts.
    for (int64_t done = 0; done < call.items; done += kMostBlocks) {
      std::vector<uint64_t>& parameters = collected_.parameters;
      collected_.launches.push_back(
          {call.kernel, static_cast<uint32_t>(std::min(call.items - done, kMostBlocks)),
           parameters.size()});
      for (size_t i = 0; i < program_->symbols.size(); ++i) {
        parameters.push_back(static_cast<uint64_t>(region.dims[i]));
      }
      parameters.push_back(static_cast<uint64_t>(call.first_item + done));
      for (size_t i = 0; i < buffers_[call.kernel]; ++i) {
        parameters.push_back(ToWord(call.buffers[i]));
      }
      parameters.push_back(ToWord(workspace_.data()));
    }
  }
  return true;
}

absl::Status CudaDevice::Wait() {
  RETURN_IF_ERROR(Flush());
  return Synchronize("running kernels");
}

absl::Status CudaDevice::Synchronize(absl::string_view doing) {
  staged_ = 0;
  return Check(driver().StreamSynchronize(stream_), doing);
}

absl::Status CudaDevice::Flush() {
  RETURN_IF_ERROR(CreateStream());
  if (collected_.launches.empty()) return absl::OkStatus();
  if (collected_ == last_) {
    collected_.Clear();
    if (graph_ == nullptr) {
      RETURN_IF_ERROR(MakeGraph());
    }
    ++graph_launches_;
    return Check(driver().GraphLaunch(graph_, stream_), "launching kernels");
  }
  DropGraph();
  std::swap(last_, collected_);
  collected_.Clear();
  return LaunchAll();
}

absl::Status CudaDevice::LaunchAll() {
  std::vector<void*> parameters;
  for (uint64_t& value : last_.parameters) parameters.push_back(&value);
  for (const Launch& launch : last_.launches) {
    // Kernels whose code does not wait for the one before begin behind its end.
    const bool overlaps = overlaps_[launch.kernel] && driver().version() >= kOverlapsInGraphs;
    CudaLaunchAttribute attribute = {kCudaLaunchOverlaps, 0, 1, {}};
    const CudaLaunchConfig config = {
        {launch.blocks, 1, 1}, {kBlockThreads, 1, 1}, 0, stream_, &attribute, overlaps ? 1u : 0u};
    RETURN_IF_ERROR(Check(driver().LaunchKernelEx(&config, functions_[launch.kernel],
                                                  &parameters[launch.first_parameter], nullptr),
                          absl::StrCat("launching ", program_->kernels[launch.kernel].name)));
  }
  return absl::OkStatus();
}

absl::Status CudaDevice::MakeGraph() {
  RETURN_IF_ERROR(
      Check(driver().StreamBeginCapture(stream_, kCaptureThreadLocal), "making a graph"));
  const absl::Status launched = LaunchAll();
  CudaGraph graph = nullptr;
  const absl::Status captured = Check(driver().StreamEndCapture(stream_, &graph), "making a graph");
  absl::Status made = launched.ok() ? captured : launched;
  if (made.ok()) made = Check(driver().GraphInstantiate(&graph_, graph, 0), "making a graph");
  if (graph != nullptr) driver().GraphDestroy(graph);
  return made;
}

void CudaDevice::DropGraph() {
  if (graph_ != nullptr) driver().GraphExecDestroy(graph_);
  graph_ = nullptr;
}

}  // namespace lluda::runtime
