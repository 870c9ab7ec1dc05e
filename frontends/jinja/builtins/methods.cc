// Methods of lists, mappings and `loop`; string_methods.cc has those of texts.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "frontends/jinja/builtins/builtin.h"
#include "frontends/jinja/builtins/method_tables.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

// ---- mappings ----

absl::Status CheckKey(Machine* machine, const Value& key) {
  if (CanBeKey(key, machine->budget)) return absl::OkStatus();
  return absl::InvalidArgumentError(Concat("unhashable type: '", TypeName(key), "'"));
}

absl::StatusOr<Value> Get(Machine* machine, const Value& subject, const Bound& bound) {
  RETURN_IF_ERROR(CheckKey(machine, *bound[0]));
  const Value* found = subject.dict()->Find(*bound[0]);
  if (found != nullptr) return *found;
  return bound[1] == nullptr ? Value() : *bound[1];
}

enum class View : uint8_t { kKeys, kValues, kItems };

template <View view>
absl::StatusOr<Value> ViewOf(Machine* machine, const Value& subject, const Bound&) {
  constexpr ListKind kKinds[] = {ListKind::kKeys, ListKind::kValues, ListKind::kItems};
  std::vector<Value> items;
  for (const auto& [key, value] : subject.dict()->entries()) {
    items.push_back(view == View::kKeys     ? key
                    : view == View::kValues ? value
                                            : NewList(machine, {key, value}, ListKind::kTuple));
  }
  return NewList(machine, std::move(items), kKinds[static_cast<int>(view)]);
}

absl::StatusOr<Value> CopyDict(Machine* machine, const Value& subject, const Bound&) {
  Dict* copy = machine->heap->NewDict();
  machine->budget->ChargeParts((1 + subject.dict()->size()) * kPartsPerEntry);
  for (const auto& [key, value] : subject.dict()->entries()) {
    RETURN_IF_ERROR(copy->Set(key, value));
  }
  return Value::Of(copy);
}

absl::StatusOr<Value> PopKey(Machine* machine, const Value& subject, const Bound& bound) {
  RETURN_IF_ERROR(CheckKey(machine, *bound[0]));
  machine->budget->ChargeParts(subject.dict()->size());
  std::optional<Value> value = subject.dict()->Remove(*bound[0]);
  if (value.has_value()) return *std::move(value);
  if (bound[1] != nullptr) return *bound[1];
  return absl::InvalidArgumentError("pop of a key that the mapping has not");
}

// ---- lists ----

absl::StatusOr<Value> Append(Machine*, const Value& subject, const Bound& bound) {
  if (subject.list()->kind != ListKind::kList) {
    return absl::InvalidArgumentError("only a list can be appended to");
  }
  subject.list()->items.push_back(*bound[0]);
  return Value();
}

absl::StatusOr<Value> PopIndex(Machine* machine, const Value& subject, const Bound& bound) {
  std::vector<Value>& items = subject.list()->items;
  const int64_t count = static_cast<int64_t>(items.size());
  int64_t index = -1;
  if (bound[0] != nullptr) {
    ASSIGN_OR_RETURN(index, IntegerOf(*bound[0], "the index of pop"));
  }
  if (index < 0) index += count;
  if (index < 0 || index >= count) return absl::InvalidArgumentError("pop index out of range");
  machine->budget->ChargeParts(static_cast<size_t>(count - index));
  Value value = std::move(items[index]);
  items.erase(items.begin() + index);
  return value;
}

absl::StatusOr<Value> IndexOf(Machine* machine, const Value& subject, const Bound& bound) {
  const std::vector<Value>& items = subject.list()->items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (Equals(items[i], *bound[0], machine->budget)) return Value::Int(static_cast<int64_t>(i));
  }
  return absl::InvalidArgumentError("the value is not in the list");
}

absl::StatusOr<Value> CountOf(Machine* machine, const Value& subject, const Bound& bound) {
  const std::vector<Value>& items = subject.list()->items;
  return Value::Int(std::count_if(items.begin(), items.end(), [&](const Value& item) {
    return Equals(item, *bound[0], machine->budget);
  }));
}

// ---- loop ----

absl::StatusOr<Value> Cycle(Machine*, const Value& subject, const Arguments& arguments) {
  if (arguments.positional.empty()) {
    return absl::InvalidArgumentError("no items for cycling given");
  }
  return arguments.positional[subject.loop()->index % arguments.positional.size()];
}

