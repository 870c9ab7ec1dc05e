// lluda-serve: answers requests of OpenAI's API with a bundle that `lluda compile` wrote. It links no
// compiler. `lluda-run FILE.llb --serve` starts it: the libraries that it needs are shared ones.
#include <memory>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "cli/flags/arguments.h"
#include "cli/flags/bundle.h"
#include "cli/flags/serving.h"
#include "cli/terminal/exit_code.h"
#include "engine/bundle_module.h"
#include "engine/model.h"
#include "runtime/machine/process.h"
#include "tools/inspect/step_reads.h"

namespace lluda::cli {
namespace {

constexpr char kProgram[] = "lluda-serve";

absl::StatusOr<ToServe> Open(const ServeFlags& flags) {
  ToServe opened;
  ASSIGN_OR_RETURN(opened.model, OpenBundle(kProgram, flags.model));
  ASSIGN_OR_RETURN(const std::unique_ptr<ir::Module> module,
                   engine::ModuleOfBundle(*opened.model->source().bundle()));
  opened.reads = tools::ReadsOf(*module);
  return opened;
}

}  // namespace
}  // namespace lluda::cli

int main(int argc, char** argv) {
  return lluda::runtime::RunProcess([&] {
    const lluda::cli::ServeParseResult parsed = lluda::cli::ParseServeArguments(
        argc, argv, [] { return lluda::cli::BundleVersionText(lluda::cli::kProgram); });
    if (parsed.exit_code) return *parsed.exit_code;
    return lluda::cli::ExitCodeOf(
        lluda::cli::kProgram, lluda::cli::Serve(lluda::cli::kProgram, parsed.flags,
                                                [&] { return lluda::cli::Open(parsed.flags); }));
  });
}
