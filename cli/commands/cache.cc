// lluda cache: looks at compiled code that was kept, drops some of it, and checks it or a bundle.
#include <cstdlib>
#include <memory>
#include <string>

#include "base/files/user_code_cache.h"
#include "base/status_macros.h"
#include "bundle/reader.h"
#include "cli/commands/commands.h"
#include "cli/terminal/output.h"
#include "tools/run/cache_report.h"

namespace lluda::cli {
namespace {

absl::StatusOr<int> VerifyBundle(const CacheFlags& flags) {
  ASSIGN_OR_RETURN(std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::Open(flags.file));
  RETURN_IF_ERROR(bundle->Verify());
  return Print(flags.json ? tools::IntactBundleJson(flags.file)
                          : tools::IntactBundleText(flags.file));
}

}  // namespace

absl::StatusOr<int> Run(const CacheFlags& flags) {
  if (!flags.file.empty()) return VerifyBundle(flags);
  ASSIGN_OR_RETURN(const base::CodeCache cache, base::OpenUserCodeCache(&std::getenv));
  if (flags.action == CacheAction::kPrune) {
    ASSIGN_OR_RETURN(int64_t freed, cache.Prune(flags.max_bytes));
    return Print(flags.json ? tools::PruneJson(freed) : tools::PruneText(freed));
  }
  ASSIGN_OR_RETURN(tools::CacheReport report, tools::ReportOf(cache));
  const bool verify = flags.action == CacheAction::kVerify;
  const int code = verify && report.damaged() > 0 ? 1 : 0;
  if (flags.json) return Print(tools::CacheJson(report), code);
  return Print(verify ? tools::CacheVerifyText(report) : tools::CacheListText(report), code);
}

}  // namespace lluda::cli
