#include "ir/check/body_verifier.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "ir/infer/infer.h"
#include "ir/rules.h"
#include "ir/text/printer.h"

namespace lluda::ir {
namespace {

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

std::string FirstLine(const Op& op) {
  const std::string text = PrintOp(op);
  return text.substr(0, text.find('\n'));
}

class BodyVerifier {
 public:
  // `func` is nullptr for the load block.
  BodyVerifier(const Func* func, ModuleParts* parts) : func_(func), parts_(*parts) {
    if (func != nullptr && func->index) indices_.push_back(*func->index);
  }

  absl::Status Run();

 private:
  absl::Status Where(const absl::Status& status) const;
  absl::Status VerifyBlock(const Block& block);
  absl::Status VerifyOp(const Op& op);
  absl::Status VerifyOperands(const Op& op);
  absl::Status VerifyGlobalOperand(const Operand& operand, bool is_appended);
  absl::Status VerifyAppend(const Op& op);
  absl::Status VerifyCallee(const Op& op);
  absl::Status VerifyTerminator(const Op& op);
  absl::Status VerifyResult(const Op& op);
  absl::Status VerifyDefinition(const Op& op);
  absl::Status VerifyLoop(const Op& op);
  absl::Status Define(const Value& value);
  // Whether a statement may have appended to this copy of the state. Two numbers are two copies.
  bool MayBeAppended(const Operand& state) const;
  // Where the innermost loop ends; 0 outside loops.
  int64_t RowsEnd() const { return loops_.empty() ? 0 : loops_.back()->attrs.end; }

