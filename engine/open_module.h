// The module of a model's source, before the passes that it has left to go through: as imported, as
// a dump has it, or as a bundle was compiled from it.
//
//   absl::StatusOr<OpenedModule> opened = OpenModule(source.get(), options);
//   if (opened.ok()) status = RunRemainingPasses(opened->module.get());
//   codegen::Compile(*opened->module, target, {});
#ifndef LLUDA_ENGINE_OPEN_MODULE_H_
#define LLUDA_ENGINE_OPEN_MODULE_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/model.h"
#include "engine/source/model_files.h"
#include "engine/source/model_source.h"
#include "ir/graph.h"

namespace lluda::engine {

struct OpenedModule {
  std::unique_ptr<ir::Module> module;
  int64_t context = 0;   // the most tokens a sequence may have
  int64_t max_step = 0;  // the most tokens computed at a time
};

// Takes options.ir instead of the imported module where it is given. Errors are those of the
// source's files, of importing and parsing; InvalidArgument for options that a compiled model does
// not fit.
absl::StatusOr<OpenedModule> OpenModule(ModelSource* source, const LoadOptions& options,
                                        Weights weights);

// The default passes, but those that the module has gone through, for what will run it.
absl::Status RunRemainingPasses(ir::Module* module, Device device = Device::kCpu);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_OPEN_MODULE_H_
