#include "runtime/cuda/cuda_device.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

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
// What a block may share beyond what every GPU gives (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES).
constexpr int kMostSharedBytes = 8;
// Blocks of a launch: the largest first extent of a grid.
constexpr int64_t kMostBlocks = std::numeric_limits<int32_t>::max();

// Moments that a graph notes each time it runs (CU_EVENT_RECORD_EXTERNAL).
constexpr unsigned kNotedByGraphs = 1;

// The first driver that captures launches that overlap (CUDA 12.3).
constexpr int kOverlapsInGraphs = 12030;

// Of memory that the GPU reaches by itself. A step's inputs and results fit; weights do not, and
// go through it in halves.
constexpr int64_t kStagingBytes = 32 << 20;
constexpr int64_t kHalfBytes = kStagingBytes / 2;
constexpr int64_t kMostStagedBytes = 2 << 20;
// What a thread copies there at a time.
constexpr int64_t kPieceBytes = 256 << 10;

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
  char* staged = bytes <= kMostStagedBytes ? Stage(bytes) : nullptr;
  if (staged == nullptr) return CopyInByHalves(to, static_cast<const char*>(from), bytes);
  std::memcpy(staged, from, size);
  return Check(driver().MemcpyHtoDAsync(ToWord(to), staged, size, stream_), "copying to the GPU");
}

