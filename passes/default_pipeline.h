// The passes that turn an imported model into what the code generator compiles.
//
//   ASSIGN_OR_RETURN(Pipeline pipeline, Pipeline::Create(DefaultPipeline(), options));
//
// A dump goes on where it stopped:
//   ASSIGN_OR_RETURN(std::vector<std::string> rest, RemainingPasses(*parsed));
#ifndef LLUDA_PASSES_DEFAULT_PIPELINE_H_
#define LLUDA_PASSES_DEFAULT_PIPELINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace lluda::passes {

// Pass names in order; default_pipeline.cc has the reason for each place.
std::vector<std::string> DefaultPipeline();

// The part of the default pipeline that the module has not gone through: all of it for a module as
// imported; nothing when plan-memory ran last, whatever ran before. FailedPrecondition when what
// has run is not how the default pipeline begins.
absl::StatusOr<std::vector<std::string>> RemainingPasses(const ir::Module& module);

// The passes that a list like "default,dce" or "rest" asks for: `default` stands for all of the
// default pipeline, `rest` for RemainingPasses. Other names are taken as they are.
absl::StatusOr<std::vector<std::string>> PassesOf(absl::string_view list, const ir::Module& module);

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_DEFAULT_PIPELINE_H_
