#include "tools/inspect/module_path.h"

#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace lluda::tools {
namespace {

using Path = std::string;

void AddPaths(const ir::Operand& operand, const ir::Module& module, std::vector<Path>* paths);

void AddPathsOfOperands(const ir::Op& op, std::vector<Path>* paths) {
  for (const ir::Operand& operand : op.operands()) {
    AddPaths(operand, *op.parent()->module(), paths);
  }
}

// Of the weight, or of what the load block computes the global from.
void AddPaths(const ir::Operand& operand, const ir::Module& module, std::vector<Path>* paths) {
  if (operand.global == nullptr) {
    const ir::Op* def = operand.value->def();
    if (def != nullptr && def->parent()->func() == nullptr) AddPathsOfOperands(*def, paths);
    return;
  }
  if (operand.global->kind == ir::Global::Kind::kWeight) {
    absl::string_view source = operand.global->source;
    absl::ConsumeSuffix(&source, ".weight");
    paths->emplace_back(source);
    return;
  }
  ir::ForEachOp(module.load, [&](const ir::Op* op) {
    if (op->defined_global == operand.global) AddPathsOfOperands(*op, paths);
  });
}

Path Parent(const Path& path) {
  const size_t dot = path.rfind('.');
  return dot == Path::npos ? "" : path.substr(0, dot);
}

bool Holds(const Path& parent, const Path& path) {
  return parent.empty() || path == parent || absl::StartsWith(path, parent + ".");
}

// The innermost module that holds all of them, or is the only one of them.
Path Common(const std::vector<Path>& paths) {
  Path common = paths.front();
  for (const Path& path : paths) {
    while (!Holds(common, path)) common = Parent(common);
  }
  return common;
}

// Of the nearest statements before `op` that read weights, the modules those are part of.
void AddNearest(const ir::Op& op, std::set<const ir::Op*>* seen, std::vector<Path>* paths) {
  for (const ir::Operand& operand : op.operands()) {
    const ir::Op* def = operand.value == nullptr ? nullptr : operand.value->def();
    if (def == nullptr || !seen->insert(def).second) continue;
    std::vector<Path> own;
    AddPathsOfOperands(*def, &own);
    for (const Path& path : own) paths->push_back(Parent(path));
    if (own.empty()) AddNearest(*def, seen, paths);
  }
}

}  // namespace

std::string ModulePath(const ir::Op& op) {
  std::vector<Path> paths;
  AddPathsOfOperands(op, &paths);
  if (paths.empty()) {
    std::set<const ir::Op*> seen;
    AddNearest(op, &seen, &paths);
    return paths.empty() ? "" : Common(paths);
  }
  const Path common = Common(paths);
  if (paths.size() == 1 || common.empty()) return absl::StrJoin(paths, ", ");
  std::vector<Path> leaves;
  for (const Path& path : paths) {
    if (path != common) leaves.push_back(path.substr(common.size() + 1));
  }
  return leaves.empty() ? common : absl::StrCat(common, ".{", absl::StrJoin(leaves, ", "), "}");
}

}  // namespace lluda::tools
