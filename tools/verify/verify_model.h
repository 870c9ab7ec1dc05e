// All that `lluda verify` holds a model against, in order: the import against transformers or a
// dump against the import, every pass against the interpreter, then every kernel; of a bundle its
// kernels alone. What goes wrong first ends it.
//
//   VerifyOptions options;
//   absl::StatusOr<VerifyReport> report = VerifyModel(load, *std::move(imported), options);
//   VerifyText(*report);   // "ok: 16 passes and 31 kernels, 6 layers, 13 tokens and one more\n"
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_MODEL_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "engine/open_module.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {

inline constexpr int64_t kVerifiedTokens = 13;

struct VerifyOptions {
  std::optional<int64_t> layers;  // at least 1; unset: all of a small model, one of a large one
  // Of the prompt, at least 1, or of another entry that takes them rows of sound; unset: kVerifiedTokens.
  std::optional<int64_t> tokens;
  std::string reference;       // empty: the import is taken to be right
  bool dump_is_right = false;  // a dump is not held against the import
  std::string entry = {};      // verified alone; empty: the step, and all there is in the passes
};

struct VerifyReport {
  std::optional<Finding> finding;  // what is wrong first; then nothing behind it was looked at
  bool is_bundle = false;
  bool import_verified = false, dump_verified = false;
  int64_t passes = 0;
  int64_t kernels = 0;
  int64_t layers = 0;
  std::string entry;   // that was verified alone; or empty
  int64_t tokens = 0;  // of the prompt; one more follows. Of another entry, rows of
                       // sound; 0 if it takes no number of them
  std::string remark;  // of a dump that computes what it should: what is written otherwise; or ""
};

// `opened` is what `load`, whose source is open and no bundle, says: the imported module or a dump.
// Errors are those of the reference, the passes, the interpreter and the compiler; InvalidArgument
// for an entry that the model lacks, and for tokens of one that takes no number of them.
absl::StatusOr<VerifyReport> VerifyModel(const engine::LoadOptions& load,
                                         engine::OpenedModule opened, const VerifyOptions& options);
// The same of a bundle. InvalidArgument if it shall be held against a reference.
absl::StatusOr<VerifyReport> VerifyBundledModel(const engine::LoadOptions& load,
                                                const VerifyOptions& options);

// `repro_file`: where the finding's repro was written to, "" if there is none.
std::string VerifyText(const VerifyReport& report, const std::string& repro_file);
std::string VerifyJson(const VerifyReport& report, const std::string& repro_file);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_MODEL_H_
