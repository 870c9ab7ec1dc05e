// The pipeline as the report shows it: after each pass, every function as a graph of statements,
// the globals they read, and what the pass changed.
//
//   ReportPipeline pipeline;
//   auto history = RunPasses(module, [&](int number, absl::string_view pass,
//                                        const ir::Module& after,
//                                        const passes::Provenance& provenance) {
//     pipeline.See(number, pass, after, provenance);
//   });
//   pipeline.Finish(*history);
//   pipeline.steps()[4].pass;                              // "fuse-rope"
//   pipeline.functions()[pipeline.steps()[4].functions[1]].statements   // of @attn after it
#ifndef LLUDA_TOOLS_REPORT_REPORT_PIPELINE_H_
#define LLUDA_TOOLS_REPORT_REPORT_PIPELINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/text/diff.h"
#include "tools/inspect/pass_history.h"

namespace lluda::tools {

// A statement: a node of a function's graph.
struct ReportStatement {
  std::string name;                // "%q4", "@wqkv"; "" of return and yield
  std::string op;                  // "rope"
  std::string text;                // one line, as a dump has it; of a loop its first line
  std::string type;                // "" where nothing is computed
  std::vector<std::string> reads;  // "%q2", "@wq[layer]"
  bool is_view = false;            // costs nothing: its operand, read with other strides
  std::optional<int> loop;         // place in the function of the loop that it is in
  std::string carried;             // of a loop: the value that its body reads, "%x"
  std::string callee;              // of a call: "@attn"
  std::vector<std::string> from;   // the ops that it was as imported
  std::vector<std::string> by;     // the passes that made it
  std::string module;              // of the checkpoint, which it computes; may be empty
};

struct ReportParameter {
  std::string name;  // "%x"
  std::string type;
};

struct ReportFunction {
  std::string name;    // "@attn", "load"
  int64_t copies = 1;  // one per layer
  std::vector<ReportParameter> parameters;
  std::vector<ReportStatement> statements;  // in the order they run, bodies of loops included
};

// A tensor that lives outside the functions.
struct ReportGlobal {
  std::string name;    // "@wqkv"
  std::string kind;    // "weight", "state", "loaded"
  std::string dtype;   // "bf16"
  std::string shape;   // "qkv[512] hid[256]"
  std::string layout;  // "row-major", "@panel(16x2, hid)"
  int64_t bytes = 0;   // of one copy, with every symbol at its maximum
  int64_t copies = 1;
  std::string source;  // the checkpoint's tensor; "" if there is none
};

// The module before the first pass, or after one of them.
struct ReportStep {
  int number = 0;    // of the pass, from 1; 0: as imported
  std::string pass;  // "" as imported
  double seconds = 0;
  std::vector<size_t> functions;      // places in ReportPipeline::functions
  size_t globals = 0;                 // place in ReportPipeline::globals
  std::vector<ir::SectionDiff> diff;  // against the step before; empty if nothing changed
  std::vector<passes::Miss> misses;
};

class ReportPipeline {
 public:
  // For RunPasses: the module at the next step that changed it.
  void See(int number, absl::string_view pass, const ir::Module& module,
           const passes::Provenance& provenance);
  // After the last pass: adds the passes that changed nothing, and what each of them missed.
  void Finish(const PassHistory& history);

  const std::vector<ReportStep>& steps() const { return steps_; }
  // Those that differ, each once: a pass that leaves a function alone leaves its place, too.
  const std::vector<ReportFunction>& functions() const { return functions_; }
  const std::vector<std::vector<ReportGlobal>>& globals() const { return globals_; }

 private:
  std::vector<ReportStep> steps_;
  std::vector<ReportFunction> functions_;
  std::vector<std::vector<ReportGlobal>> globals_;
  std::string text_;  // of the module seen last
};

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_REPORT_REPORT_PIPELINE_H_
