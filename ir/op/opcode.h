// The ops as an enum, in the order of ir/op/ops.def. What each is like says ir/op/op_info.h.
#ifndef LLUDA_IR_OP_OPCODE_H_
#define LLUDA_IR_OP_OPCODE_H_

#include <cstdint>

namespace lluda::ir {

enum class Opcode : uint8_t {
#define LLUDA_OP(Enum, ...) Enum,
#include "ir/op/ops.def"
#undef LLUDA_OP
  kCount,
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_OPCODE_H_