absl::StatusOr<Value> Changed(Machine* machine, const Value& subject, const Arguments& arguments) {
  std::optional<std::vector<Value>>& last = subject.loop()->last_changed;
  const std::vector<Value>& now = arguments.positional;
  const bool is_same =
      last.has_value() &&
      std::equal(last->begin(), last->end(), now.begin(), now.end(),
                 [&](const Value& a, const Value& b) { return Equals(a, b, machine->budget); });
  last = now;
  return Value::Bool(!is_same);
}

constexpr MethodRow kMethods[] = {
    {Type::kDict, {"copy", 0, {}, CopyDict}},
    {Type::kDict, {"get", 1, {"key", "default"}, Get}},
    {Type::kDict, {"items", 0, {}, ViewOf<View::kItems>}},
    {Type::kDict, {"keys", 0, {}, ViewOf<View::kKeys>}},
    {Type::kDict, {"pop", 1, {"key", "default"}, PopKey}},
    {Type::kDict, {"values", 0, {}, ViewOf<View::kValues>}},
    {Type::kList, {"append", 1, {"object"}, Append}},
    {Type::kList, {"count", 1, {"value"}, CountOf}},
    {Type::kList, {"index", 1, {"value"}, IndexOf}},
    {Type::kList, {"pop", 0, {"index"}, PopIndex}},
    {Type::kLoop, {"changed", 0, {}, nullptr, Changed}},
    {Type::kLoop, {"cycle", 0, {}, nullptr, Cycle}},
};

// Methods that Python has: they are defined, and refused when they are called.
constexpr MethodRow kUnsupportedMethods[] = {
    {Type::kDict, {"clear", 0, {}, nullptr}},
    {Type::kDict, {"fromkeys", 0, {}, nullptr}},
    {Type::kDict, {"popitem", 0, {}, nullptr}},
    {Type::kDict, {"setdefault", 0, {}, nullptr}},
    {Type::kDict, {"update", 0, {}, nullptr}},
    {Type::kList, {"clear", 0, {}, nullptr}},
    {Type::kList, {"copy", 0, {}, nullptr}},
    {Type::kList, {"extend", 0, {}, nullptr}},
    {Type::kList, {"insert", 0, {}, nullptr}},
    {Type::kList, {"remove", 0, {}, nullptr}},
    {Type::kList, {"reverse", 0, {}, nullptr}},
    {Type::kList, {"sort", 0, {}, nullptr}},
    {Type::kString, {"casefold", 0, {}, nullptr}},
    {Type::kString, {"center", 0, {}, nullptr}},
    {Type::kString, {"encode", 0, {}, nullptr}},
    {Type::kString, {"expandtabs", 0, {}, nullptr}},
    {Type::kString, {"format", 0, {}, nullptr}},
    {Type::kString, {"format_map", 0, {}, nullptr}},
    {Type::kString, {"isidentifier", 0, {}, nullptr}},
    {Type::kString, {"isprintable", 0, {}, nullptr}},
    {Type::kString, {"istitle", 0, {}, nullptr}},
    {Type::kString, {"ljust", 0, {}, nullptr}},
    {Type::kString, {"maketrans", 0, {}, nullptr}},
    {Type::kString, {"partition", 0, {}, nullptr}},
    {Type::kString, {"rjust", 0, {}, nullptr}},
    {Type::kString, {"rpartition", 0, {}, nullptr}},
    {Type::kString, {"swapcase", 0, {}, nullptr}},
    {Type::kString, {"translate", 0, {}, nullptr}},
    {Type::kString, {"zfill", 0, {}, nullptr}},
};

// Tuples have no methods that change them, and views have none at all.
bool HasMethods(const Value& receiver, std::string_view name) {
  if (!receiver.is(Type::kList) || receiver.list()->kind == ListKind::kList) return true;
  return receiver.list()->kind <= ListKind::kRange && (name == "count" || name == "index");
}

}  // namespace

const MethodRow* FindMethod(const Value& receiver, std::string_view name) {
  if (!HasMethods(receiver, name)) return nullptr;
  if (receiver.is_string()) {
    if (const MethodRow* row = FindStringMethod(name); row != nullptr) return row;
  }
  for (const MethodRow& row : kMethods) {
    if (row.receiver == receiver.type() && row.builtin.name == name) return &row;
  }
  for (const MethodRow& row : kUnsupportedMethods) {
    if (row.receiver == receiver.type() && row.builtin.name == name) return &row;
  }
  return nullptr;
}

}  // namespace lluda::jinja
