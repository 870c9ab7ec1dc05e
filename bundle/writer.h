// Writes a bundle: everything that running a compiled model takes, in one file.
//
//   Contents contents;
//   contents.executable = executable.get();   // loaded
//   ...
//   absl::Status status = WriteBundle("model.llb", contents);
#ifndef LLUDA_BUNDLE_WRITER_H_
#define LLUDA_BUNDLE_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "bundle/gpu_part.h"
#include "bundle/model_info.h"
#include "bundle/program_message.h"
#include "frontends/tokenizer/tables.h"

namespace lluda::bundle {

struct Contents {
  // What is run, a loaded program, and where each of its kernels starts in `code`.
  runtime::Program program;
  std::vector<int64_t> entries;
  absl::string_view code;  // runs wherever it lies
  uint64_t code_start = 0;
  // In place of entries and code, of a bundle that a GPU runs.
  std::optional<GpuPart> gpu;
  // The loaded memory, in pieces: bytes that belong at these offsets, ascending; gaps are zero.
  struct Piece {
    int64_t offset = 0;
    absl::string_view bytes;
  };
  std::vector<Piece> loaded;
  absl::string_view ir;
  std::string llvm_version;
  std::string isa;
  std::vector<std::string> cpu_features;
  ModelInfo model;
  std::optional<tokenizer::TokenizerTables> tokenizer;
};

// All or nothing is written. Unavailable, naming the file and the system's reason.
absl::Status WriteBundle(const std::string& path, const Contents& contents);

}  // namespace lluda::bundle

#endif  // LLUDA_BUNDLE_WRITER_H_
