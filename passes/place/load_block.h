// Finding one's way in the load block, for the passes that add to it.
//
// Example: LoadLoop(module, {"layer", 28}, {}) is the body of `for layer in 0..28 { ... }`, made if
// there is none yet.
#ifndef LLUDA_PASSES_PLACE_LOAD_BLOCK_H_
#define LLUDA_PASSES_PLACE_LOAD_BLOCK_H_

#include <set>
#include <vector>

#include "ir/graph.h"

namespace lluda::passes {

// The block that runs once per row of `rows`. An existing loop serves if none of `needed` is
// defined after it; else one is added at the end.
ir::Block* LoadLoop(ir::Module* module, const ir::Index& rows,
                    const std::set<const ir::Global*>& needed);

// The statement of the load block that defines the global; nullptr for weights and states, and for
// a global that is defined in parts.
ir::Op* FindDefinition(const ir::Module& module, const ir::Global* global);

// The statements that define the global, in the order of its rows: more than one where loops define
// a part of the rows each.
std::vector<ir::Op*> FindDefinitions(const ir::Module& module, const ir::Global* global);

// Is the statement one of several that define its global?
bool DefinesPart(const ir::Op& op);

// Every operand, in the load block and the functions, that reads the global.
std::vector<ir::Use> FindReaders(const ir::Module& module, const ir::Global* global);

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_PLACE_LOAD_BLOCK_H_
