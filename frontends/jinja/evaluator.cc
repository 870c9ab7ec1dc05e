#include "frontends/jinja/evaluator.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/jinja/builtins/format.h"
#include "frontends/jinja/builtins/operators.h"
#include "frontends/jinja/syntax/lexer.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {

absl::Status Evaluator::Error(Position at, std::string_view reason) const {
  return ErrorAt(absl::StatusCode::kInvalidArgument, name_, at, reason);
}

absl::Status Evaluator::Located(Position at, const absl::Status& status) const {
  return ErrorAt(status.code(), name_, at, tokenizer::FromAbsl(status.message()));
}

absl::Status Evaluator::CheckLimits(Position at) const {
  if (machine_->budget->spent()) return Located(at, machine_->budget->Check());
  if (frames_ <= kMostFrames) return absl::OkStatus();
  return ErrorAt(absl::StatusCode::kResourceExhausted, name_, at,
                 "macros and expressions are nested too deeply");
}

// Adds the place to the error of a builtin.
#define ASSIGN_OR_LOCATE(target, at, ...)                          \
  auto target##_or = (__VA_ARGS__);                                \
  if (!target##_or.ok()) return Located(at, target##_or.status()); \
  auto& target = *target##_or

Evaluator::Handler Evaluator::HandlerOf(ExprKind kind) {
  switch (kind) {
    case ExprKind::kConstant:
      return &Evaluator::Constant;
    case ExprKind::kName:
      return &Evaluator::Name;
    case ExprKind::kList:
    case ExprKind::kTuple:
      return &Evaluator::Sequence;
    case ExprKind::kDict:
      return &Evaluator::DictLiteral;
    case ExprKind::kNot:
      return &Evaluator::Not;
    case ExprKind::kNegative:
    case ExprKind::kPositive:
      return &Evaluator::Sign;
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return &Evaluator::Logical;
    case ExprKind::kBinary:
      return &Evaluator::BinaryOperation;
    case ExprKind::kCompare:
      return &Evaluator::Comparison;
    case ExprKind::kConcat:
      return &Evaluator::Concat;
    case ExprKind::kConditional:
      return &Evaluator::Conditional;
    case ExprKind::kAttribute:
    case ExprKind::kNamespaceAttribute:
      return &Evaluator::Attribute;
    case ExprKind::kItem:
      return &Evaluator::Item;
    case ExprKind::kSlice:
      return &Evaluator::SliceOf;
    case ExprKind::kCall:
      return &Evaluator::Call;
    case ExprKind::kFilter:
      return &Evaluator::Filter;
    case ExprKind::kTest:
      return &Evaluator::Test;
  }
  return nullptr;
}

absl::StatusOr<Value> Evaluator::Evaluate(const Expr& expr, Scope* scope) {
  const Frame frame(&frames_);
  machine_->budget->ChargeParts(1);
  RETURN_IF_ERROR(CheckLimits(expr.at));
  return (this->*HandlerOf(expr.kind))(expr, scope);
}

absl::StatusOr<Value> Evaluator::Constant(const Expr& expr, Scope*) { return expr.value; }

absl::StatusOr<Value> Evaluator::Name(const Expr& expr, Scope* scope) {
  machine_->budget->ChargeBytes(expr.name.size());
  for (const Scope* here = scope; here != nullptr; here = here->parent) {
    const auto found = here->variables.find(expr.name);
    if (found != here->variables.end()) return found->second;
  }
  const FunctionRow* function = FindFunction(expr.name);
  if (function != nullptr) return Value::Of(function);
  return Value::Undefined(absl::StrCat("'", expr.name, "' is undefined"));
}

absl::StatusOr<Value> Evaluator::Sequence(const Expr& expr, Scope* scope) {
  std::vector<Value> items;
  for (const ExprPtr& item : expr.items) {
    ASSIGN_OR_RETURN(Value value, Evaluate(*item, scope));
    items.push_back(std::move(value));
  }
  return NewList(machine_, std::move(items),
                 expr.kind == ExprKind::kTuple ? ListKind::kTuple : ListKind::kList);
}

absl::StatusOr<Value> Evaluator::DictLiteral(const Expr& expr, Scope* scope) {
  machine_->budget->ChargeParts((1 + expr.items.size() / 2) * kPartsPerEntry);
  Dict* dict = machine_->heap->NewDict();
  for (size_t i = 0; i < expr.items.size(); i += 2) {
    ASSIGN_OR_RETURN(const Value key, Evaluate(*expr.items[i], scope));
    ASSIGN_OR_RETURN(Value value, Evaluate(*expr.items[i + 1], scope));
    if (key.is_string()) machine_->budget->ChargeBytes(key.bytes().size());
    const absl::Status set = dict->Set(key, std::move(value));
    if (!set.ok()) return Located(expr.items[i]->at, set);
  }
  return Value::Of(dict);
}

absl::StatusOr<Value> Evaluator::Not(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.items[0], scope));
  return Value::Bool(!Truth(value));
}

