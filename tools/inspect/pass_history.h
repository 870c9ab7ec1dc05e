// A module run through the passes that it has left, and how its statements came to be.
//
//   absl::StatusOr<PassHistory> history = RunPasses(module);
//   history->provenance.Find("attn", "q4").passes;   // {"fuse-rope", "fuse-epilogue"}
//   for (const MissedFusion& miss : history->misses) ...
#ifndef LLUDA_TOOLS_INSPECT_PASS_HISTORY_H_
#define LLUDA_TOOLS_INSPECT_PASS_HISTORY_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "machine/tiles.h"
#include "passes/framework/provenance.h"
#include "passes/pipeline.h"
#include "tools/inspect/explain_report.h"

namespace lluda::tools {

struct PassHistory {
  int64_t unseen_passes = 0;  // that the module had gone through before
  passes::Provenance provenance;
  std::vector<passes::PassReport> reports;  // of every pass, in order
  std::vector<MissedFusion> misses;         // each one once
};

// Sees the module before the first pass (number 0) and after each one that changed it, with what is
// known of its statements by then.
using SeeModule = std::function<void(int number, absl::string_view pass, const ir::Module& module,
                                     const passes::Provenance& provenance)>;

// Errors are those of passes::RemainingPasses and of the passes.
absl::StatusOr<PassHistory> RunPasses(ir::Module* module, const SeeModule& see = nullptr,
                                      machine::DeviceKind device = machine::DeviceKind::kCpu);

// Leaves the near misses in what an entry runs: its function, those that are called, and `load`.
void KeepMissesOf(const ir::Func& entry, PassHistory* history);

// The statements that compute a value or a global, by runtime::StatementOf: "attn.qkv",
// "load.wqkv".
std::map<std::string, const ir::Op*> StatementsByName(const ir::Module& module);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_PASS_HISTORY_H_
