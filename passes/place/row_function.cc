#include "passes/place/row_function.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/type/encoding.h"
#include "passes/framework/rewrite.h"

namespace lluda::passes {
namespace {

using ir::Func;
using ir::Op;
using ir::Opcode;
using ir::Operand;
using ir::Type;
using ir::Value;

bool IsProduct(const Op& op) {
  return op.opcode() == Opcode::kMatmul || op.opcode() == Opcode::kExpertMatmul ||
         op.opcode() == Opcode::kAttention;
}

// Whether an order is read for nothing but the sequence in which experts' rows are computed.
bool OrdersExpertsAlone(const Op& order) {
  constexpr int kOrderOperand = 3;
  const auto& uses = order.result()->uses();
  return std::all_of(uses.begin(), uses.end(), [](const ir::Use& use) {
    return use.op->opcode() == Opcode::kExpertMatmul && use.operand == kOrderOperand;
  });
}

// Whether a row of the result depends on that row of the operands alone.
bool KeepsRowsApart(const Op& op, const std::string& axis) {
  if (ir::Appends(op) || !op.result_type().HasAxis(axis)) return false;
  if (op.opcode() == Opcode::kOrder) return OrdersExpertsAlone(op);
  const auto& named = op.attrs.axes;
  const bool is_named = std::find(named.begin(), named.end(), axis) != named.end();
  if (is_named && op.opcode() != Opcode::kPermute) return false;
  const ir::Type& type = op.result_type();
  if (ir::IsBlock(type.dtype) && type.axes.back().name == axis) return false;
  return std::any_of(op.operands().begin(), op.operands().end(),
                     [&](const Operand& operand) { return operand.type().HasAxis(axis); });
}

class Finder {
 public:
  Finder(const Func& func, const std::string& axis, const Type& rows)
      : func_(func), row_(rows.axes[0].name) {
    parts_.axis = axis;
  }

  RowParts Find() {
    for (const auto& op : func_.body.ops()) {
      if (op->body == nullptr && op->callee == nullptr) continue;
      return Fail(absl::StrCat("@", func_.name, " has a ", op->name(), " in it"));
    }
    for (const auto& op : func_.body.ops()) {
      if (ir::Appends(*op)) NeedAll(op->result());
    }
    const Operand& returned = func_.body.terminator()->operand(0);
    if (returned.value == nullptr || !returned.type().HasAxis(parts_.axis)) {
      return Fail(absl::StrCat("@", func_.name, " returns no rows of ", parts_.axis));
    }
    // What is found to be needed for all rows may have been taken for some before.
    size_t known = 0;
    do {
      known = parts_.whole.size();
      parts_.some.clear();
      parts_.gathered.clear();
      seen_.clear();
      NeedSome(returned.value);
    } while (parts_.whole.size() > known);
    const bool has_product = std::any_of(parts_.some.begin(), parts_.some.end(),
                                         [](const Op* op) { return IsProduct(*op); });
    if (!has_product) {
      return Fail(absl::StrCat("all rows of its products are needed in @", func_.name));
    }
    for (const Value* value : parts_.gathered) {
      if (value->type.axes[0].name == parts_.axis && !value->type.HasAxis(row_)) continue;
      return Fail(
          absl::StrCat("%", value->name, " in @", func_.name, " is ", ir::ToString(value->type)));
    }
    parts_.sees_all_rows = std::any_of(parts_.whole.begin(), parts_.whole.end(),
                                       [&](const Op* op) { return HasRows(*op); });
    return std::move(parts_);
  }

 private:
  RowParts Fail(std::string why) {
    parts_.obstacle = std::move(why);
    return std::move(parts_);
  }

  // Whether it reads or makes something along the axis.
  bool HasRows(const Op& op) const {
    const auto& operands = op.operands();
    return op.result_type().HasAxis(parts_.axis) ||
           std::any_of(operands.begin(), operands.end(),
                       [&](const Operand& operand) { return operand.type().HasAxis(parts_.axis); });
  }

  void NeedAll(const Value* value) {
    const Op* op = value->def();
    if (op == nullptr || !parts_.whole.insert(op).second) return;
    for (const Operand& operand : op->operands()) {
      if (operand.value != nullptr) NeedAll(operand.value);
    }
  }

  // What is a product, and computed for all rows anyway, is not computed again for some of them.
  void NeedSome(const Value* value) {
    if (!seen_.insert(value).second) return;
    const Op* op = value->def();
    const bool is_there = op != nullptr && IsProduct(*op) && parts_.whole.count(op) > 0;
    if (op == nullptr || is_there || !KeepsRowsApart(*op, parts_.axis)) {
      NeedAll(value);
      parts_.gathered.push_back(value);
      return;
    }
    parts_.some.insert(op);
    for (const Operand& operand : op->operands()) {
      if (operand.value == nullptr) continue;
      if (operand.type().HasAxis(parts_.axis)) {
        NeedSome(operand.value);
      } else {
        NeedAll(operand.value);
      }
    }
  }

