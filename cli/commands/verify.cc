// lluda verify: the import against transformers or a dump against the import, every pass against
// the interpreter, then every kernel; names what goes wrong first and writes it down as a module of
// its own. Of a bundle, its kernels alone.
#include <iostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/verify/verify_model.h"

namespace lluda::cli {
namespace {

absl::StatusOr<tools::VerifyReport> Verify(const VerifyFlags& flags) {
  const tools::VerifyOptions options{flags.layers, flags.tokens, flags.reference, flags.as_is,
                                     flags.entry};
  ASSIGN_OR_RETURN(engine::LoadOptions load, LoadOptionsOf(flags.model));
  if (load.source->bundle() != nullptr) return tools::VerifyBundledModel(load, options);
  ASSIGN_OR_RETURN(engine::OpenedModule opened, OpenImported(load, engine::Weights::kRequired));
  return tools::VerifyModel(load, std::move(opened), options);
}

}  // namespace

absl::StatusOr<int> Run(const VerifyFlags& flags) {
  ASSIGN_OR_RETURN(tools::VerifyReport report, Verify(flags));
  if (!report.remark.empty()) std::cerr << "lluda: " << report.remark << "\n";
  std::string repro_file;
  if (report.finding && !report.finding->repro.empty()) {
    repro_file = flags.repro_file;
    RETURN_IF_ERROR(base::WriteFile(repro_file, report.finding->repro));
  }
  return Print(
      flags.json ? tools::VerifyJson(report, repro_file) : tools::VerifyText(report, repro_file),
      report.finding ? 1 : 0);
}

}  // namespace lluda::cli
