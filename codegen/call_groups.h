// Makes one call of several where a back end has one kernel for them: fewer launches for a GPU.
//
// Example: a layer's norm and the projections of q, k and v, which run side by side and all read what
// the norm made, become one call. The norm's own call stays, for steps of many rows.
#ifndef LLUDA_CODEGEN_CALL_GROUPS_H_
#define LLUDA_CODEGEN_CALL_GROUPS_H_

#include <vector>

#include "absl/status/status.h"
#include "codegen/kernel_set.h"
#include "codegen/regions.h"
#include "runtime/program.h"

namespace lluda::codegen {

// What a call's statement touches, and who reads its result.
struct CallUses {
  std::vector<MemoryUse> memory;  // as Regions::Joins was told
  int64_t readers = 0;            // statements that read the result as it is; -1: others do, too
};

// `uses` are those of each call.
absl::Status GroupCalls(const std::vector<CallUses>& uses, KernelSet* kernels,
                        std::vector<runtime::Call>* calls);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CALL_GROUPS_H_
