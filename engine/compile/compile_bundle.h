// Compiles a model into one file that starts in milliseconds and runs without the compiler.
//
//   LoadOptions options;
//   options.folder = "/models/Qwen3-0.6B";
//   absl::Status status = CompileBundle(options, {"qwen3.llb"});
//
// The code uses the features of the instruction set options.isa and no others, so the file runs on
// every CPU that has them. For options.device kCuda it is PTX of the row options.isa of gpus.def, or
// of the GPU that is here, and of that one machine code, too. bundle/README.md says what is in it.
#ifndef LLUDA_ENGINE_COMPILE_COMPILE_BUNDLE_H_
#define LLUDA_ENGINE_COMPILE_COMPILE_BUNDLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/model.h"

namespace lluda::engine {

// Where to write what is made. A C program runs the model without lluda with the object file and
// the header: one function, NAME_step, that computes tokens and writes logits, on the bundle's
// weights. NAME is the bundle's file name, as a C name.
struct BundleOutputs {
  std::string bundle;
  std::string object = "";  // "": none is written
  std::string header = "";
};

// Errors as Model::Load and bundle::WriteBundle say; InvalidArgument for a model that is a bundle
// already, for a simulated GPU, whose code is not kept, and for C files of a GPU's code. On an error the bundle's file is as it was. `notes`, if given, is told what Model::notes
// would be.
absl::Status CompileBundle(const LoadOptions& options, const BundleOutputs& outputs,
                           std::vector<std::string>* notes = nullptr);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_COMPILE_COMPILE_BUNDLE_H_
