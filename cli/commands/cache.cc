// lluda cache: looks at compiled code that was kept, drops some of it, and checks it or a bundle.
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/files/cache_folder.h"
#include "base/files/file_cache.h"
#include "base/status_macros.h"
#include "bundle/reader.h"
#include "cli/commands/commands.h"
#include "cli/terminal/output.h"
#include "tools/run/cache_report.h"

namespace lluda::cli {
namespace {

using base::CodeCache;

absl::StatusOr<CodeCache> OpenCache() {
  const std::string folder = base::CacheFolder([](const char* name) { return std::getenv(name); });
  if (folder.empty()) {
    return absl::FailedPreconditionError(
        "there is no cache: neither XDG_CACHE_HOME nor HOME is set");
  }
  return CodeCache::Open(folder, base::kDefaultCacheBytes);
}

absl::StatusOr<int> VerifyBundle(const CacheFlags& flags) {
  ASSIGN_OR_RETURN(std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::Open(flags.file));
  RETURN_IF_ERROR(bundle->Verify());
  return Print(flags.json ? tools::IntactBundleJson(flags.file)
                          : tools::IntactBundleText(flags.file));
}

}  // namespace

absl::StatusOr<int> Run(const CacheFlags& flags) {
  if (!flags.file.empty()) return VerifyBundle(flags);
  ASSIGN_OR_RETURN(CodeCache cache, OpenCache());
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
