// A module without what one of its entries has no use for.
//
//   RETURN_IF_ERROR(KeepEntry("audio", module));   // @audio, what it calls, and their weights
#ifndef LLUDA_TOOLS_IR_KEEP_ENTRY_H_
#define LLUDA_TOOLS_IR_KEEP_ENTRY_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace lluda::tools {

// Erases the other entries, functions and globals that nothing is left to use, and statements whose
// results nobody reads. InvalidArgument, with the names there are, if the module has no such entry.
absl::Status KeepEntry(absl::string_view entry, ir::Module* module);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_IR_KEEP_ENTRY_H_
