// Equality of modules by structure, and a hash of it.
//
// What counts: symbols, declarations, statements in their order with all operands, attributes,
// types and frame offsets; the names of the module, of globals, functions, axes and indices. What
// does not: the names of values and `by`, the note of the pass that made a statement.
#ifndef LLUDA_IR_TEXT_HASH_H_
#define LLUDA_IR_TEXT_HASH_H_

#include <cstdint>

#include "ir/graph.h"

namespace lluda::ir {

bool Equal(const Module& a, const Module& b);
bool Equal(const Func& a, const Func& b);

// Equal modules have equal hashes, on every machine and in every run.
uint64_t StructuralHash(const Module& module);
uint64_t StructuralHash(const Func& func);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_HASH_H_
