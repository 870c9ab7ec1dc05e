// What `lluda explain` tells of a model, and how it prints it.
//
//   ExplainReport report;
//   report.statements.push_back({"attn.qkv", ...});
//   WriteStdout(ExplainText(report));
#ifndef LLUDA_TOOLS_INSPECT_EXPLAIN_REPORT_H_
#define LLUDA_TOOLS_INSPECT_EXPLAIN_REPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json/json_writer.h"
#include "frontends/chosen_weights.h"

namespace lluda::tools {

// A statement that kernels compute; numbers are of all its calls in the run together.
struct ExplainedStatement {
  std::string name;  // "attn.qkv"
  std::string kernel;
  std::vector<std::string> ops;     // what it was as imported
  std::string module;               // of the checkpoint; may be empty
  std::vector<std::string> passes;  // that made it
  int64_t calls = 0;
  double bytes = 0;
  double flops = 0;
  double predicted_seconds = 0;  // at the machine's limit
  double measured_seconds = 0;
  std::string limit;  // what bounds it: "DRAM read", "bf16", "f32"
};

struct MissedFusion {
  std::string pass, func, statement, reason;
};

struct ExplainReport {
  std::string run;  // "one token after 128 others"
  int threads = 0;
  double seconds = 0;  // of the run, from its first call to its last
  std::vector<std::pair<std::string, double>> limits;  // name and units a second
  std::vector<ExplainedStatement> statements;          // in the order they run
  std::vector<MissedFusion> misses;
  // How the weights' types were chosen; null: by no budget.
  std::shared_ptr<const frontends::ChosenWeights> chosen;
  int64_t unseen_passes = 0;  // that had run before any was looked at: of a bundle, all
};

// "3 matmul" for three of a kind, joined by commas in the order of the first of each.
std::string CountedNames(const std::vector<std::string>& names);

std::string ExplainText(const ExplainReport& report);
std::string ExplainJson(const ExplainReport& report);
// The same in an object that is begun.
void AppendExplainJson(const ExplainReport& report, base::JsonWriter* writer);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_EXPLAIN_REPORT_H_
