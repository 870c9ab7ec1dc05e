#include "tools/verify/verify_passes.h"

#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/pipeline.h"
#include "tools/verify/verify_slice.h"

namespace lluda::tools {
namespace {

const ir::Op* FindOp(const ir::Module& module, const std::string& func, const std::string& name) {
  const ir::Op* found = nullptr;
  const ir::Func* in = module.FindFunc(func);
  if (in == nullptr) return nullptr;
  ir::ForEachOp(in->body, [&](const ir::Op* op) {
    if (op->result() != nullptr && op->result()->name == name) found = op;
  });
  return found;
}

class PassVerifier {
 public:
  explicit PassVerifier(const VerifyRun& run) : run_(run) {}

  absl::Status See(int number, absl::string_view pass, const ir::Module& module) {
    Values values;
    const absl::StatusOr<std::vector<ir::Tensor>> logits = Interpret(
        module, run_,
        [&](const ValueKey& key, const ir::Op& op, const ir::Tensor& result) -> absl::Status {
          // What the load block computes is compared where it is used.
          if (std::get<0>(key) < 0) return absl::OkStatus();
          const auto before = values_.find(key);
          if (before != values_.end()) {
            const double error = ErrorOf(result, before->second);
            if (!(error <= kPassBound)) return Blame(number, pass, key, op, error);
          }
          values.emplace(key, result);
          return absl::OkStatus();
        });
    if (!logits.ok()) return logits.status();
    values_ = std::move(values);
    text_ = ir::PrintModule(module);
    return absl::OkStatus();
  }

  std::optional<Finding> finding;

 private:
  // Keeps the finding and ends the run.
  absl::Status Blame(int number, absl::string_view pass, const ValueKey& key, const ir::Op& op,
                     double error) {
    finding.emplace();
    finding->culprit = absl::StrCat("pass ", pass, " (#", number, ")");
    std::tie(finding->step, finding->func, finding->index, finding->statement, std::ignore) = key;
    finding->nmse = error;
    finding->bound = kPassBound;
    ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> before, ir::ParseModule(text_, "before"));
    const ir::Op* old = FindOp(*before, finding->func, finding->statement);
    if (old == nullptr) return absl::InternalError("the statement is not in its own dump");
    std::set<std::string> inputs = KernelInputs(op);
    inputs.erase(finding->statement);
    ASSIGN_OR_RETURN(finding->repro, SliceText(*before, *old, inputs));
    return absl::AbortedError("found");
  }

  const VerifyRun& run_;
  Values values_;
  std::string text_;  // of the module that values_ are of
};

}  // namespace

absl::StatusOr<std::optional<Finding>> VerifyPasses(
    std::vector<std::unique_ptr<passes::Pass>> passes, const VerifyRun& run, ir::Module* module) {
  PassVerifier verifier(run);
  passes::PipelineOptions options;
  options.dump = [&](int number, absl::string_view pass, const ir::Module& after) {
    return verifier.See(number, pass, after);
  };
  const auto reports = passes::Pipeline(std::move(passes), options).Run(module);
  if (verifier.finding && !verifier.finding->repro.empty()) return verifier.finding;
  if (!reports.ok()) return reports.status();
  return std::optional<Finding>();
}

}  // namespace lluda::tools
