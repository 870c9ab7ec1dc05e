// Whether the rows are right that `lluda bench --entry audio` is about to time, as bench_check.h has
// it for logits.
//
//   absl::StatusOr<std::string> checked = CheckRows(files, numbers, features, rows);
//   // "13 rows of a second: NMSE 2.1e-05 of 1.2e-04 against the interpreter in f32"
#ifndef LLUDA_TOOLS_BENCH_BENCH_SOUND_CHECK_H_
#define LLUDA_TOOLS_BENCH_BENCH_SOUND_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/source/model_files.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {

// Compares the rows that the compiled encoder makes of a second's `features`, [bin][frame], with
// those that the interpreter computes in float32 from the module before any pass, on the same
// quantised weights. Internal, naming both numbers, if they are further off than
// tools/validate/bounds.h allows. Holds the encoder's weights in f32 meanwhile.
absl::StatusOr<std::string> CheckRows(const engine::ModelFiles& files,
                                      const engine::ModuleOptions& numbers,
                                      absl::Span<const float> features,
                                      absl::Span<const float> rows);

// The same for a bundle, against its final module on its packed weights, in the numbers that it is
// compiled for.
absl::StatusOr<std::string> CheckBundleRows(const OptimisedModel& model,
                                            absl::Span<const float> features,
                                            absl::Span<const float> rows);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_SOUND_CHECK_H_
