#include "frontends/jinja/builtins/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "frontends/jinja/builtins/format.h"
#include "frontends/jinja/syntax/syntax.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/jinja/value/python_text.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

absl::Status TooLarge() {
  return absl::InvalidArgumentError("the result is an integer of more than 64 bits");
}

absl::Status DivisionByZero() { return absl::InvalidArgumentError("division by zero"); }

absl::StatusOr<Value> IntPower(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return DivisionByZero();
    return Value::Float(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return TooLarge();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return TooLarge();
  }
  return Value::Int(result);
}

absl::StatusOr<Value> IntBinary(std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "**") return IntPower(a, b);
  if (op == "+") {
    if (__builtin_add_overflow(a, b, &result)) return TooLarge();
    return Value::Int(result);
  }
  if (op == "-") {
    if (__builtin_sub_overflow(a, b, &result)) return TooLarge();
    return Value::Int(result);
  }
  if (op == "*") {
    if (__builtin_mul_overflow(a, b, &result)) return TooLarge();
    return Value::Int(result);
  }
  if (b == 0) return DivisionByZero();
  if (op == "/") return Value::Float(static_cast<double>(a) / static_cast<double>(b));
  if (a == std::numeric_limits<int64_t>::min() && b == -1) {
    if (op == "%") return Value::Int(0);
    return TooLarge();
  }
  const int64_t rest = a % b;
  const bool rounds_down = rest != 0 && (rest < 0) != (b < 0);
  if (op == "%") return Value::Int(rounds_down ? rest + b : rest);
  return Value::Int(a / b - (rounds_down ? 1 : 0));
}

absl::StatusOr<Value> FloatBinary(std::string_view op, double a, double b) {
  if (op == "+") return Value::Float(a + b);
  if (op == "-") return Value::Float(a - b);
  if (op == "*") return Value::Float(a * b);
  if (op == "**") {
    if (a == 0 && b < 0) return DivisionByZero();
    const double power = std::pow(a, b);
    if (std::isinf(power) && !std::isinf(a) && !std::isinf(b)) {
      return absl::InvalidArgumentError("the result of ** is too large");
    }
    if (std::isnan(power) && !std::isnan(a) && !std::isnan(b)) {
      return absl::InvalidArgumentError("the result of ** is no real number");
    }
    return Value::Float(power);
  }
  if (b == 0) return DivisionByZero();
  if (op == "/") return Value::Float(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == "%") return Value::Float(rest == 0 ? std::copysign(0.0, b) : rest);
  const double quotient = std::floor((a - rest) / b + 0.5);
  return Value::Float(quotient == 0 ? std::copysign(0.0, a / b) : quotient);
}

absl::StatusOr<Value> Repeat(Machine* machine, const Value& value, int64_t count) {
  count = std::max<int64_t>(count, 0);
  if (value.is_string()) {
    if (!value.bytes().empty() &&
        count > static_cast<int64_t>(kMostTextBytes / value.bytes().size())) {
      return absl::ResourceExhaustedError(
          Concat("a text has more than ", kMostTextBytes, " bytes"));
    }
    machine->budget->ChargeParts(static_cast<size_t>(value.bytes().empty() ? 0 : count / 2));
    Text text;
    for (int64_t i = 0; i < count && !value.bytes().empty(); ++i) text.Append(value.text());
    return NewString(machine, std::move(text));
  }
  const std::vector<Value>& items = value.list()->items;
  if (!items.empty() && count > kMostSteps / static_cast<int64_t>(items.size())) {
    return absl::ResourceExhaustedError(Concat("a list has more than ", kMostSteps, " items"));
  }
  std::vector<Value> repeated;
  for (int64_t i = 0; i < count && !items.empty(); ++i) {
    repeated.insert(repeated.end(), items.begin(), items.end());
  }
  return NewList(machine, std::move(repeated), value.list()->kind);
}

bool IsPlainList(const Value& value) {
  return value.is(Type::kList) && value.list()->kind <= ListKind::kTuple;
}

}  // namespace

