// The names of calls (runtime::Call::name), taken apart: a statement has one call per layer, and
// what is told of it is told once.
//
//   CallName name = ParseCallName("attn[3].qkv");   // func "attn", index 3, statement "qkv"
//   name.Base();                                    // "attn.qkv"
#ifndef LLUDA_CLI_CALL_NAME_H_
#define LLUDA_CLI_CALL_NAME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/program.h"

namespace lluda::cli {

struct CallName {
  std::string func;       // "attn", "step", "load"
  int64_t index = -1;     // the layer; -1 for what there is once
  std::string statement;  // "qkv"; in the load block the global: "wqkv"

  // The same for all layers.
  std::string Base() const { return func + "." + statement; }
};

// Of a function's statement the index follows the function, "attn[3].qkv"; of a global that the
// load block computes, the global: "load.wqkv[3]".
CallName ParseCallName(absl::string_view name);

// What a user writes for a statement, "attn.qkv", "@attn %qkv" or "attn[3].qkv", as CallName::Base
// spells it.
std::string NormalCallName(absl::string_view text);

// Calls [begin, end) of a list, followed by `times` - 1 further rounds that call the same kernels
// for the same statements of other layers.
struct CallRound {
  size_t begin = 0;
  size_t end = 0;
  int64_t times = 1;
};
std::vector<CallRound> RoundsOf(const std::vector<runtime::Call>& calls);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_CALL_NAME_H_
