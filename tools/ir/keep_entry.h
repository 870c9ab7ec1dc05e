// Which entry is looked at: what the flag --entry of several commands says, and a module without
// what one of its entries has no use for.
//
//   RETURN_IF_ERROR(CheckEntry("audio", *module));
//   RETURN_IF_ERROR(KeepEntry("audio", module));   // @audio, what it calls, and their weights
#ifndef LLUDA_TOOLS_IR_KEEP_ENTRY_H_
#define LLUDA_TOOLS_IR_KEEP_ENTRY_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace lluda::tools {

// Whether that is the step: by its name, or because no entry is named.
bool IsStep(absl::string_view entry);

// InvalidArgument if a number of tokens before the run is given for another entry than the step.
absl::Status CheckDepth(absl::string_view entry, std::optional<int64_t> depth);

// InvalidArgument, with the names there are, if the module has no such entry.
absl::Status CheckEntry(absl::string_view entry, const ir::Module& module);

// Erases the other entries, functions and globals that nothing is left to use, and statements whose
// results nobody reads. Errors are those of CheckEntry.
absl::Status KeepEntry(absl::string_view entry, ir::Module* module);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_IR_KEEP_ENTRY_H_