absl::StatusOr<Value> Binary(Machine* machine, std::string_view op, const Value& a,
                             const Value& b) {
  for (const Value* side : {&a, &b}) {
    if (side->is_undefined()) return absl::InvalidArgumentError(side->bytes());
  }
  if (a.is_integer() && b.is_integer()) return IntBinary(op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return FloatBinary(op, a.as_double(), b.as_double());
  if (op == "+" && a.is_string() && b.is_string()) {
    Text text = a.text();
    text.Append(b.text());
    return NewString(machine, std::move(text));
  }
  if (op == "+" && IsPlainList(a) && IsPlainList(b) && a.list()->kind == b.list()->kind) {
    std::vector<Value> items = a.list()->items;
    items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
    return NewList(machine, std::move(items), a.list()->kind);
  }
  if (op == "*" && (a.is_string() || IsPlainList(a)) && b.is_integer()) {
    return Repeat(machine, a, b.as_int());
  }
  if (op == "*" && (b.is_string() || IsPlainList(b)) && a.is_integer()) {
    return Repeat(machine, b, a.as_int());
  }
  if (op == "%" && a.is_string()) {
    return absl::UnimplementedError("% between texts, to format them, is not supported");
  }
  return absl::InvalidArgumentError(Concat("unsupported operand types for ", op, ": '", TypeName(a),
                                           "' and '", TypeName(b), "'"));
}

absl::StatusOr<Value> Negate(const Value& value) {
  if (value.is_integer()) return IntBinary("-", 0, value.as_int());
  if (value.is(Type::kFloat)) return Value::Float(-value.as_double());
  return absl::InvalidArgumentError(
      value.is_undefined() ? value.bytes() : Concat("- of a value of type ", TypeName(value)));
}

namespace {

absl::StatusOr<bool> IsIn(Machine* machine, const Value& item, const Value& container) {
  switch (container.type()) {
    case Type::kString:
      if (!item.is_string()) {
        return absl::InvalidArgumentError(
            item.is_undefined()
                ? item.bytes()
                : Concat("'in <string>' requires string as left operand, not ", TypeName(item)));
      }
      machine->budget->ChargeBytes(container.bytes().size());
      return FindText(container.bytes(), item.bytes()) != std::string_view::npos;
    case Type::kDict:
      if (CanBeKey(item, machine->budget)) return container.dict()->Find(item) != nullptr;
      return absl::InvalidArgumentError(Concat("unhashable type: '", TypeName(item), "'"));
    case Type::kUndefined:
      return false;
    case Type::kList: {
      ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, container));
      return std::any_of(items.begin(), items.end(),
                         [&](const Value& other) { return Equals(item, other, machine->budget); });
    }
    default:
      return absl::InvalidArgumentError(
          Concat("argument of type '", TypeName(container), "' is not iterable"));
  }
}

bool IsNan(const Value& value) { return value.is(Type::kFloat) && std::isnan(value.as_double()); }

}  // namespace

