// The text form of modules, complete and canonical: parsing what is printed gives an equal module,
// and printing what was parsed from canonical text gives that text.
//
// Example: PrintOp of a cast is "%h = cast %h0 {out = bf16} : bf16 tok[T] hid[1024]". ir/README.md
// has the grammar. Two spaces of indentation, one statement a line; attributes sorted by name;
// numbers are the shortest decimals that read back as the same double.
#ifndef LLUDA_IR_TEXT_PRINTER_H_
#define LLUDA_IR_TEXT_PRINTER_H_

#include <cstdint>
#include <string>

#include "ir/graph.h"

namespace lluda::ir {

enum class PrintStyle : uint8_t {
  kReadable,
  // What makes modules equal and nothing else: values are numbered in the order of their
  // definition, and `by` and `passes` are left out.
  kStructural,
};

// The whole file. Globals that the load block defines are not declared: their definitions say all.
std::string PrintModule(const Module& module, PrintStyle style = PrintStyle::kReadable);
// The function, not indented, with a newline at its end.
std::string PrintFunc(const Func& func, PrintStyle style = PrintStyle::kReadable);
// One statement without a newline at its end; a loop with its body. Also for ops that would not
// pass the verifier.
std::string PrintOp(const Op& op);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_PRINTER_H_
