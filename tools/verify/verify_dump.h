// Holds a module that was read from a dump, perhaps edited, against the imported one: which is the
// first statement that computes something else?
//
//   absl::StatusOr<std::unique_ptr<ir::Module>> import = ImportLike(files, *dump);
//   absl::StatusOr<DumpVerdict> verdict = VerifyDump(*dump, **import, run);
//   FindingText(*verdict->finding);
//   // edited.lluda:40: @attn[0] %o0 in step 0: NMSE 3.1e-02, at most 1.0e-12
//   //   here:       %o0 = attention %q4 %ks %vs at %pos %slot {mask = causal, scale = 0.5} : ...
//   //   the passes: %o0 = attention %q4 %ks %vs at %pos %slot {mask = causal, scale = 0.25} : ...
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_DUMP_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_DUMP_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/source/model_files.h"
#include "ir/graph.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {

// How far a value may be from the import's. Passes keep every bit in the interpreter but for sums in
// another order, whose roundings to f32 are an NMSE of 1e-14 or so. The smallest edit that counts is
// a norm's epsilon ten times as large: a row whose elements are about 1 shrinks by 4.5e-6 of its
// size, an NMSE of 2e-11; only one with elements above 2 or so gets past.
inline constexpr double kDumpBound = 1e-12;

// The model imported in the dump's numbers: of all precisions and caches those with which the
// dump's own passes make the most of its statements. Errors are those of engine::ImportModule;
// InvalidArgument if the dump does not run all layers once.
absl::StatusOr<std::unique_ptr<ir::Module>> ImportLike(const engine::ModelFiles& files,
                                                       const ir::Module& dump);

struct DumpVerdict {
  std::optional<Finding> finding;  // without repro: the dump and its line are one
  // If there is none: the first statement that is written otherwise than the passes make it, though
  // no value departs; or "".
  std::string remark;
};

// `import` is as imported, of as many layers as `dump`. Both are interpreted; values of the same
// function, index and name, which passes keep, are compared in the order in which the dump computes
// them, and each step's logits last. Only if something departs, what the dump's own passes make of
// the import is looked at, too, to name statements that the import does not have. Errors of the
// interpreter begin with the dump's name.
absl::StatusOr<DumpVerdict> VerifyDump(const ir::Module& dump, const ir::Module& import,
                                       const VerifyRun& run);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_DUMP_H_
