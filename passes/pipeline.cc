#include "passes/pipeline.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "ir/check/verifier.h"
#include "ir/text/printer.h"

namespace lluda::passes {
namespace {

// What two modules that mean the same have in common.
std::string Fingerprint(const ir::Module& module) {
  return ir::PrintModule(module, ir::PrintStyle::kStructural);
}

absl::Status AfterPass(const absl::Status& status, const PassReport& report) {
  return absl::Status(status.code(), absl::StrCat(status.message(), " after pass '", report.pass,
                                                  "' (#", report.number, ")"));
}

}  // namespace

Pipeline::Pipeline(std::vector<std::unique_ptr<Pass>> passes, PipelineOptions options)
    : passes_(std::move(passes)), options_(std::move(options)) {}

absl::StatusOr<Pipeline> Pipeline::Create(absl::Span<const std::string> pass_names,
                                          PipelineOptions options) {
  std::vector<std::unique_ptr<Pass>> passes;
  for (const std::string& name : pass_names) {
    ASSIGN_OR_RETURN(std::unique_ptr<Pass> pass, CreatePass(name, options.passes));
    passes.push_back(std::move(pass));
  }
  return Pipeline(std::move(passes), std::move(options));
}

absl::Status Pipeline::RunPass(Pass* pass, ir::Module* module, PassReport* report) {
  const std::string before = options_.check_reports ? Fingerprint(*module) : "";
  base::Stopwatch watch;
  absl::StatusOr<bool> changed = pass->Run(module);
  report->seconds = watch.Lap();
  if (!changed.ok()) return changed.status();
  report->changed = *changed;
  module->passes.push_back(report->pass);
  report->misses = pass->misses();
  if (options_.check_reports && (Fingerprint(*module) != before) != *changed) {
    return absl::InternalError(*changed ? "a change was reported but none was made"
                                        : "a change was made but none was reported");
  }
  if (!*changed) return absl::OkStatus();
  RETURN_IF_ERROR(ir::Verify(*module));
  return options_.dump ? options_.dump(report->number, report->pass, *module) : absl::OkStatus();
}

absl::StatusOr<std::vector<PassReport>> Pipeline::Run(ir::Module* module) {
  if (absl::Status status = ir::Verify(*module); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(status.message(), " before the first pass"));
  }
  if (options_.dump) {
    RETURN_IF_ERROR(options_.dump(0, "", *module));
  }
  std::vector<PassReport> reports;
  for (const auto& pass : passes_) {
    PassReport& report = reports.emplace_back();
    report.pass = std::string(pass->name());
    report.number = static_cast<int>(reports.size());
    if (absl::Status status = RunPass(pass.get(), module, &report); !status.ok()) {
      return AfterPass(status, report);
    }
  }
  return reports;
}

}  // namespace lluda::passes
