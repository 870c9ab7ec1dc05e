#include "engine/bundle_module.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "ir/check/verifier.h"
#include "ir/text/parser.h"

namespace lluda::engine {

absl::StatusOr<std::unique_ptr<ir::Module>> ModuleOfBundle(const bundle::Bundle& bundle) {
  const auto damaged = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(bundle.path(), ": is damaged: ", reason));
  };
  ASSIGN_OR_RETURN(absl::string_view text, bundle.Ir());
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ir::ParseModule(text, bundle.path()));
  if (absl::Status status = ir::Verify(*module); !status.ok()) return damaged(status.message());
  for (const char* symbol : {step_interface::kTokenCount, step_interface::kCapacity}) {
    if (module->FindSymbol(symbol) != nullptr) continue;
    return damaged(absl::StrCat("its module has no symbol ", symbol));
  }
  return module;
}

}  // namespace lluda::engine
