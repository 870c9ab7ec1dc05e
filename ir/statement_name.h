// What a statement is called where dumps, profiles and errors speak of it.
//
//   %o0 = attention ...           // "o0"
//   @wqkv[layer] = pack ...       // "wqkv"
//   %wqkv = cast ... : of the load block that defines @wqkv, too: "%wqkv"
#ifndef LLUDA_IR_STATEMENT_NAME_H_
#define LLUDA_IR_STATEMENT_NAME_H_

#include <string>

#include "ir/graph.h"

namespace lluda::ir {

// The value's or the defined global's name, which no other statement of the function, or of the
// load block, has; the opcode's if there is neither.
std::string StatementName(const Op& op);

}  // namespace lluda::ir

#endif  // LLUDA_IR_STATEMENT_NAME_H_
