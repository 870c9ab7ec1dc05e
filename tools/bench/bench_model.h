// How fast a model runs, and how far that is from what the machine can do: all that `lluda bench`
// finds out.
//
// Limit and model are measured in turns, and compared turn by turn, because the speed of a shared
// machine changes from second to second. Nothing is told before the output is found right. In
// this order: what is loaded and run untimed, so that the peak of the memory is the model's; then
// the timed turns; then, with the model gone, the interpreter.
//
//   BenchOptions bench;
//   bench.open = [] { return LoadOptionsOf(flags); };
//   bench.load = [](const engine::LoadOptions& options) { return engine::Model::Load(options); };
//   absl::StatusOr<BenchResult> result = BenchModel(bench);
#ifndef LLUDA_TOOLS_BENCH_BENCH_MODEL_H_
#define LLUDA_TOOLS_BENCH_BENCH_MODEL_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "tools/bench/bench_result.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {

struct BenchOptions {
  std::vector<int64_t> prompt_tokens = {512};  // at least one, each at least 1
  std::vector<int64_t> depths = {0};           // at least one
  int64_t gen_tokens = 128;                    // at least 1
  int repeat = 5;                              // at least 1
  std::vector<int64_t> streams = {};           // numbers of texts side by side, each 1 to 64
  std::vector<int64_t> batch = {};             // tokens of small steps, each 1 to 64
  std::vector<std::string> peers = {};         // llama-benches to run in turns: ParsePeer
  bool stats = false;                          // count the calls of a step, too
  int64_t wished_context = 0;                  // 0: as many tokens as are measured
  // Opens the model for a context of BenchContext, which is timed as a part of loading.
  std::function<absl::StatusOr<engine::LoadOptions>()> open = nullptr;
  ModelLoader load = nullptr;
};

// The context to open the model for. InvalidArgument if a shorter one is wished for than is needed.
absl::StatusOr<int64_t> BenchContext(const BenchOptions& bench);

// Errors are those of opening, loading and running; Internal for an output that is wrong.
absl::StatusOr<BenchResult> BenchModel(const BenchOptions& bench);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_MODEL_H_
