// What `lluda compile` tells of the files that it has written.
//
//   engine::CompileBundle(options, outputs);
//   absl::StatusOr<CompileReport> report = ReportOf(outputs);
//   report->bundle.bytes;        // of the whole file
#ifndef LLUDA_TOOLS_RUN_COMPILE_REPORT_H_
#define LLUDA_TOOLS_RUN_COMPILE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "bundle/model_info.h"
#include "engine/compile/compile_bundle.h"

namespace lluda::tools {

struct WrittenFile {
  std::string path;
  int64_t bytes = 0;
};

struct CompileReport {
  bundle::ModelInfo model;
  std::string isa;
  int64_t packed_bytes = 0;  // the weights as kernels read them
  WrittenFile bundle;
  std::optional<WrittenFile> object, header;  // for C programs
};

// Opens the bundle that was written there. Errors are those of bundle::Bundle::Open; Unavailable
// for a file that is gone again.
absl::StatusOr<CompileReport> ReportOf(const engine::BundleOutputs& outputs);

std::string CompileJson(const CompileReport& report);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_RUN_COMPILE_REPORT_H_
