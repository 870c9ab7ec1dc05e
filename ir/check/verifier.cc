#include "ir/check/verifier.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "ir/check/body_verifier.h"
#include "ir/rules.h"
#include "ir/type/encoding.h"

namespace lluda::ir {
namespace {

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

absl::Status In(absl::string_view where, const absl::Status& status) {
  return status.ok() ? status : Error(where, ": ", status.message());
}

bool IsConstant(const Type& type) {
  return std::all_of(type.axes.begin(), type.axes.end(),
                     [](const Axis& axis) { return axis.extent.is_constant(); });
}

absl::Status VerifySymbols(const Module& module) {
  if (module.symbols.size() > kMaxSymbols) return Error("more than ", kMaxSymbols, " symbols");
  absl::flat_hash_set<absl::string_view> names;
  for (const Symbol& symbol : module.symbols) {
    RETURN_IF_ERROR(CheckSymbol(symbol));
    if (!names.insert(symbol.name).second) {
      return Error("symbol '", symbol.name, "' is declared twice");
    }
  }
  return absl::OkStatus();
}

absl::Status VerifyGlobal(const Module& module, const Global& global) {
  if (!IsName(global.name)) return Error("'", global.name, "' is no name for a global");
  if (global.index) {
    RETURN_IF_ERROR(CheckIndexDeclaration(*global.index));
  }
  RETURN_IF_ERROR(CheckType(global.type, module));
  if (global.kind != Global::Kind::kState && !IsConstant(global.type)) {
    return Error("only a state's axes can have a symbol's length: ", ToString(global.type));
  }
  if (global.kind == Global::Kind::kState && IsBlock(global.type.dtype)) {
    return Error("only weights, and what the load block makes of them, can be in blocks: ",
                 ToString(global.type));
  }
  if (global.source.empty()) return absl::OkStatus();
  if (global.kind != Global::Kind::kWeight) return Error("only a weight has a source");
  if (global.source.size() > kMaxSourceLength) {
    return Error("the source is longer than ", kMaxSourceLength, " bytes");
  }
  if (!global.index) return absl::OkStatus();
  const std::optional<SourceIndex> place = FindSourceIndex(global);
  if (!place) {
    return Error("the source \"", global.source, "\" has no {", global.index->name, "}");
  }
  const auto listed = static_cast<int64_t>(place->numbers.size());
  if (listed == 0 || listed == global.index->count) return absl::OkStatus();
  return Error("the source \"", global.source, "\" lists ", listed, " numbers for ",
               global.index->count, " copies");
}

absl::Status VerifyGlobals(const Module& module) {
  static constexpr absl::string_view kKinds[] = {"weight", "state", "loaded global"};
  absl::flat_hash_set<absl::string_view> names;
  for (const auto& global : module.globals()) {
    const std::string where =
        absl::StrCat(kKinds[static_cast<int>(global->kind)], " @", global->name);
    if (absl::Status s = VerifyGlobal(module, *global); !s.ok()) return In(where, s);
    if (!names.insert(global->name).second) return Error(where, ": the name is declared twice");
  }
  return absl::OkStatus();
}

absl::Status VerifySignature(const Module& module, const Func& func) {
  if (!IsName(func.name)) return Error("'", func.name, "' is no name for a function");
  if (func.index) {
    RETURN_IF_ERROR(CheckIndexDeclaration(*func.index));
  }
  for (const auto& param : func.params()) {
    if (absl::Status s = CheckType(param->type, module); !s.ok()) {
      return In(absl::StrCat("%", param->name), s);
    }
    if (IsBlock(param->type.dtype)) {
      return Error("%", param->name, ": a parameter cannot be in blocks: ", ToString(param->type));
    }
  }
  return In("result", CheckType(func.result_type, module));
}

using Callees = absl::flat_hash_map<const Func*, std::vector<const Func*>>;

// A cycle among functions that all call another one of `open`: "@a -> @b -> @a".
std::string CycleText(const Callees& callees, const absl::flat_hash_set<const Func*>& open) {
  std::vector<const Func*> path;
  const Func* func = *open.begin();
  while (std::find(path.begin(), path.end(), func) == path.end()) {
    path.push_back(func);
    const auto& next = callees.at(func);
    func = *std::find_if(next.begin(), next.end(), [&](const Func* f) { return open.contains(f); });
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), func));
  path.push_back(func);
  return absl::StrJoin(path, " -> ",
                       [](std::string* out, const Func* f) { absl::StrAppend(out, "@", f->name); });
}

// Kahn's topological sort (1962), callees first: what cannot be sorted leads to a cycle.
absl::Status VerifyCalls(const Module& module) {
  Callees callees, callers;
  absl::flat_hash_map<const Func*, size_t> unsorted_callees;
  absl::flat_hash_set<const Func*> open;
  for (const auto& func : module.funcs()) {
    open.insert(func.get());
    callees[func.get()];
    ForEachOp(func->body, [&](const Op* op) {
      if (op->opcode() != Opcode::kCall) return;
      callees[func.get()].push_back(op->callee);
      callers[op->callee].push_back(func.get());
      ++unsorted_callees[func.get()];
    });
  }
  std::vector<const Func*> ready;
  for (const auto& func : module.funcs()) {
    if (unsorted_callees[func.get()] == 0) ready.push_back(func.get());
  }
  while (!ready.empty()) {
    const Func* func = ready.back();
    ready.pop_back();
    open.erase(func);
    for (const Func* caller : callers[func]) {
      if (--unsorted_callees[caller] == 0) ready.push_back(caller);
    }
  }
  if (open.empty()) return absl::OkStatus();
  return Error("functions call themselves: ", CycleText(callees, open));
}

}  // namespace

absl::Status Verify(const Module& module) {
  if (!IsName(module.name)) return Error("'", module.name, "' is no name for a module");
  RETURN_IF_ERROR(VerifySymbols(module));
  RETURN_IF_ERROR(VerifyGlobals(module));
  absl::flat_hash_set<absl::string_view> names;
  for (const auto& func : module.funcs()) {
    const std::string where = absl::StrCat("func @", func->name);
    if (absl::Status s = VerifySignature(module, *func); !s.ok()) return In(where, s);
    if (!names.insert(func->name).second) return Error(where, ": the name is defined twice");
  }
  ModuleParts parts(module);
  RETURN_IF_ERROR(VerifyLoad(&parts));
  for (const auto& func : module.funcs()) {
    RETURN_IF_ERROR(VerifyBody(*func, &parts));
  }
  return VerifyCalls(module);
}

}  // namespace lluda::ir
