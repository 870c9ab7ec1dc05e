// Compiles a model into one file that starts in milliseconds and runs without the compiler.
//
//   LoadOptions options;
//   options.folder = "/models/Qwen3-0.6B";
//   absl::Status status = CompileBundle(options, "qwen3.llb");
//
// The code uses the features of the instruction set options.isa and no others, so the file runs on
// every CPU that has them. bundle/README.md says what is in it.
#ifndef LLUDA_ENGINE_COMPILE_BUNDLE_H_
#define LLUDA_ENGINE_COMPILE_BUNDLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/model.h"

namespace lluda::engine {

// Writes an object file and a C header with which a C program runs the model without lluda: one
// function, NAME_step, that computes tokens and writes logits. NAME is the file's, as a C name.
// The weights are those of the bundle at `bundle`, compiled with the same options before.
//   WriteCInterface(options, "qwen3.llb", "qwen3.o", "qwen3.h");   // either may be empty
absl::Status WriteCInterface(const LoadOptions& options, const std::string& bundle,
                             const std::string& object, const std::string& header);

// Errors as Model::Load and bundle::WriteBundle say; InvalidArgument for a model that is a bundle
// already. On an error `path` is as it was. `notes`, if given, is told what Model::notes would be.
absl::Status CompileBundle(const LoadOptions& options, const std::string& path,
                           std::vector<std::string>* notes = nullptr);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_COMPILE_BUNDLE_H_