absl::StatusOr<Value> Evaluator::Sign(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.items[0], scope));
  ASSIGN_OR_LOCATE(negative, expr.at, Negate(value));
  if (expr.kind == ExprKind::kNegative) return negative;
  return value.is(Type::kBool) ? Value::Int(value.as_int()) : value;
}

absl::StatusOr<Value> Evaluator::Logical(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(Value left, Evaluate(*expr.items[0], scope));
  if (Truth(left) == (expr.kind == ExprKind::kOr)) return left;
  return Evaluate(*expr.items[1], scope);
}

absl::StatusOr<Value> Evaluator::BinaryOperation(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value left, Evaluate(*expr.items[0], scope));
  ASSIGN_OR_RETURN(const Value right, Evaluate(*expr.items[1], scope));
  ASSIGN_OR_LOCATE(result, expr.at, Binary(machine_, expr.name, left, right));
  return result;
}

absl::StatusOr<Value> Evaluator::Comparison(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(Value left, Evaluate(*expr.items[0], scope));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    ASSIGN_OR_RETURN(Value right, Evaluate(*expr.items[i + 1], scope));
    ASSIGN_OR_LOCATE(is_so, expr.at, CompareBy(machine_, expr.operators[i], left, right));
    if (!is_so) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

absl::StatusOr<Value> Evaluator::Concat(const Expr& expr, Scope* scope) {
  Text text;
  for (const ExprPtr& item : expr.items) {
    ASSIGN_OR_RETURN(const Value value, Evaluate(*item, scope));
    ASSIGN_OR_LOCATE(part, item->at, Str(value, machine_->budget));
    text.Append(part);
  }
  ASSIGN_OR_LOCATE(result, expr.at, NewString(machine_, std::move(text)));
  return result;
}

absl::StatusOr<Value> Evaluator::Conditional(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value condition, Evaluate(*expr.items[0], scope));
  if (Truth(condition)) return Evaluate(*expr.items[1], scope);
  if (expr.items[2] != nullptr) return Evaluate(*expr.items[2], scope);
  return Value::Undefined("the inline if-expression is false and has no else");
}

absl::StatusOr<Value> Evaluator::Attribute(const Expr& expr, Scope* scope) {
  machine_->budget->ChargeBytes(expr.name.size());
  ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.items[0], scope));
  ASSIGN_OR_LOCATE(result, expr.at, GetAttribute(machine_, value, expr.name));
  return result;
}

absl::StatusOr<Value> Evaluator::Item(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.items[0], scope));
  ASSIGN_OR_RETURN(const Value key, Evaluate(*expr.items[1], scope));
  ASSIGN_OR_LOCATE(result, expr.at, GetItem(machine_, value, key));
  return result;
}

absl::StatusOr<Value> Evaluator::SliceOf(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value value, Evaluate(*expr.items[0], scope));
  Value bounds[3];
  for (int i = 0; i < 3; ++i) {
    if (expr.items[i + 1] == nullptr) continue;
    ASSIGN_OR_RETURN(bounds[i], Evaluate(*expr.items[i + 1], scope));
  }
  ASSIGN_OR_LOCATE(result, expr.at, Slice(machine_, value, bounds[0], bounds[1], bounds[2]));
  return result;
}