absl::StatusOr<bool> CompareBy(Machine* machine, std::string_view op, const Value& a,
                               const Value& b) {
  if (op == "==") return Equals(a, b, machine->budget);
  if (op == "!=") return !Equals(a, b, machine->budget);
  if (op == "in") return IsIn(machine, a, b);
  if (op == "not in") {
    ASSIGN_OR_RETURN(const bool is_in, IsIn(machine, a, b));
    return !is_in;
  }
  ASSIGN_OR_RETURN(const int order, Compare(a, b, machine->budget));
  if (IsNan(a) || IsNan(b)) return false;
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

namespace {

std::string MissingText(const Value& value, const std::string& what) {
  if (value.is_none()) return Concat("'None' has no ", what);
  const std::string name =
      value.is(Type::kNamespace) ? "namespace" : Concat(TypeName(value), " object");
  return Concat("'", name, "' has no ", what);
}

Value MissingAttribute(const Value& value, const std::string& name) {
  return Value::Undefined(MissingText(value, Concat("attribute '", name, "'")));
}

struct LoopAttribute {
  std::string_view name;
  Value (*get)(const LoopState& loop);
};
int64_t LengthOf(const LoopState& loop) { return static_cast<int64_t>(loop.items.size()); }
Value NeighbourOf(const LoopState& loop, int64_t index) {
  if (index >= 0 && index < LengthOf(loop)) return loop.items[index];
  return Value::Undefined(index < 0 ? "there is no previous item" : "there is no next item");
}
constexpr LoopAttribute kLoopAttributes[] = {
    {"index", [](const LoopState& loop) { return Value::Int(loop.index + 1); }},
    {"index0", [](const LoopState& loop) { return Value::Int(loop.index); }},
    {"revindex", [](const LoopState& loop) { return Value::Int(LengthOf(loop) - loop.index); }},
    {"revindex0",
     [](const LoopState& loop) { return Value::Int(LengthOf(loop) - loop.index - 1); }},
    {"first", [](const LoopState& loop) { return Value::Bool(loop.index == 0); }},
    {"last", [](const LoopState& loop) { return Value::Bool(loop.index + 1 == LengthOf(loop)); }},
    {"length", [](const LoopState& loop) { return Value::Int(LengthOf(loop)); }},
    {"depth", [](const LoopState& loop) { return Value::Int(loop.depth + 1); }},
    {"depth0", [](const LoopState& loop) { return Value::Int(loop.depth); }},
    {"previtem", [](const LoopState& loop) { return NeighbourOf(loop, loop.index - 1); }},
    {"nextitem", [](const LoopState& loop) { return NeighbourOf(loop, loop.index + 1); }},
};

// What the value has of this name beside its items.
std::optional<Value> FindProperty(Machine* machine, const Value& value, const std::string& name) {
  if (value.is(Type::kLoop)) {
    for (const LoopAttribute& row : kLoopAttributes) {
      if (row.name == name) return row.get(*value.loop());
    }
  }
  if (value.is(Type::kNamespace)) {
    const Value* found = value.dict()->Find(name);
    if (found != nullptr) return *found;
  }
  if (value.is(Type::kMacro) && name == "name") {
    return Value::String(value.macro()->definition->name, Origin::kTemplate);
  }
  const MethodRow* row = FindMethod(value, name);
  if (row == nullptr) return std::nullopt;
  machine->budget->ChargeParts(kPartsPerMethod);
  Method* method = machine->heap->NewMethod();
  method->receiver = value;
  method->row = row;
  return Value::Of(method);
}

// What value[key] is, if it has such an item.
absl::StatusOr<std::optional<Value>> FindItem(Machine* machine, const Value& value,
                                              const Value& key) {
  if (value.is(Type::kDict)) {
    if (!CanBeKey(key, machine->budget)) return std::nullopt;
    const Value* found = value.dict()->Find(key);
    if (found == nullptr) return std::nullopt;
    return *found;
  }
  if (!key.is_integer()) return std::nullopt;
  int64_t index = key.as_int();
  if (value.is(Type::kList) && value.list()->can_be_indexed()) {
    const std::vector<Value>& items = value.list()->items;
    if (index < 0) index += static_cast<int64_t>(items.size());
    if (index < 0 || index >= static_cast<int64_t>(items.size())) return std::nullopt;
    return items[index];
  }
  if (!value.is_string()) return std::nullopt;
  machine->budget->ChargeBytes(value.bytes().size());
  const std::vector<size_t> starts = CharacterStarts(value.bytes());
  const int64_t count = static_cast<int64_t>(starts.size()) - 1;
  if (index < 0) index += count;
  if (index < 0 || index >= count) return std::nullopt;
  return Value::String(value.text().Part(starts[index], starts[index + 1]));
}

}  // namespace

absl::StatusOr<Value> GetAttribute(Machine* machine, const Value& value, const std::string& name) {
  if (value.is_undefined()) return absl::InvalidArgumentError(value.bytes());
  if (std::optional<Value> property = FindProperty(machine, value, name)) return *property;
  if (value.is(Type::kDict)) {
    const Value* found = value.dict()->Find(name);
    if (found != nullptr) return *found;
  }
  return MissingAttribute(value, name);
}

absl::StatusOr<Value> GetItem(Machine* machine, const Value& value, const Value& key) {
  if (value.is_undefined()) return absl::InvalidArgumentError(value.bytes());
  ASSIGN_OR_RETURN(const std::optional<Value> item, FindItem(machine, value, key));
  if (item.has_value()) return *item;
  if (key.is_string()) {
    const std::optional<Value> property = FindProperty(machine, value, key.bytes());
    if (property.has_value()) return *property;
    return MissingAttribute(value, key.bytes());
  }
  ASSIGN_OR_RETURN(const Text text, Str(key, machine->budget));
  return Value::Undefined(MissingText(value, Concat("element ", text.bytes())));
}

namespace {

// The indices that [begin:end:step] takes of a sequence of `count` items.
absl::StatusOr<std::vector<int64_t>> SliceIndices(Machine* machine, int64_t count,
                                                  const Value& begin, const Value& end,
                                                  const Value& step_value) {
  int64_t step = 1;
  if (!step_value.is_none()) {
    ASSIGN_OR_RETURN(step, IntegerOf(step_value, "the step of a slice"));
    if (step == 0) return absl::InvalidArgumentError("slice step cannot be zero");
    step = std::clamp<int64_t>(step, -count - 1, count + 1);
  }
  const int64_t lowest = step < 0 ? -1 : 0;
  const int64_t highest = step < 0 ? count - 1 : count;
  const auto bound = [&](const Value& value, int64_t if_none) -> absl::StatusOr<int64_t> {
    if (value.is_none()) return if_none;
    ASSIGN_OR_RETURN(int64_t at, IntegerOf(value, "a bound of a slice"));
    if (at < 0) at = at < -count ? lowest : at + count;
    return std::clamp(at, lowest, std::max(lowest, highest));
  };
  ASSIGN_OR_RETURN(const int64_t first, bound(begin, step < 0 ? highest : lowest));
  ASSIGN_OR_RETURN(const int64_t last, bound(end, step < 0 ? lowest : highest));
  std::vector<int64_t> indices;
  for (int64_t i = first; step < 0 ? i > last : i < last; i += step) indices.push_back(i);
  machine->budget->ChargeParts(indices.size());
  RETURN_IF_ERROR(machine->budget->Check());
  return indices;
}

absl::StatusOr<Value> SliceText(Machine* machine, const Text& text, const Value& begin,
                                const Value& end, const Value& step) {
  machine->budget->ChargeBytes(text.size());
  const std::vector<size_t> starts = CharacterStarts(text.bytes());
  const int64_t count = static_cast<int64_t>(starts.size()) - 1;
  // A stretch is no list of characters to charge for.
  Budget unlimited;
  Machine counting = {machine->heap, step.is_none() ? &unlimited : machine->budget, machine->now};
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices,
                   SliceIndices(&counting, count, begin, end, step));
  if (step.is_none()) {
    if (indices.empty()) return Value::String(Text());
    return NewString(machine, text.Part(starts[indices.front()], starts[indices.back() + 1]));
  }
  Text part;
  for (const int64_t i : indices) part.AppendPart(text, starts[i], starts[i + 1]);
  return NewString(machine, std::move(part));
}

}  // namespace

absl::StatusOr<Value> Slice(Machine* machine, const Value& value, const Value& begin,
                            const Value& end, const Value& step) {
  if (value.is_string()) return SliceText(machine, value.text(), begin, end, step);
  if (!value.is(Type::kList) || !value.list()->can_be_indexed()) {
    return absl::InvalidArgumentError(
        value.is_undefined() ? value.bytes()
                             : Concat("'", TypeName(value), "' object cannot be sliced"));
  }
  const std::vector<Value>& items = value.list()->items;
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices,
                   SliceIndices(machine, static_cast<int64_t>(items.size()), begin, end, step));
  std::vector<Value> part;
  part.reserve(indices.size());
  for (const int64_t i : indices) part.push_back(items[i]);
  return NewList(machine, std::move(part), value.list()->kind);
}

}  // namespace lluda::jinja
