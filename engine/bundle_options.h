// What may be asked of a bundle: most of it was decided when it was compiled.
//
//   RETURN_IF_ERROR(CheckBundleOptions(*bundle, options));
//   // "qwen3.llb: is compiled for avx512, not avx2"
#ifndef LLUDA_ENGINE_BUNDLE_OPTIONS_H_
#define LLUDA_ENGINE_BUNDLE_OPTIONS_H_

#include "absl/status/status.h"
#include "bundle/reader.h"
#include "engine/model.h"

namespace lluda::engine {

// InvalidArgument, naming the file, for other numbers than the bundle's (source/bundle_numbers.h),
// another instruction set, a longer context, features of sounds that are made otherwise, and what a
// bundle cannot do.
absl::Status CheckBundleOptions(const bundle::Bundle& bundle, const LoadOptions& options);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_BUNDLE_OPTIONS_H_