// While the GPU reads one half, threads fill the other one: they read a file that is mapped, whose
// pages come one by one.
absl::Status CudaDevice::CopyInByHalves(char* to, const char* from, int64_t bytes) {
  RETURN_IF_ERROR(Synchronize("copying to the GPU"));
  for (int64_t done = 0, half = 0; done < bytes; done += kHalfBytes, half ^= 1) {
    char* staged = staging_ + half * kHalfBytes;
    const int64_t count = std::min(kHalfBytes, bytes - done);
    pool_->ParallelFor(
        (count + kPieceBytes - 1) / kPieceBytes, 1, [&](int64_t begin, int64_t end, int) {
          const int64_t first = begin * kPieceBytes;
          const int64_t last = std::min(end * kPieceBytes, count);
          std::memcpy(staged + first, from + done + first, static_cast<size_t>(last - first));
        });
    RETURN_IF_ERROR(Synchronize("copying to the GPU"));  // the other half is read
    RETURN_IF_ERROR(Check(
        driver().MemcpyHtoDAsync(ToWord(to + done), staged, static_cast<size_t>(count), stream_),
        "copying to the GPU"));
  }
  return Synchronize("copying to the GPU");
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

absl::StatusOr<CudaModule> CudaDevice::LoadModule(const std::string& name,
                                                  const GpuKernel& kernel) const {
  CudaModule module = nullptr;
  // Machine code that the driver does not take is made again, of the PTX.
  if (!kernel.machine_code.empty() &&
      driver().ModuleLoadDataEx(&module, kernel.machine_code.data(), 0, nullptr, nullptr) == 0) {
    return module;
  }
  std::string log(1024, '\0');
  int options[] = {kErrorLog, kErrorLogBytes};
  void* values[] = {log.data(), reinterpret_cast<void*>(log.size())};
  const absl::Status loaded =
      Check(driver().ModuleLoadDataEx(&module, kernel.ptx.c_str(), 2, options, values),
            absl::StrCat("compiling the kernel ", name));
  if (loaded.ok()) return module;
  log.resize(std::min({log.find('\0'), log.find('\n'), log.size()}));
  const std::string reason = log.empty() ? "" : absl::StrCat(": ", log);
  return absl::Status(loaded.code(), absl::StrCat(loaded.message(), reason));
}

absl::Status CudaDevice::LoadKernels(const Program& program) {
  for (const Kernel& kernel : program.kernels) {
    const auto code = kernels_.find(kernel.name);
    if (code == kernels_.end()) {
      return absl::InternalError(absl::StrCat("the kernel ", kernel.name, " has no PTX"));
    }
    ASSIGN_OR_RETURN(const CudaModule module, LoadModule(kernel.name, code->second));
    overlaps_.push_back(code->second.ptx.find("griddepcontrol.wait") != std::string::npos);
    modules_.push_back(module);
    functions_.emplace_back();
    RETURN_IF_ERROR(
        Check(driver().ModuleGetFunction(&functions_.back(), module, kernel.name.c_str()),
              absl::StrCat("finding the kernel ", kernel.name)));
    if (kernel.scratch_bytes == 0) continue;
    RETURN_IF_ERROR(Check(driver().FuncSetAttribute(functions_.back(), kMostSharedBytes,
                                                    static_cast<int>(kernel.scratch_bytes)),
                          absl::StrCat("taking ", kernel.scratch_bytes,
                                       " bytes that blocks share for the kernel ", kernel.name)));
  }
  kernels_.clear();
  return absl::OkStatus();
}

bool CudaDevice::RunRegion(const Region& region) {
  for (const BoundCall& call : region.calls) {
    const int64_t bound = program_->kernels[call.kernel].dims;
    const size_t dims = bound > 0 ? static_cast<size_t>(bound) : program_->symbols.size();
    // A call of more blocks than a grid holds is launched in parts.
    for (int64_t done = 0; done < call.items; done += kMostBlocks) {
      std::vector<uint64_t>& parameters = collected_.parameters;
      collected_.launches.push_back(
          {call.kernel, static_cast<uint32_t>(std::min(call.items - done, kMostBlocks)),
           parameters.size()});
      for (size_t i = 0; i < dims; ++i) {
        parameters.push_back(static_cast<uint64_t>(call.dims[i]));
      }
      parameters.push_back(static_cast<uint64_t>(call.first_item + done));
      for (size_t i = 0; i < buffers_[call.kernel]; ++i) {
        parameters.push_back(ToWord(call.buffers[i]));
      }
      parameters.push_back(ToWord(workspace_.data()));
    }
  }
  if (region.timeline != nullptr) {
    timed_.push_back({region.timeline, region.calls[0].call,
                      static_cast<uint32_t>(region.calls.size()), collected_.launches.size()});
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
  if (!timed_.empty()) return RunTimed();
  if (collected_.launches.empty()) return absl::OkStatus();
  if (collected_ == last_) {
    collected_.Clear();
    if (graph_ == nullptr) {
      ASSIGN_OR_RETURN(graph_, Capture([this] { return LaunchAll(); }));
    }
    ++graph_launches_;
    return Check(driver().GraphLaunch(graph_, stream_), "launching kernels");
  }
  DropGraph();
  std::swap(last_, collected_);
  collected_.Clear();
  return LaunchAll();
}

absl::Status CudaDevice::LaunchAll() { return LaunchSome(0, last_.launches.size(), true); }

absl::Status CudaDevice::LaunchSome(size_t first, size_t end, bool may_overlap) {
  std::vector<void*> parameters;
  for (uint64_t& value : last_.parameters) parameters.push_back(&value);
  for (size_t i = first; i < end; ++i) {
    const Launch& launch = last_.launches[i];
    // Kernels whose code does not wait for the one before begin behind its end.
    const bool overlaps =
        may_overlap && overlaps_[launch.kernel] && driver().version() >= kOverlapsInGraphs;
    CudaLaunchAttribute attribute = {kCudaLaunchOverlaps, 0, 1, {}};
    const Kernel& kernel = program_->kernels[launch.kernel];
    const CudaLaunchConfig config = {{launch.blocks, 1, 1},
                                     {kBlockThreads, 1, 1},
                                     static_cast<unsigned>(kernel.scratch_bytes),
                                     stream_,
                                     &attribute,
                                     overlaps ? 1u : 0u};
    RETURN_IF_ERROR(Check(driver().LaunchKernelEx(&config, functions_[launch.kernel],
                                                  &parameters[launch.first_parameter], nullptr),
                          absl::StrCat("launching ", kernel.name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<CudaGraphExec> CudaDevice::Capture(const std::function<absl::Status()>& launch) {
  RETURN_IF_ERROR(
      Check(driver().StreamBeginCapture(stream_, kCaptureThreadLocal), "making a graph"));
  const absl::Status launched = launch();
  CudaGraph graph = nullptr;
  CudaGraphExec exec = nullptr;
  const absl::Status captured = Check(driver().StreamEndCapture(stream_, &graph), "making a graph");
  absl::Status made = launched.ok() ? captured : launched;
  if (made.ok()) made = Check(driver().GraphInstantiate(&exec, graph, 0), "making a graph");
  if (graph != nullptr) driver().GraphDestroy(graph);
  if (!made.ok()) return made;
  return exec;
}

void CudaDevice::DropGraph() {
  if (graph_ != nullptr) driver().GraphExecDestroy(graph_);
  graph_ = nullptr;
}

// As a graph, whose kernels follow one another as fast as the GPU takes them.
absl::Status CudaDevice::RunTimed() {
  DropGraph();
  std::swap(last_, collected_);
  collected_.Clear();
  const std::vector<TimedRegion> regions = std::exchange(timed_, {});
  // Before the first region, and behind each.
  std::vector<CudaEvent> moments(regions.size() + 1, nullptr);
  const auto note = [this](CudaEvent event) {
    return Check(driver().EventRecord(event, stream_, kNotedByGraphs), "noting a time");
  };
  const auto run = [&]() -> absl::Status {
    for (CudaEvent& moment : moments) {
      RETURN_IF_ERROR(Check(driver().EventCreate(&moment, 0), "noting a time"));
    }
    ASSIGN_OR_RETURN(graph_, Capture([&]() -> absl::Status {
                       RETURN_IF_ERROR(note(moments[0]));
                       size_t first = 0;
                       for (size_t i = 0; i < regions.size(); ++i) {
                         RETURN_IF_ERROR(LaunchSome(first, regions[i].end, false));
                         RETURN_IF_ERROR(note(moments[i + 1]));
                         first = regions[i].end;
                       }
                       return absl::OkStatus();
                     }));
    const int64_t start = Timeline::Now();
    RETURN_IF_ERROR(Check(driver().GraphLaunch(graph_, stream_), "launching kernels"));
    RETURN_IF_ERROR(Synchronize("running kernels"));
    int64_t begin = start;
    for (size_t i = 0; i < regions.size(); ++i) {
      float milliseconds = 0;
      RETURN_IF_ERROR(Check(driver().EventElapsedTime(&milliseconds, moments[0], moments[i + 1]),
                            "asking for a time"));
      const int64_t end = start + std::llround(1e6 * static_cast<double>(milliseconds));
      regions[i].timeline->AddRegion({regions[i].call, regions[i].calls, begin, end, true});
      begin = end;
    }
    return absl::OkStatus();
  };
  const absl::Status ran = run();
  for (const CudaEvent moment : moments) {
    if (moment != nullptr) driver().EventDestroy(moment);
  }
  // It notes times, which no other run asks for.
  DropGraph();
  last_.Clear();
  return ran;
}

}  // namespace lluda::runtime
