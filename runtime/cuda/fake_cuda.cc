// A CUDA driver for tests, with no GPU: memory is the host's, kernels are run by whom a test names.
// What tests see: which parameters a launch has, as PTX declares them, how often PTX was compiled, and
// that a graph repeats what was captured. Machine code is PTX behind the first bytes of an ELF file.
// FAKE_CUDA in the environment, "cuInit=100,cuMemAlloc_v2=2", makes calls fail so; "image=200" that
// machine code is refused.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "runtime/cuda/driver.h"

namespace {

using lluda::runtime::CudaAddress;
using lluda::runtime::CudaContext;
using lluda::runtime::CudaDeviceId;
using lluda::runtime::CudaEvent;
using lluda::runtime::CudaFunction;
using lluda::runtime::CudaGraph;
using lluda::runtime::CudaGraphExec;
using lluda::runtime::CudaLaunchConfig;
using lluda::runtime::CudaLink;
using lluda::runtime::CudaModule;
using lluda::runtime::CudaResult;
using lluda::runtime::CudaStream;

constexpr CudaResult kInvalidValue = 1, kOutOfMemory = 2, kInvalidPtx = 218, kNotFound = 500;
constexpr size_t kTotalBytes = size_t{64} << 20;
constexpr int kErrorLog = 5, kPtxInput = 1, kMostSharedBytes = 8;
constexpr char kMachineCode[] =
    "\x7f"
    "ELF";

struct Function {
  std::string name;
  size_t parameters = 0;
  unsigned shared_bytes = 0;  // that a launch may ask for
};
// Or a moment that is noted.
struct Launch {
  const Function* function;
  unsigned blocks;
  std::vector<uint64_t> parameters;
  int64_t* moment = nullptr;
};
struct Graph {
  std::vector<Launch> launches;
};

// The driver's state: a process has one driver.
struct Fake {
  std::map<CudaAddress, size_t> allocated;
  size_t used = 0;
  bool is_capturing = false;
  Graph captured;
  void (*run)(const char* kernel, unsigned blocks, void** parameters) = nullptr;
  std::atomic<int> compiled{0};  // PTX that became machine code
  int64_t clock = 0;             // in microseconds: how many kernels ran
};
Fake& TheFake() {
  static Fake* fake = new Fake();
  return *fake;
}

CudaResult ResultOf(const char* symbol) {
  const char* wanted = std::getenv("FAKE_CUDA");
  if (wanted == nullptr) return 0;
  const std::string text = std::string(",") + wanted;
  const std::string key = std::string(",") + symbol + "=";
  const size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + key.size());
}

void Run(const Launch& launch) {
  if (launch.moment != nullptr) {
    *launch.moment = TheFake().clock;
    return;
  }
  ++TheFake().clock;
  if (TheFake().run == nullptr) return;
  std::vector<uint64_t> values = launch.parameters;
  std::vector<void*> parameters;
  for (uint64_t& value : values) parameters.push_back(&value);
  TheFake().run(launch.function->name.c_str(), launch.blocks, parameters.data());
}

}  // namespace

