// The passes that turn an imported model into what the code generator compiles.
//
//   ASSIGN_OR_RETURN(Pipeline pipeline, Pipeline::Create(DefaultPipeline(), options));
#ifndef LLUDA_PASSES_DEFAULT_PIPELINE_H_
#define LLUDA_PASSES_DEFAULT_PIPELINE_H_

#include <string>
#include <vector>

namespace lluda::passes {

// Pass names in order; default_pipeline.cc has the reason for each place.
std::vector<std::string> DefaultPipeline();

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_DEFAULT_PIPELINE_H_
