#include "tools/inspect/pass_history.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "passes/default_pipeline.h"
#include "passes/framework/rewrite.h"

namespace lluda::tools {
namespace {

std::vector<MissedFusion> MissesOf(const std::vector<passes::PassReport>& reports) {
  std::vector<MissedFusion> misses;
  std::set<std::tuple<std::string, std::string, std::string, std::string>> known;
  for (const passes::PassReport& report : reports) {
    for (const passes::Miss& miss : report.misses) {
      if (!known.emplace(report.pass, miss.func, miss.statement, miss.reason).second) continue;
      misses.push_back({report.pass, miss.func, miss.statement, miss.reason});
    }
  }
  return misses;
}

// The names of the function and of those that it calls.
void AddCalled(const ir::Func& func, std::set<std::string>* names) {
  if (!names->insert(func.name).second) return;
  ir::ForEachOp(func.body, [&](const ir::Op* op) {
    if (op->callee != nullptr) AddCalled(*op->callee, names);
  });
}

}  // namespace

absl::StatusOr<PassHistory> RunPasses(ir::Module* module, const SeeModule& see,
                                      machine::DeviceKind device) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, passes::RemainingPasses(*module));
  PassHistory history;
  history.unseen_passes = static_cast<int64_t>(module->passes.size());
  passes::PipelineOptions options;
  options.passes.device = device;
  options.dump = [&](int number, absl::string_view pass, const ir::Module& after) {
    history.provenance.See(pass, after);
    if (see) see(number, pass, after, history.provenance);
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(passes::Pipeline pipeline, passes::Pipeline::Create(names, options));
  ASSIGN_OR_RETURN(std::vector<passes::PassReport> reports, pipeline.Run(module));
  history.misses = MissesOf(reports);
  history.reports = std::move(reports);
  return history;
}

void KeepMissesOf(const ir::Func& entry, PassHistory* history) {
  std::set<std::string> names = {step_interface::kLoad};
  AddCalled(entry, &names);
  const auto keep = [&names](auto* misses) {
    const auto is_other = [&names](const auto& miss) { return names.count(miss.func) == 0; };
    misses->erase(std::remove_if(misses->begin(), misses->end(), is_other), misses->end());
  };
  keep(&history->misses);
  for (passes::PassReport& report : history->reports) keep(&report.misses);
}

std::map<std::string, const ir::Op*> StatementsByName(const ir::Module& module) {
  std::map<std::string, const ir::Op*> ops;
  ir::ForEachOp(module, [&](const ir::Op* op) {
    if (op->result() == nullptr && op->defined_global == nullptr) return;
    ops[absl::StrCat(passes::FuncName(*op->parent()), ".", passes::StatementName(*op))] = op;
  });
  return ops;
}

}  // namespace lluda::tools
