// Says whether a module is sound: what every pass, the interpreter and the code generator may take
// for granted. Run before the first pass and after each one that changed something.
//
// Checked: every type is the inferred one; values are defined before use, in sight and with names
// of their own; symbols, globals and indices are declared and in scope; each state is appended to
// at most once per function and not read from the declaration after that; the load block reads
// weights and earlier results of its own only, and defines each loaded global once; bodies end in a
// fitting return or yield; calls form no cycle; ops carry only what their row of the op table
// allows.
//
// Example error: "func @f: %y = exp %x : f32 tok[T]: the type is inferred as 'f32 tok[T] hid[8]'".
#ifndef LLUDA_IR_CHECK_VERIFIER_H_
#define LLUDA_IR_CHECK_VERIFIER_H_

#include "absl/status/status.h"
#include "ir/graph.h"

namespace lluda::ir {

// InvalidArgument for the first fault found: "func @name: statement: message", or for declarations
// "weight @name: message".
absl::Status Verify(const Module& module);

}  // namespace lluda::ir

#endif  // LLUDA_IR_CHECK_VERIFIER_H_
