// A module as files: before the first pass, and after each pass that changed it.
//
//   absl::StatusOr<std::vector<DumpFile>> files = WriteDumps("dumps", names, options, module);
//   // dumps/00-input.lluda, dumps/04-fuse-rope.lluda, ...
#ifndef LLUDA_TOOLS_IR_DUMP_FILES_H_
#define LLUDA_TOOLS_IR_DUMP_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "passes/pipeline.h"

namespace lluda::tools {

struct DumpFile {
  int number = 0;    // in the pipeline, from 1
  std::string pass;  // "" of the module before the first pass
  std::string path;
};

// Runs these passes on the module. The folder is made if there is none; Unavailable, with the file, for
// what cannot be written; errors of the pipeline.
absl::StatusOr<std::vector<DumpFile>> WriteDumps(const std::string& folder,
                                                 const std::vector<std::string>& names,
                                                 passes::PipelineOptions options,
                                                 ir::Module* module);

std::string DumpFilesJson(const std::vector<DumpFile>& files);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_IR_DUMP_FILES_H_
