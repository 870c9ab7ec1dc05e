#include "passes/framework/provenance.h"

#include <algorithm>

#include "base/step_interface.h"
#include "ir/text/printer.h"
#include "passes/framework/rewrite.h"

namespace lluda::passes {
namespace {

// The statement without what says nothing about what it computes.
std::string Meaning(const ir::Op& op) {
  std::string text = ir::PrintOp(op);
  if (op.opcode() == ir::Opcode::kFor) return "for";
  return text.substr(0, text.rfind(" : ")) + ir::ToString(op.result_type());
}

// The name that a pass made this one of, if it has one: `h_rows` and `h_1` are made of `h`.
std::string MadeOf(const std::string& name) {
  const size_t end = name.rfind('_');
  return end == std::string::npos ? "" : name.substr(0, end);
}

bool IsNamed(const ir::Op& op) { return op.result() != nullptr || op.defined_global != nullptr; }

}  // namespace

Provenance::Statements Provenance::Snapshot(const ir::Module& module) {
  Statements statements;
  ir::ForEachOp(module, [&](const ir::Op* op) {
    if (!IsNamed(*op)) return;
    Statement& statement = statements[{FuncName(*op->parent()), StatementName(*op)}];
    statement.text = Meaning(*op);
    statement.by = op->by;
    for (const ir::Operand& operand : op->operands()) {
      statement.reads.push_back(operand.value != nullptr ? operand.value->name
                                                         : operand.global->name);
    }
  });
  return statements;
}

void Provenance::Absorb(const Statement& from, Statement* into) const {
  into->sources.insert(from.sources.begin(), from.sources.end());
  for (const std::string& pass : from.passes) {
    const auto& known = into->passes;
    if (std::find(known.begin(), known.end(), pass) == known.end()) into->passes.push_back(pass);
  }
}

// The function that has most of its names is what it is a copy of.
std::string Provenance::CopiedFrom(const std::string& func, const Statements& old) const {
  std::map<std::string, int> common;
  for (const auto& [key, statement] : statements_) {
    if (key.first != func) continue;
    for (const auto& [other, before] : old) common[other.first] += other.second == key.second;
  }
  const auto most =
      std::max_element(common.begin(), common.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == common.end() ? "" : most->first;
}

void Provenance::FollowCopy(absl::string_view pass, const std::string& from, const Key& key,
                            const Statements& old, Statement* statement) {
  for (const std::string& name : {key.second, MadeOf(key.second)}) {
    const auto source = old.find({from, name});
    if (source == old.end()) continue;
    Absorb(source->second, statement);
    break;
  }
  statement->passes.emplace_back(pass);
}

void Provenance::Follow(absl::string_view pass, const Key& key, const Statements& old,
                        Statement* statement) {
  const auto before = old.find(key);
  if (before != old.end()) {
    Absorb(before->second, statement);
    if (before->second.text == statement->text || statement->by != pass) return;
    // What it read and is gone was folded into it.
    std::set<std::string> folded;
    std::vector<std::string> pending = before->second.reads;
    while (!pending.empty()) {
      const std::string name = pending.back();
      pending.pop_back();
      const auto gone = old.find({key.first, name});
      if (gone == old.end() || statements_.count(gone->first) > 0) continue;
      if (!folded.insert(name).second) continue;
      Absorb(gone->second, statement);
      pending.insert(pending.end(), gone->second.reads.begin(), gone->second.reads.end());
    }
  } else {
    const auto moved = std::find_if(old.begin(), old.end(), [&](const auto& entry) {
      return entry.first.second == key.second && statements_.count(entry.first) == 0;
    });
    if (moved != old.end()) Absorb(moved->second, statement);
    for (const auto& [reader, reading] : statements_) {
      const auto& reads = reading.reads;
      if (reader.first != key.first || reading.by != pass ||
          std::find(reads.begin(), reads.end(), key.second) == reads.end()) {
        continue;
      }
      if (const auto replaced = old.find(reader); replaced != old.end()) {
        Absorb(replaced->second, statement);
      }
    }
  }
  if (statement->passes.empty() || statement->passes.back() != pass) {
    statement->passes.emplace_back(pass);
  }
}

void Provenance::See(absl::string_view pass, const ir::Module& module) {
  const bool first = statements_.empty();
  const Statements old = std::exchange(statements_, Snapshot(module));
  if (!first) {
    std::set<std::string> known;
    for (const auto& [key, statement] : old) known.insert(key.first);
    std::map<std::string, std::string> copies;  // of which functions the new ones are
    for (auto& [key, statement] : statements_) {
      if (known.count(key.first) > 0 || key.first == step_interface::kLoad) {
        Follow(pass, key, old, &statement);
        continue;
      }
      const auto [copy, is_new] = copies.try_emplace(key.first);
      if (is_new) copy->second = CopiedFrom(key.first, old);
      FollowCopy(pass, copy->second, key, old, &statement);
    }
    return;
  }
  ir::ForEachOp(module, [&](const ir::Op* op) {
    if (!IsNamed(*op)) return;
    Statement& statement = statements_[{FuncName(*op->parent()), StatementName(*op)}];
    statement.sources = {static_cast<int>(imported_.size())};
    if (!statement.by.empty()) statement.passes = {statement.by};
    imported_.emplace_back(op->name());
  });
}

Origin Provenance::Find(const std::string& func, const std::string& statement) const {
  Origin origin;
  const auto it = statements_.find({func, statement});
  if (it == statements_.end()) return origin;
  for (const int source : it->second.sources) origin.ops.push_back(imported_[source]);
  origin.passes = it->second.passes;
  return origin;
}

}  // namespace lluda::passes
