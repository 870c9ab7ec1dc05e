// From flags to a bundle's model, for programs that know no compiler.
//
//   absl::StatusOr<std::unique_ptr<engine::Model>> model = OpenBundle("lluda-run", flags.model);
#ifndef LLUDA_CLI_FLAGS_BUNDLE_H_
#define LLUDA_CLI_FLAGS_BUNDLE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/flags/flags.h"
#include "engine/model.h"

namespace lluda::cli {

// Prints the model's notes as `program`. Errors as engine::Model::OpenBundle says.
absl::StatusOr<std::unique_ptr<engine::Model>> OpenBundle(const char* program,
                                                          const ModelFlags& flags);

// What --version prints.
std::string BundleVersionText(const char* program);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_BUNDLE_H_
