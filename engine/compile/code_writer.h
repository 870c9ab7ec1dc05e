// Code for a bundle, of the device that shall run it: compiled here, and run here once to load the
// weights as its kernels read them.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<CodeWriter> writer, WriterFor(options, threads));
//   ASSIGN_OR_RETURN(LoadableProgram loadable, writer->Compile(*module, &pool));
//   ... Executable::Create, Load; contents.program = MakeLoadedProgram(...) ...
//   RETURN_IF_ERROR(writer->Write(&contents));   // code, and what it needs
#ifndef LLUDA_ENGINE_COMPILE_CODE_WRITER_H_
#define LLUDA_ENGINE_COMPILE_CODE_WRITER_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bundle/writer.h"
#include "engine/model.h"
#include "ir/graph.h"
#include "runtime/device.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/program.h"

namespace lluda::engine {

// A program whose load list can run here, on weights as they will be.
struct LoadableProgram {
  runtime::Program program;
  std::unique_ptr<runtime::Device> device;
};

class CodeWriter {
 public:
  virtual ~CodeWriter() = default;
  // Of the module after its passes. The pool and this object must outlive the device's use.
  virtual absl::StatusOr<LoadableProgram> Compile(const ir::Module& module,
                                                  runtime::ThreadPool* pool) = 0;
  // After Compile: the code of contents->program, which is that program when it is loaded.
  virtual absl::Status Write(bundle::Contents* contents) = 0;
};

// Errors are those of options.isa and of the device; InvalidArgument for a simulated GPU.
absl::StatusOr<std::unique_ptr<CodeWriter>> WriterFor(const LoadOptions& options, int threads);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_COMPILE_CODE_WRITER_H_