absl::StatusOr<Value> Evaluator::Call(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value callee, Evaluate(*expr.items[0], scope));
  ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expr, scope));
  machine_->budget->ChargeStep();
  if (callee.is(Type::kMacro)) return CallMacro(*callee.macro(), arguments, expr.at);
  if (callee.is(Type::kMethod)) {
    const Method& method = *callee.method();
    ASSIGN_OR_LOCATE(result, expr.at,
                     CallBuiltin(method.row->builtin, machine_, method.receiver, arguments));
    return result;
  }
  if (callee.is(Type::kFunction)) {
    ASSIGN_OR_LOCATE(result, expr.at,
                     CallBuiltin(callee.function()->builtin, machine_, Value(), arguments));
    return result;
  }
  return Error(expr.at, callee.is_undefined()
                            ? callee.bytes()
                            : tokenizer::Concat("'", TypeName(callee), "' object is not callable"));
}

absl::StatusOr<Arguments> Evaluator::EvaluateArguments(const Expr& expr, Scope* scope) {
  Arguments arguments;
  for (const ExprPtr& argument : expr.arguments.positional) {
    ASSIGN_OR_RETURN(Value value, Evaluate(*argument, scope));
    arguments.positional.push_back(std::move(value));
  }
  if (expr.arguments.star != nullptr) {
    ASSIGN_OR_RETURN(const Value star, Evaluate(*expr.arguments.star, scope));
    ASSIGN_OR_LOCATE(items, expr.at, ItemsOf(machine_, star));
    for (Value& item : items) arguments.positional.push_back(std::move(item));
  }
  for (const auto& [name, argument] : expr.arguments.named) {
    ASSIGN_OR_RETURN(Value value, Evaluate(*argument, scope));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (expr.arguments.double_star == nullptr) return arguments;
  ASSIGN_OR_RETURN(const Value mapping, Evaluate(*expr.arguments.double_star, scope));
  if (!mapping.is(Type::kDict)) return Error(expr.at, "the argument after ** must be a mapping");
  machine_->budget->ChargeParts(mapping.dict()->size());
  for (const auto& [key, value] : mapping.dict()->entries()) {
    if (!key.is_string()) return Error(expr.at, "keywords must be texts");
    arguments.named.emplace_back(key.bytes(), value);
  }
  return arguments;
}

absl::StatusOr<Value> Evaluator::Filter(const Expr& expr, Scope* scope) {
  ASSIGN_OR_RETURN(const Value subject, Evaluate(*expr.items[0], scope));
  return ApplyFilter(expr, subject, scope);
}

absl::StatusOr<Value> Evaluator::ApplyFilter(const Expr& filter, const Value& subject,
                                             Scope* scope) {
  const Builtin* row = FindFilter(filter.name);
  if (row == nullptr) {
    return Error(filter.at, absl::StrCat("there is no filter '", filter.name, "'"));
  }
  ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(filter, scope));
  machine_->budget->ChargeStep();
  ASSIGN_OR_LOCATE(result, filter.at, CallBuiltin(*row, machine_, subject, arguments));
  return result;
}

absl::StatusOr<Value> Evaluator::ApplyFilters(const Expr& filters, const Value& subject,
                                              Scope* scope) {
  const Frame frame(&frames_);
  RETURN_IF_ERROR(CheckLimits(filters.at));
  if (filters.items[0] == nullptr) return ApplyFilter(filters, subject, scope);
  ASSIGN_OR_RETURN(const Value filtered, ApplyFilters(*filters.items[0], subject, scope));
  return ApplyFilter(filters, filtered, scope);
}

absl::StatusOr<Value> Evaluator::Test(const Expr& expr, Scope* scope) {
  const Builtin* row = FindTest(expr.name);
  if (row == nullptr) return Error(expr.at, absl::StrCat("there is no test '", expr.name, "'"));
  ASSIGN_OR_RETURN(const Value subject, Evaluate(*expr.items[0], scope));
  ASSIGN_OR_RETURN(const Arguments arguments, EvaluateArguments(expr, scope));
  ASSIGN_OR_LOCATE(result, expr.at, CallBuiltin(*row, machine_, subject, arguments));
  return result;
}

#undef ASSIGN_OR_LOCATE

}  // namespace lluda::jinja
