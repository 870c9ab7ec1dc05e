// What a user writes for a statement, however a dump or a profile spells it, as
// runtime::StatementOf does.
//
//   StatementNamed("@attn %qkv");    // "attn.qkv", and so are "attn.qkv" and "attn[3].qkv"
//   StatementNamed("load @wqkv");    // "load.wqkv", and so is "load.wqkv[3]"
#ifndef LLUDA_TOOLS_INSPECT_STATEMENT_NAME_H_
#define LLUDA_TOOLS_INSPECT_STATEMENT_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lluda::tools {

// What is no function and statement, a kernel's name, say, is returned as it is.
std::string StatementNamed(absl::string_view text);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_STATEMENT_NAME_H_
