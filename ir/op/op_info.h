// The op table as data: for each opcode its text name, arity, clause form and attributes.
//
// Example: Info(Opcode::kRmsnorm).name == "rmsnorm"; OpcodeFromName("rope") == Opcode::kRope.
#ifndef LLUDA_IR_OP_OP_INFO_H_
#define LLUDA_IR_OP_OP_INFO_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/op/attr_key.h"
#include "ir/op/opcode.h"

namespace lluda::ir {

// The words that follow an op's operands.
enum class Clause : uint8_t {
  kNone,
  kOver,       // over hid          (may end in `-> ff[3072]` for matmul's epilogues)
  kTo,         // to hid vocab
  kArrow,      // q -> kv[8] rep[2] dim[128]
  kRange,      // dim 0..64 as pair[64]
  kPackArrow,  // q kd vd -> qkv[4096] over hid
  kLoop,       // for layer in 0..28 carry %x = %x0 { ... }
};

struct OpInfo {
  Opcode opcode;
  absl::string_view name;
  int min_operands;
  int max_operands;
  Clause clause;
  int at;         // index of the first operand written behind `at`, -1 when there is none
  uint32_t keys;  // KeyBit()s of the attributes the op may carry
};

// All ops, sorted by name, indexed by opcode.
absl::Span<const OpInfo> AllOps();
const OpInfo& Info(Opcode opcode);
std::optional<Opcode> OpcodeFromName(absl::string_view name);

// The largest n that nth_largest knows.
inline constexpr int64_t kMostNthLargest = 1024;

// `return` and `yield` end a block and have no result.
inline bool IsTerminator(Opcode opcode) {
  return opcode == Opcode::kReturn || opcode == Opcode::kYield;
}

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_OP_INFO_H_
