// How fast a model's encoder hears, and how far that is from what the machine can do: what
// `lluda bench --entry audio` finds out.
//
// As bench_model.h has it: limits and encoder in turns, compared turn by turn; nothing is told
// before the rows are found right, by the interpreter on a second of sound and to the bit by an
// untimed run of the whole. The sound is noise, for the time does not depend on what is heard.
//
//   SoundBenchOptions bench;
//   bench.seconds = 30;
//   bench.open = [] { return LoadOptionsOf(flags); };
//   bench.load = [](const engine::LoadOptions& options) { return engine::Model::Load(options); };
//   absl::StatusOr<SoundBenchResult> result = BenchSound(bench);
#ifndef LLUDA_TOOLS_BENCH_BENCH_SOUND_H_
#define LLUDA_TOOLS_BENCH_BENCH_SOUND_H_

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/cpu/machine_limits.h"
#include "codegen/llvm/target.h"
#include "engine/model.h"
#include "ir/graph.h"
#include "tools/bench/bench_sound_result.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {

struct SoundBenchOptions {
  int64_t seconds = 30;  // of sound, at least 1
  int repeat = 5;        // at least 1
  // Opens the model, which is timed as a part of loading.
  std::function<absl::StatusOr<engine::LoadOptions>()> open = nullptr;
  ModelLoader load = nullptr;
};

// Errors are those of opening, loading and running; InvalidArgument for a model that does not hear;
// Internal for rows that are wrong.
absl::StatusOr<SoundBenchResult> BenchSound(const SoundBenchOptions& bench);

// Operations of products, by what bounds them on a target.
struct Products {
  std::map<codegen::Limit, double> matmuls;    // with weights
  std::map<codegen::Limit, double> attention;  // of two values

  void Add(const Products& other, double times);
};

// Of one run of an entry, after the passes.
Products CountProducts(const ir::Func& entry, const codegen::Target& target,
                       const ir::SymbolValue& symbols);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_SOUND_H_