  const Func& func_;
  const std::string& row_;
  RowParts parts_;
  std::set<const Value*> seen_;
};

std::string UniqueFuncName(const ir::Module& module, const std::string& hint) {
  std::string candidate = hint;
  for (int i = 1; module.FindFunc(candidate) != nullptr; ++i) {
    candidate = absl::StrCat(hint, "_", i);
  }
  return candidate;
}

std::string RowsName(absl::string_view name) { return absl::StrCat(name, "_rows"); }

// Writes the copy of a function.
class Copier {
 public:
  Copier(const Func& from, const RowParts& parts, const Type& rows, absl::string_view by, Func* to)
      : from_(from), parts_(parts), count_(rows.axes[0].extent), by_(by), to_(to) {
    to_->index = from.index;
    for (const auto& param : from.params()) {
      Type type = param->type;
      if (!parts.sees_all_rows) type = Shortened(std::move(type));
      Value* copy = to_->AddParam(param->name, std::move(type));
      if (parts.sees_all_rows || !param->type.HasAxis(parts.axis)) whole_[param.get()] = copy;
      if (!parts.sees_all_rows) some_[param.get()] = copy;
    }
    if (parts.sees_all_rows) rows_ = to_->AddParam(to_->UniqueName("rows"), rows);
    end_ = to_->body.Append(Opcode::kReturn);
  }

  absl::Status Copy() {
    for (const auto& param : from_.params()) {
      if (parts_.sees_all_rows) RETURN_IF_ERROR(GatherIfRead(param.get()));
    }
    for (const auto& op : from_.body.ops()) {
      if (parts_.whole.count(op.get()) > 0) {
        RETURN_IF_ERROR(CopyOp(*op, op->result()->name, &whole_));
        RETURN_IF_ERROR(GatherIfRead(op->result()));
      }
      if (parts_.some.count(op.get()) > 0) {
        const bool is_second = parts_.whole.count(op.get()) > 0;
        const std::string& name = op->result()->name;
        RETURN_IF_ERROR(CopyOp(*op, is_second ? RowsName(name) : name, &some_));
      }
    }
    Value* returned = some_.at(from_.body.terminator()->operand(0).value);
    end_->SetOperands({returned});
    to_->result_type = returned->type;
    return absl::OkStatus();
  }

 private:
  using Values = std::map<const Value*, Value*>;

  Type Shortened(Type type) const {
    const int at = type.FindAxis(parts_.axis);
    if (at >= 0) type.axes[static_cast<size_t>(at)].extent = count_;
    return type;
  }

  absl::Status GatherIfRead(const Value* value) {
    const auto& gathered = parts_.gathered;
    if (std::find(gathered.begin(), gathered.end(), value) == gathered.end()) {
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(some_[value], InsertRowsOf(end_, RowsName(value->name), whole_.at(value),
                                                parts_.axis, rows_, by_));
    return absl::OkStatus();
  }

  // `into` are the values of all rows, or of some; what has no rows is among the former.
  absl::Status CopyOp(const Op& op, absl::string_view name, Values* into) {
    std::vector<Operand> operands;
    for (const Operand& operand : op.operands()) {
      if (operand.value == nullptr) {
        operands.push_back(operand);
        continue;
      }
      const bool has_rows = operand.type().HasAxis(parts_.axis);
      operands.emplace_back((has_rows ? *into : whole_).at(operand.value));
    }
    ASSIGN_OR_RETURN(Op * copy,
                     InsertOp(end_, name, op.opcode(), std::move(operands), op.attrs, by_));
    copy->line = op.line;
    (*into)[op.result()] = copy->result();
    return absl::OkStatus();
  }

  const Func& from_;
  const RowParts& parts_;
  const ir::Extent count_;
  const absl::string_view by_;
  Func* to_;
  Op* end_ = nullptr;
  Value* rows_ = nullptr;
  Values whole_, some_;  // of the copy, by those that they are copies of
};

}  // namespace

RowParts FindRowParts(const Func& func, const std::string& axis, const Type& rows) {
  return Finder(func, axis, rows).Find();
}

absl::StatusOr<Func*> RowFunctions::Of(const Func& func, const RowParts& parts, const Type& rows) {
  const auto [made, is_new] = made_.try_emplace({&func, ir::ToString(rows)});
  if (!is_new) return made->second;
  made->second = module_->AddFunc(UniqueFuncName(*module_, RowsName(func.name)));
  RETURN_IF_ERROR(Copier(func, parts, rows, by_, made->second).Copy());
  return made->second;
}

absl::StatusOr<Value*> InsertRowsOf(const Op* position, absl::string_view name, const Operand& x,
                                    const std::string& axis, Value* rows, absl::string_view by) {
  ir::Attrs over;
  over.axes = {axis};
  const bool has_columns = x.type().axes.size() > 1;
  ASSIGN_OR_RETURN(Op * gathered,
                   InsertOp(position, absl::StrCat(name, "0"),
                            has_columns ? Opcode::kGather : Opcode::kPick, {x, rows}, over, by));
  const ir::Axis& row = rows->type.axes[0];
  ir::Attrs renamed;
  renamed.axes = {row.name};
  renamed.result_axes = {{axis, row.extent}};
  ASSIGN_OR_RETURN(Op * split,
                   InsertOp(position, name, Opcode::kSplit, {gathered->result()}, renamed, by));
  return split->result();
}

}  // namespace lluda::passes
