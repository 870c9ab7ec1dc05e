// Runs passes in order and holds them to their promises: the verifier runs before the first pass
// and after each one that changed something.
//
//   ASSIGN_OR_RETURN(Pipeline pipeline, Pipeline::Create({"canonicalize", "fuse-rope"}, {}));
//   ASSIGN_OR_RETURN(std::vector<PassReport> reports, pipeline.Run(&module));
//
// Errors keep the code of what failed and end with the pass: "... after pass 'fuse-rope' (#2)".
#ifndef LLUDA_PASSES_PIPELINE_H_
#define LLUDA_PASSES_PIPELINE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "passes/framework/pass.h"
#include "passes/registry.h"

namespace lluda::passes {

// What one pass did.
struct PassReport {
  std::string pass;
  int number = 0;  // its place in the pipeline, from 1
  bool changed = false;
  double seconds = 0;
  std::vector<Miss> misses;
};

struct PipelineOptions {
  PassOptions passes;
  // Compares the module's structural text before and after with what the pass reports; costs two
  // printings a pass, so it is for tests and for lluda_opt.
  bool check_reports = false;
  // Sees the module after every pass that changed it; number 0 and pass "" before the first. An
  // error ends the run.
  std::function<absl::Status(int number, absl::string_view pass, const ir::Module& module)> dump;
};

class Pipeline {
 public:
  // NotFound when there is no pass of a name; one pass may stand in the list several times.
  static absl::StatusOr<Pipeline> Create(absl::Span<const std::string> pass_names,
                                         PipelineOptions options);
  // From passes that are not registered, for tests.
  Pipeline(std::vector<std::unique_ptr<Pass>> passes, PipelineOptions options);

  // Runs every pass once. After an error the module may be half rewritten.
  absl::StatusOr<std::vector<PassReport>> Run(ir::Module* module);

 private:
  absl::Status RunPass(Pass* pass, ir::Module* module, PassReport* report);

  std::vector<std::unique_ptr<Pass>> passes_;
  PipelineOptions options_;
};

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PIPELINE_H_
