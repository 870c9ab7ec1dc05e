// Whether what `lluda bench` is about to time is right: a fast wrong kernel is no result.
//
//   absl::StatusOr<std::string> checked = CheckLogits(files, numbers, tokens, logits);
//   // "logits of 4 tokens: NMSE 1.3e-05 of 1.2e-04 against the interpreter in f32"
#ifndef LLUDA_TOOLS_BENCH_BENCH_CHECK_H_
#define LLUDA_TOOLS_BENCH_BENCH_CHECK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/source/model_files.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {

// Compares the compiled model's logits after `tokens` with those that the interpreter computes in
// float32, the cache too, from the module before any pass, on the same quantised weights. Internal,
// naming both numbers, if they are further off than tools/validate/bounds.h allows a run with these
// numbers. Holds the weights in f32 meanwhile.
absl::StatusOr<std::string> CheckLogits(const engine::ModelFiles& files,
                                        const engine::ModuleOptions& numbers,
                                        absl::Span<const int32_t> tokens,
                                        absl::Span<const float> logits);

// The same for a bundle, against its final module on its packed weights, in the numbers that it is
// compiled for: code is confirmed, what it was compiled from is taken to be right.
absl::StatusOr<std::string> CheckBundleLogits(const OptimisedModel& model,
                                              absl::Span<const int32_t> tokens,
                                              absl::Span<const float> logits);

// Internal, naming the first difference, if the timed run of `what` chose other tokens than an
// untimed one that divided its prompt differently.
absl::Status CheckTokens(absl::string_view what, absl::Span<const int32_t> timed,
                         absl::Span<const int32_t> untimed);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_CHECK_H_
