#include "ir/statement_name.h"

#include "absl/strings/str_cat.h"

namespace lluda::ir {

std::string StatementName(const Op& op) {
  if (op.defined_global != nullptr) return op.defined_global->name;
  if (op.result() == nullptr) return std::string(op.name());
  const std::string& name = op.result()->name;
  const Block& block = *op.parent();
  const bool is_ambiguous = block.func() == nullptr && block.module()->FindGlobal(name) != nullptr;
  return absl::StrCat(is_ambiguous ? "%" : "", name);
}

}  // namespace lluda::ir
