// What stands behind `is`.
#include <cmath>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "frontends/jinja/builtins/builtin.h"
#include "frontends/jinja/builtins/format.h"
#include "frontends/jinja/builtins/operators.h"
#include "frontends/jinja/value/python_text.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using Predicate = bool (*)(const Value& value);

template <Predicate predicate>
absl::StatusOr<Value> If(Machine*, const Value& subject, const Bound&) {
  return Value::Bool(predicate(subject));
}

bool IsDefined(const Value& value) { return !value.is_undefined(); }
bool IsUndefined(const Value& value) { return value.is_undefined(); }
bool IsNone(const Value& value) { return value.is_none(); }
bool IsString(const Value& value) { return value.is_string(); }
bool IsMapping(const Value& value) { return value.is(Type::kDict); }
bool IsBoolean(const Value& value) { return value.is(Type::kBool); }
bool IsTrue(const Value& value) { return value.is(Type::kBool) && value.as_bool(); }
bool IsFalse(const Value& value) { return value.is(Type::kBool) && !value.as_bool(); }
bool IsInteger(const Value& value) { return value.is(Type::kInt); }
bool IsFloat(const Value& value) { return value.is(Type::kFloat); }
bool IsNumber(const Value& value) { return value.is_number(); }
bool IsIterable(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is(Type::kList) ||
         value.is(Type::kDict) || value.is(Type::kLoop);
}
// What has a length and items, in Python's view.
bool IsSequence(const Value& value) {
  return value.is_undefined() || value.is_string() || value.is(Type::kDict) ||
         (value.is(Type::kList) && value.list()->can_be_indexed());
}
bool IsCallable(const Value& value) {
  return value.is_undefined() || value.is(Type::kMacro) || value.is(Type::kMethod) ||
         value.is(Type::kFunction);
}

template <bool (*is_case)(std::string_view)>
absl::StatusOr<Value> IfCase(Machine* machine, const Value& subject, const Bound&) {
  ASSIGN_OR_RETURN(const Text text, Str(subject, machine->budget));
  return Value::Bool(is_case(text.bytes()));
}

absl::StatusOr<Value> DivisibleBy(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const Value rest, Binary(machine, "%", subject, *bound[0]));
  return Value::Bool(!Truth(rest));
}

template <int wanted>
absl::StatusOr<Value> IfRest(Machine* machine, const Value& subject, const Bound&) {
  ASSIGN_OR_RETURN(const Value rest, Binary(machine, "%", subject, Value::Int(2)));
  return Value::Bool(Equals(rest, Value::Int(wanted), machine->budget));
}

absl::StatusOr<Value> SameAs(Machine* machine, const Value& subject, const Bound& bound) {
  const Value& other = *bound[0];
  if (subject.type() != other.type()) return Value::Bool(false);
  const bool is_object = subject.is(Type::kList) || subject.is(Type::kDict);
  return Value::Bool(is_object ? subject.identity() == other.identity()
                               : Equals(subject, other, machine->budget));
}

constexpr char kEqual[] = "==", kUnequal[] = "!=", kLess[] = "<",
               kAtMost[] = "<=", kGreater[] = ">", kAtLeast[] = ">=", kIn[] = "in";

template <const char* op>
absl::StatusOr<Value> IfCompares(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const bool is_so, CompareBy(machine, op, subject, *bound[0]));
  return Value::Bool(is_so);
}

absl::StatusOr<Value> IsFilter(Machine*, const Value& subject, const Bound&) {
  return Value::Bool(subject.is_string() && FindFilter(subject.bytes()) != nullptr);
}
absl::StatusOr<Value> IsTest(Machine*, const Value& subject, const Bound&) {
  return Value::Bool(subject.is_string() && FindTest(subject.bytes()) != nullptr);
}

constexpr Builtin kTests[] = {
    {"boolean", 0, {}, If<IsBoolean>},
    {"callable", 0, {}, If<IsCallable>},
    {"defined", 0, {}, If<IsDefined>},
    {"divisibleby", 1, {"num"}, DivisibleBy},
    {"eq", 1, {"other"}, IfCompares<kEqual>},
    {"equalto", 1, {"other"}, IfCompares<kEqual>},
    {"even", 0, {}, IfRest<0>},
    {"false", 0, {}, If<IsFalse>},
    {"filter", 0, {}, IsFilter},
    {"float", 0, {}, If<IsFloat>},
    {"ge", 1, {"other"}, IfCompares<kAtLeast>},
    {"greaterthan", 1, {"other"}, IfCompares<kGreater>},
    {"gt", 1, {"other"}, IfCompares<kGreater>},
    {"in", 1, {"seq"}, IfCompares<kIn>},
    {"integer", 0, {}, If<IsInteger>},
    {"iterable", 0, {}, If<IsIterable>},
    {"le", 1, {"other"}, IfCompares<kAtMost>},
    {"lessthan", 1, {"other"}, IfCompares<kLess>},
    {"lower", 0, {}, IfCase<IsLower>},
    {"lt", 1, {"other"}, IfCompares<kLess>},
    {"mapping", 0, {}, If<IsMapping>},
    {"ne", 1, {"other"}, IfCompares<kUnequal>},
    {"none", 0, {}, If<IsNone>},
    {"number", 0, {}, If<IsNumber>},
    {"odd", 0, {}, IfRest<1>},
    {"sameas", 1, {"other"}, SameAs},
    {"sequence", 0, {}, If<IsSequence>},
    {"string", 0, {}, If<IsString>},
    {"test", 0, {}, IsTest},
    {"true", 0, {}, If<IsTrue>},
    {"undefined", 0, {}, If<IsUndefined>},
    {"upper", 0, {}, IfCase<IsUpper>},
};

// Names that only select and its kin take.
constexpr Builtin kOperatorTests[] = {
    {"==", 1, {"other"}, IfCompares<kEqual>},  {"!=", 1, {"other"}, IfCompares<kUnequal>},
    {"<", 1, {"other"}, IfCompares<kLess>},    {"<=", 1, {"other"}, IfCompares<kAtMost>},
    {">", 1, {"other"}, IfCompares<kGreater>}, {">=", 1, {"other"}, IfCompares<kAtLeast>},
};

}  // namespace

const Builtin* FindTest(std::string_view name) {
  for (const Builtin& row : kTests) {
    if (row.name == name) return &row;
  }
  for (const Builtin& row : kOperatorTests) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace lluda::jinja