#define RETURN_WHAT_TESTS_ASK_FOR(symbol) \
  if (CudaResult result = ResultOf(#symbol); result != 0) return result

extern "C" {

void FakeCudaSetRunner(void (*run)(const char* kernel, unsigned blocks, void** parameters)) {
  TheFake().run = run;
}
size_t FakeCudaUsedBytes() { return TheFake().used; }
int FakeCudaCompiled() { return TheFake().compiled; }

CudaResult cuInit(unsigned) { return ResultOf("cuInit"); }
CudaResult cuDriverGetVersion(int* version) {
  const CudaResult asked = ResultOf("version");
  *version = asked != 0 ? asked : 12040;
  return 0;
}
CudaResult cuDeviceGetCount(int* count) {
  *count = ResultOf("no_gpu") != 0 ? 0 : 1;
  return 0;
}
CudaResult cuDeviceGet(CudaDeviceId* device, int ordinal) {
  *device = ordinal;
  return 0;
}
CudaResult cuDeviceGetName(char* name, int size, CudaDeviceId) {
  std::strncpy(name, "Fake GPU", static_cast<size_t>(size));
  return 0;
}
CudaResult cuDeviceGetAttribute(int* value, int attribute, CudaDeviceId) {
  const CudaResult asked = ResultOf("major");
  const std::map<int, int> values = {
      {13, 1000000}, {16, 100}, {75, asked != 0 ? asked : 9}, {76, 0}};
  const auto it = values.find(attribute);
  if (it == values.end()) return kInvalidValue;
  *value = it->second;
  return 0;
}
CudaResult cuDevicePrimaryCtxRetain(CudaContext* context, CudaDeviceId) {
  *context = &TheFake();
  return 0;
}
CudaResult cuDevicePrimaryCtxRelease_v2(CudaDeviceId) { return 0; }
CudaResult cuCtxSetCurrent(CudaContext context) {
  return context == &TheFake() ? 0 : kInvalidValue;
}
CudaResult cuMemGetInfo_v2(size_t* free, size_t* total) {
  *total = kTotalBytes;
  *free = kTotalBytes - TheFake().used;
  return 0;
}
CudaResult cuMemAlloc_v2(CudaAddress* address, size_t bytes) {
  RETURN_WHAT_TESTS_ASK_FOR(cuMemAlloc_v2);
  if (bytes == 0) return kInvalidValue;
  if (TheFake().used + bytes > kTotalBytes) return kOutOfMemory;
  constexpr size_t kAlign = 256;
  void* memory = std::aligned_alloc(kAlign, (bytes + kAlign - 1) / kAlign * kAlign);
  *address = reinterpret_cast<CudaAddress>(memory);
  TheFake().allocated[*address] = bytes;
  TheFake().used += bytes;
  return 0;
}
CudaResult cuMemFree_v2(CudaAddress address) {
  const auto it = TheFake().allocated.find(address);
  if (it == TheFake().allocated.end()) return kInvalidValue;
  TheFake().used -= it->second;
  std::free(reinterpret_cast<void*>(address));
  TheFake().allocated.erase(it);
  return 0;
}
CudaResult cuMemAllocHost_v2(void** memory, size_t bytes) {
  *memory = std::malloc(bytes);
  return 0;
}
CudaResult cuMemFreeHost(void* memory) {
  std::free(memory);
  return 0;
}
CudaResult cuMemsetD8Async(CudaAddress to, unsigned char value, size_t bytes, CudaStream) {
  std::memset(reinterpret_cast<void*>(to), value, bytes);
  return 0;
}
CudaResult cuMemcpyHtoDAsync_v2(CudaAddress to, const void* from, size_t bytes, CudaStream) {
  RETURN_WHAT_TESTS_ASK_FOR(cuMemcpyHtoDAsync_v2);
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return 0;
}
CudaResult cuMemcpyDtoHAsync_v2(void* to, CudaAddress from, size_t bytes, CudaStream) {
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}
CudaResult cuMemcpyDtoDAsync_v2(CudaAddress to, CudaAddress from, size_t bytes, CudaStream) {
  std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  return 0;
}

// Of PTX it reads the names of kernels and how many parameters they have.
CudaResult cuModuleLoadDataEx(CudaModule* module, const void* image, unsigned count, int* options,
                              void** values) {
  std::string ptx = static_cast<const char*>(image);
  if (ptx.rfind(kMachineCode, 0) == 0) {
    if (CudaResult result = ResultOf("image"); result != 0) return result;
    ptx.erase(0, std::strlen(kMachineCode));
  } else {
    ++TheFake().compiled;
  }
  const size_t entry = ptx.find(".entry ");
  if (entry == std::string::npos) {
    for (unsigned i = 0; i < count; ++i) {
      if (options[i] == kErrorLog) std::strcpy(static_cast<char*>(values[i]), "no entry\nat all");
    }
    return kInvalidPtx;
  }
  const size_t open = ptx.find('(', entry), close = ptx.find(')', open);
  auto* function = new Function();
  function->name = ptx.substr(entry + 7, open - entry - 7);
  for (size_t at = ptx.find(".param", open); at < close; at = ptx.find(".param", at + 1)) {
    ++function->parameters;
  }
  *module = function;
  return 0;
}
CudaResult cuModuleUnload(CudaModule module) {
  delete static_cast<Function*>(module);
  return 0;
}
CudaResult cuModuleGetFunction(CudaFunction* function, CudaModule module, const char* name) {
  *function = module;
  return static_cast<Function*>(module)->name == name ? 0 : kNotFound;
}
CudaResult cuFuncSetAttribute(CudaFunction function, int attribute, int value) {
  RETURN_WHAT_TESTS_ASK_FOR(cuFuncSetAttribute);
  if (attribute != kMostSharedBytes) return kInvalidValue;
  static_cast<Function*>(function)->shared_bytes = static_cast<unsigned>(value);
  return 0;
}
// A link is the machine code that it makes.
CudaResult cuLinkCreate_v2(unsigned, int*, void**, CudaLink* link) {
  RETURN_WHAT_TESTS_ASK_FOR(cuLinkCreate_v2);
  *link = new std::string(kMachineCode);
  return 0;
}
CudaResult cuLinkAddData_v2(CudaLink link, int kind, void* data, size_t bytes, const char*,
                            unsigned, int*, void**) {
  const std::string ptx(static_cast<const char*>(data), bytes);
  if (kind != kPtxInput || ptx.back() != '\0') return kInvalidValue;
  if (ptx.find(".entry ") == std::string::npos) return kInvalidPtx;
  ++TheFake().compiled;
  static_cast<std::string*>(link)->append(ptx);
  return 0;
}
CudaResult cuLinkComplete(CudaLink link, void** image, size_t* bytes) {
  auto* code = static_cast<std::string*>(link);
  *image = code->data();
  *bytes = code->size();
  return 0;
}
CudaResult cuLinkDestroy(CudaLink link) {
  delete static_cast<std::string*>(link);
  return 0;
}
CudaResult cuStreamCreate(CudaStream* stream, unsigned) {
  *stream = &TheFake();
  return 0;
}
CudaResult cuStreamDestroy_v2(CudaStream) { return 0; }
CudaResult cuStreamSynchronize(CudaStream) { return ResultOf("cuStreamSynchronize"); }
CudaResult cuEventCreate(CudaEvent* event, unsigned) {
  *event = new int64_t(0);
  return 0;
}
CudaResult cuEventDestroy_v2(CudaEvent event) {
  delete static_cast<int64_t*>(event);
  return 0;
}
CudaResult cuEventRecordWithFlags(CudaEvent event, CudaStream, unsigned) {
  if (!TheFake().is_capturing) return kInvalidValue;
  TheFake().captured.launches.push_back({nullptr, 0, {}, static_cast<int64_t*>(event)});
  return 0;
}
CudaResult cuEventElapsedTime(float* milliseconds, CudaEvent from, CudaEvent to) {
  *milliseconds =
      1e-3f * static_cast<float>(*static_cast<int64_t*>(to) - *static_cast<int64_t*>(from));
  return 0;
}
CudaResult cuStreamBeginCapture_v2(CudaStream, int) {
  TheFake().is_capturing = true;
  TheFake().captured.launches.clear();
  return 0;
}
CudaResult cuStreamEndCapture(CudaStream, CudaGraph* graph) {
  TheFake().is_capturing = false;
  *graph = new Graph(TheFake().captured);
  return 0;
}
CudaResult cuGraphInstantiateWithFlags(CudaGraphExec* exec, CudaGraph graph, unsigned long long) {
  *exec = new Graph(*static_cast<Graph*>(graph));
  return 0;
}
CudaResult cuGraphDestroy(CudaGraph graph) {
  delete static_cast<Graph*>(graph);
  return 0;
}
CudaResult cuGraphExecDestroy(CudaGraphExec exec) { return cuGraphDestroy(exec); }
CudaResult cuGraphLaunch(CudaGraphExec exec, CudaStream) {
  for (const Launch& launch : static_cast<Graph*>(exec)->launches) Run(launch);
  return 0;
}
CudaResult cuLaunchKernelEx(const CudaLaunchConfig* config, CudaFunction function,
                            void** parameters, void**) {
  RETURN_WHAT_TESTS_ASK_FOR(cuLaunchKernelEx);
  const auto* known = static_cast<const Function*>(function);
  if (config->shared_bytes > known->shared_bytes) return kInvalidValue;
  Launch launch{known, config->grid[0], {}};
  for (size_t i = 0; i < known->parameters; ++i) {
    launch.parameters.push_back(*static_cast<uint64_t*>(parameters[i]));
  }
  if (TheFake().is_capturing) {
    TheFake().captured.launches.push_back(launch);
  } else {
    Run(launch);
  }
  return 0;
}
CudaResult cuGetErrorString(CudaResult result, const char** text) {
  static constexpr struct {
    CudaResult result;
    const char* text;
  } kTexts[] = {{kOutOfMemory, "out of memory"},
                {100, "no CUDA-capable device is detected"},
                {200, "device kernel image is invalid"},
                {kInvalidPtx, "a PTX JIT compilation failed"},
                {719, "unspecified launch failure"}};
  for (const auto& row : kTexts) {
    if (row.result == result) *text = row.text;
  }
  return 0;
}

}  // extern "C"
