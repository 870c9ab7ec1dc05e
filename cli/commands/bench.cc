// lluda bench: how fast a model runs, and how far that is from what the machine can do.
#include <iostream>
#include <string>

#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/bench/bench_model.h"
#include "tools/bench/bench_result.h"

namespace lluda::cli {

absl::StatusOr<int> RunBench(const BenchFlags& flags) {
  tools::BenchOptions bench{flags.prompt_tokens,
                            flags.depths,
                            flags.gen_tokens,
                            flags.repeat,
                            flags.streams,
                            flags.stats,
                            flags.model.context.value_or(0)};
  ModelFlags model = flags.model;
  ASSIGN_OR_RETURN(model.context, tools::BenchContext(bench));
  bench.open = [&] { return LoadOptionsOf(model); };
  bench.load = LoaderOf(model);
  ASSIGN_OR_RETURN(tools::BenchResult result, tools::BenchModel(bench));
  const bool only_json = flags.json_file == "-";
  RETURN_IF_ERROR(WriteStdout(only_json ? tools::BenchJson(result) : tools::BenchText(result)));
  if (!flags.json_file.empty() && !only_json) {
    RETURN_IF_ERROR(WriteFile(flags.json_file, tools::BenchJson(result)));
  }
  if (!result.warning.empty()) std::cerr << "lluda: warning: " << result.warning << "\n";
  return 0;
}

}  // namespace lluda::cli
