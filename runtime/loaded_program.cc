#include "runtime/loaded_program.h"

#include <map>

#include "base/align.h"

namespace lluda::runtime {
LoadedProgram MakeLoadedProgram(const Program& program) {
  LoadedProgram loaded;
  loaded.program = program;
  loaded.program.load.clear();
  loaded.program.kernels.clear();
  loaded.program.weights.clear();
  std::map<uint32_t, uint32_t> kernels;
  std::map<uint32_t, int64_t> offsets;
  const auto keep = [&](uint32_t kernel) {
    const auto [kept, is_new] =
        kernels.try_emplace(kernel, static_cast<uint32_t>(loaded.program.kernels.size()));
    if (is_new) loaded.program.kernels.push_back(program.kernels[kernel]);
    return kept->second;
  };
  const auto convert = [&](Call* call) {
    const Kernel& kernel = program.kernels[call->kernel];
    call->kernel = keep(call->kernel);
    if (kernel.many_symbol >= 0) {
      const uint32_t many = keep(kernel.many);
      loaded.program.kernels[call->kernel].many = many;
    }
    for (BufferRef& buffer : call->buffers) {
      if (buffer.space != Space::kWeight) continue;
      const auto [offset, first] = offsets.try_emplace(
          buffer.index, base::RoundUp(loaded.program.loaded_bytes, base::kCacheLine));
      if (first) {
        loaded.kept.push_back({buffer.index, offset->second});
        loaded.program.loaded_bytes = offset->second + program.weights[buffer.index].bytes;
      }
      buffer = {Space::kLoaded, 0, offset->second + buffer.offset};
    }
  };
  for (Entry& entry : loaded.program.entries) {
    for (Call& call : entry.calls) convert(&call);
  }
  return loaded;
}

}  // namespace lluda::runtime
