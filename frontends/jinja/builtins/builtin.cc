#include "frontends/jinja/builtins/builtin.h"

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/jinja/value/python_text.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {

using tokenizer::Concat;

absl::StatusOr<Value> CallBuiltin(const Builtin& builtin, Machine* machine, const Value& subject,
                                  const Arguments& arguments) {
  if (builtin.apply_any != nullptr) return builtin.apply_any(machine, subject, arguments);
  if (builtin.apply == nullptr) {
    return absl::UnimplementedError(Concat("'", builtin.name, "' is not supported"));
  }
  Bound bound{};
  size_t count = 0;
  while (count < kMostParameters && !builtin.parameters[count].empty()) ++count;
  if (arguments.positional.size() > count) {
    return absl::InvalidArgumentError(Concat(builtin.name, " takes at most ", count,
                                             " arguments, not ", arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    size_t at = 0;
    while (at < count && builtin.parameters[at] != name) ++at;
    if (at == count) {
      return absl::InvalidArgumentError(Concat(builtin.name, " has no argument '", name, "'"));
    }
    if (bound[at] != nullptr) {
      return absl::InvalidArgumentError(Concat(builtin.name, " got '", name, "' twice"));
    }
    bound[at] = &value;
  }
  for (size_t i = 0; i < builtin.required; ++i) {
    if (bound[i] != nullptr) continue;
    return absl::InvalidArgumentError(
        Concat(builtin.name, " lacks its argument '", builtin.parameters[i], "'"));
  }
  return builtin.apply(machine, subject, bound);
}

absl::StatusOr<std::vector<Value>> ItemsOf(Machine* machine, const Value& value) {
  std::vector<Value> items;
  switch (value.type()) {
    case Type::kUndefined:
      break;
    case Type::kString: {
      machine->budget->ChargeParts(CountCharacters(value.bytes()) * kPartsPerText);
      RETURN_IF_ERROR(machine->budget->Check());
      for (size_t at = 0; at < value.bytes().size();) {
        const size_t length = base::ReadUtf8(std::string_view(value.bytes()).substr(at)).length;
        items.push_back(Value::String(value.text().Part(at, at + length)));
        at += length;
      }
      return items;
    }
    case Type::kList:
      machine->budget->ChargeParts(value.list()->items.size());
      RETURN_IF_ERROR(machine->budget->Check());
      if (value.list()->kind == ListKind::kIterator) return std::exchange(value.list()->items, {});
      return value.list()->items;
    case Type::kDict:
      machine->budget->ChargeParts(value.dict()->size());
      RETURN_IF_ERROR(machine->budget->Check());
      for (const auto& [key, ignored] : value.dict()->entries()) items.push_back(key);
      break;
    default:
      return absl::InvalidArgumentError(Concat("'", TypeName(value), "' object is not iterable"));
  }
  return items;
}

Value NewList(Machine* machine, std::vector<Value> items, ListKind kind) {
  machine->budget->ChargeParts((1 + items.size()) * kPartsPerItem);
  List* list = machine->heap->NewList(kind);
  list->items = std::move(items);
  return Value::Of(list);
}

absl::StatusOr<int64_t> IntegerOf(const Value& value, std::string_view what) {
  if (value.is_undefined()) return absl::InvalidArgumentError(value.bytes());
  if (value.is_integer()) return value.as_int();
  return absl::InvalidArgumentError(
      Concat(what, " is of type ", TypeName(value), ", not an integer"));
}

absl::StatusOr<Value> NewString(Machine* machine, Text text) {
  machine->budget->ChargeBytes(text.size());
  machine->budget->ChargeParts(text.runs().size());
  if (text.size() > kMostTextBytes) {
    return absl::ResourceExhaustedError(Concat("a text has more than ", kMostTextBytes, " bytes"));
  }
  return Value::String(std::move(text));
}

}  // namespace lluda::jinja
