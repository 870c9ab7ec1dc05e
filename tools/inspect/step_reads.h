// What a model's step reads at least, for a service that tells how near its steps come to the
// machine's limit.
//
//   std::optional<engine::StepReads> reads = ReadsOf(*optimised.module);
#ifndef LLUDA_TOOLS_INSPECT_STEP_READS_H_
#define LLUDA_TOOLS_INSPECT_STEP_READS_H_

#include <optional>

#include "engine/generate/step_reads.h"
#include "ir/graph.h"

namespace lluda::tools {

// Of a module after all passes. Of experts, those of one token. nullopt where nobody can say
// beforehand: of a step that CountStep refuses, and of a head that is read in part.
std::optional<engine::StepReads> ReadsOf(const ir::Module& module);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_STEP_READS_H_