  const Func* func_;
  ModuleParts& parts_;
  std::vector<const Value*> in_sight_;  // in the order of definition: a block's end pops its own
  absl::flat_hash_set<const Value*> visible_;
  absl::flat_hash_set<absl::string_view> names_;
  std::vector<Index> indices_;
  std::vector<const Op*> loops_;
  // What selects the copies of each state that were appended to.
  absl::flat_hash_map<const Global*, std::vector<std::string>> appended_;
};

absl::Status BodyVerifier::Where(const absl::Status& status) const {
  if (status.ok()) return status;
  const std::string place = func_ == nullptr ? "load" : absl::StrCat("func @", func_->name);
  return Error(place, ": ", status.message());
}

absl::Status BodyVerifier::Run() {
  if (func_ == nullptr) return VerifyBlock(parts_.module.load);
  for (const auto& param : func_->params()) {
    if (absl::Status s = Define(*param); !s.ok()) return Where(s);
  }
  if (func_->body.terminator() == nullptr) return Where(Error("does not end in a return"));
  return VerifyBlock(func_->body);
}

absl::Status BodyVerifier::Define(const Value& value) {
  if (!IsName(value.name)) return Error("'", value.name, "' is no name for a value");
  if (!names_.insert(value.name).second) return Error("%", value.name, " is defined twice");
  RETURN_IF_ERROR(CheckType(value.type, parts_.module));
  visible_.insert(&value);
  in_sight_.push_back(&value);
  return absl::OkStatus();
}

absl::Status BodyVerifier::VerifyBlock(const Block& block) {
  const size_t outer = in_sight_.size();
  for (const auto& op : block.ops()) {
    absl::Status status = VerifyOp(*op);
    if (status.ok() && IsTerminator(op->opcode()) && op != block.ops().back()) {
      status = Error("statements follow");
    }
    if (!status.ok()) return Where(Error(FirstLine(*op), ": ", status.message()));
    if (op->opcode() == Opcode::kFor) {
      RETURN_IF_ERROR(VerifyLoop(*op));
    }
    if (op->result() != nullptr) {
      if (absl::Status s = Define(*op->result()); !s.ok()) {
        return Where(Error(FirstLine(*op), ": ", s.message()));
      }
    }
  }
  for (; in_sight_.size() > outer; in_sight_.pop_back()) visible_.erase(in_sight_.back());
  return absl::OkStatus();
}

absl::Status BodyVerifier::VerifyOp(const Op& op) {
  RETURN_IF_ERROR(VerifyOperands(op));
  RETURN_IF_ERROR(CheckOpForm(op, parts_.module));
  if (Appends(op)) {
    RETURN_IF_ERROR(VerifyAppend(op));
  }
  if (op.opcode() == Opcode::kCall) {
    RETURN_IF_ERROR(VerifyCallee(op));
  }
  if (IsTerminator(op.opcode())) return VerifyTerminator(op);
  if (op.opcode() == Opcode::kFor && func_ == nullptr) {
    if (op.operand_count() == 0 && op.carried == nullptr && op.result() == nullptr &&
        op.defined_global == nullptr && !op.frame_offset) {
      return absl::OkStatus();
    }
    return Error("a loop of the load block carries nothing and has no result");
  }
  return VerifyResult(op);
}

absl::Status BodyVerifier::VerifyOperands(const Op& op) {
  for (int i = 0; i < op.operand_count(); ++i) {
    const Operand& operand = op.operand(i);
    if ((operand.value == nullptr) == (operand.global == nullptr)) {
      return Error("operand ", i, " is neither a value nor a global");
    }
    if (operand.global != nullptr) {
      const bool is_appended = i == AppendedOperand(op);
      RETURN_IF_ERROR(VerifyGlobalOperand(operand, is_appended));
    } else if (!visible_.contains(operand.value)) {
      return Error("operand ", i, " is not defined before, or not in sight here");
    } else if (!operand.index.empty()) {
      return Error("operand ", i, " is a value and has an index");
    }
  }
  return absl::OkStatus();
}

absl::Status BodyVerifier::VerifyGlobalOperand(const Operand& operand, bool is_appended) {
  const Global* global = operand.global;
  if (!parts_.globals.contains(global)) return Error("reads a global of another module");
  const std::string name = absl::StrCat("@", global->name);
  RETURN_IF_ERROR(CheckIndex(name, global->index, operand.index, indices_));
  if (global->kind == Global::Kind::kLoaded) {
    const auto defined = parts_.defined.find(global);
    const bool all_rows = defined != parts_.defined.end() &&
                          (!global->index || func_ != nullptr || RowsEnd() <= defined->second);
    if (!all_rows) return Error(name, " is not defined before");
  }
  if (global->kind != Global::Kind::kState) return absl::OkStatus();
  if (func_ == nullptr) return Error("the load block cannot use the state ", name);
  if (!is_appended && MayBeAppended(operand)) {
    return Error("reads ", name, " after the append to it; the append's result is meant");
  }
  return absl::OkStatus();
}

absl::Status BodyVerifier::VerifyAppend(const Op& op) {
  if (func_ == nullptr) return Error("the load block cannot append");
  if (AppendedOperand(op) >= op.operand_count()) return absl::OkStatus();  // InferType refuses it
  const Operand& state = op.operand(AppendedOperand(op));
  if (state.global == nullptr) return absl::OkStatus();  // InferType refuses it
  for (const Op* loop : loops_) {
    if (loop->loop_index != state.index) {
      return Error("runs once per '", loop->loop_index, "' but appends to the same state");
    }
  }
  if (MayBeAppended(state)) {
    return Error("is the second append to @", state.global->name, " in this function");
  }
  appended_[state.global].push_back(state.index);
  return absl::OkStatus();
}

bool BodyVerifier::MayBeAppended(const Operand& state) const {
  const auto known = appended_.find(state.global);
  if (known == appended_.end()) return false;
  const bool is_number = ConstantIndex(state.index).has_value();
  return std::any_of(known->second.begin(), known->second.end(), [&](const std::string& index) {
    return !is_number || !ConstantIndex(index) || index == state.index;
  });
}

absl::Status BodyVerifier::VerifyCallee(const Op& op) {
  if (func_ == nullptr) return Error("the load block cannot call functions");
  if (!parts_.funcs.contains(op.callee)) return Error("calls no function of this module");
  return CheckIndex(absl::StrCat("@", op.callee->name), op.callee->index, op.callee_index,
                    indices_);
}

absl::Status BodyVerifier::VerifyTerminator(const Op& op) {
  if (func_ == nullptr) return Error("the load block returns and yields nothing");
  const bool returns = op.opcode() == Opcode::kReturn;
  if (returns != loops_.empty()) return Error(returns ? "stands in a loop" : "stands in no loop");
  if (op.operand_count() != 1 || op.result() != nullptr || op.defined_global != nullptr) {
    return Error("must have one operand and no result");
  }
  const Type& wanted = returns ? func_->result_type : loops_.back()->carried->type;
  const Type& type = op.operand(0).type();
  if (type == wanted) return absl::OkStatus();
  return Error("must be of type '", ToString(wanted), "', is '", ToString(type), "'");
}

absl::Status BodyVerifier::VerifyResult(const Op& op) {
  if ((op.result() == nullptr) == (op.defined_global == nullptr)) {
    return Error("must have either a result or a global that it defines");
  }
  if (op.defined_global != nullptr) {
    RETURN_IF_ERROR(VerifyDefinition(op));
  }
  ASSIGN_OR_RETURN(const Type inferred, InferType(op));
  if (inferred != op.result_type()) {
    return Error("the type is inferred as '", ToString(inferred), "'");
  }
  for (const Axis& axis : op.result_type().axes) {
    if (func_ == nullptr && !axis.extent.is_constant()) {
      return Error("the load block knows no symbols: ", ToString(axis));
    }
  }
  return absl::OkStatus();
}

absl::Status BodyVerifier::VerifyDefinition(const Op& op) {
  const Global* global = op.defined_global;
  if (func_ != nullptr) return Error("only the load block can define a global");
  if (!parts_.globals.contains(global) || global->kind != Global::Kind::kLoaded) {
    return Error("defines no loaded global of this module");
  }
  const auto [defined, is_first] = parts_.defined.try_emplace(global, 0);
  const int64_t begin = loops_.empty() ? 0 : loops_.back()->attrs.begin;
  // Loops may define a part of the rows each, in their order.
  if (!is_first && (loops_.empty() || begin < defined->second)) {
    return Error("@", global->name, " is defined twice");
  }
  RETURN_IF_ERROR(CheckDefinition(absl::StrCat("@", global->name), op.defined_index, indices_));
  const int64_t declared = global->index ? global->index->count : 0;
  if (begin != defined->second || RowsEnd() > declared || loops_.empty() != !global->index) {
    return Error("the loop does not run over all of @", global->name, ", 0..", declared);
  }
  defined->second = RowsEnd();
  return absl::OkStatus();
}

absl::Status BodyVerifier::VerifyLoop(const Op& op) {
  const auto fail = [&](const absl::Status& s) {
    return Where(Error(FirstLine(op), ": ", s.message()));
  };
  const Index index{op.loop_index, op.attrs.end};
  if (absl::Status s = CheckIndexDeclaration(index); !s.ok()) return fail(s);
  if (indices_.size() >= kMaxLoopDepth) return fail(Error("loops are nested too deep"));
  for (const Index& outer : indices_) {
    if (outer.name == index.name) return fail(Error("the index is already in use here"));
  }
  const size_t outer = in_sight_.size();
  if (func_ != nullptr) {
    if (op.carried == nullptr || op.operand_count() != 1) return fail(Error("carries nothing"));
    if (op.carried->type != op.operand(0).type()) {
      return fail(Error("the carried value must be of its first value's type '",
                        ToString(op.operand(0).type()), "', is '", ToString(op.carried->type),
                        "'"));
    }
    if (op.body->terminator() == nullptr) return fail(Error("does not end in a yield"));
    if (absl::Status s = Define(*op.carried); !s.ok()) return fail(s);
  }
  indices_.push_back(index);
  loops_.push_back(&op);
  RETURN_IF_ERROR(VerifyBlock(*op.body));
  loops_.pop_back();
  indices_.pop_back();
  for (; in_sight_.size() > outer; in_sight_.pop_back()) visible_.erase(in_sight_.back());
  return absl::OkStatus();
}

}  // namespace

ModuleParts::ModuleParts(const Module& module) : module(module) {
  for (const auto& global : module.globals()) globals.insert(global.get());
  for (const auto& func : module.funcs()) funcs.insert(func.get());
}

absl::Status VerifyLoad(ModuleParts* parts) {
  RETURN_IF_ERROR(BodyVerifier(nullptr, parts).Run());
  for (const auto& global : parts->module.globals()) {
    if (global->kind != Global::Kind::kLoaded) continue;
    const auto defined = parts->defined.find(global.get());
    if (defined == parts->defined.end()) {
      return Error("loaded global @", global->name, ": the load block does not define it");
    }
    const int64_t rows = global->index ? global->index->count : 0;
    if (defined->second == rows) continue;
    return Error("loaded global @", global->name, ": the load block defines rows 0..",
                 defined->second, " of 0..", rows);
  }
  return absl::OkStatus();
}

absl::Status VerifyBody(const Func& func, ModuleParts* parts) {
  return BodyVerifier(&func, parts).Run();
}

}  // namespace lluda::ir
