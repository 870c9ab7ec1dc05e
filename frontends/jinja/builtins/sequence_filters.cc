// The filters that go through a sequence.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "frontends/jinja/builtins/filter_tables.h"
#include "frontends/jinja/builtins/format.h"
#include "frontends/jinja/builtins/operators.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/python_text.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

bool IsGiven(const Value* value) { return value != nullptr && !value->is_none(); }
bool TruthOf(const Value* value, bool if_absent) {
  return value == nullptr ? if_absent : Truth(*value);
}

// What "a.b.0" means of an item; a number is an index.
absl::StatusOr<Value> AttributeOf(Machine* machine, Value item, const Value& path) {
  if (!path.is_string()) return GetItem(machine, item, path);
  for (const auto part : absl::StrSplit(path.bytes(), '.')) {
    machine->budget->ChargeParts(1);
    int64_t index = 0;
    const bool is_index = !part.empty() && absl::SimpleAtoi(part, &index) && part[0] != '-';
    ASSIGN_OR_RETURN(item, GetItem(machine, item,
                                   is_index ? Value::Int(index)
                                            : Value::String(std::string(part), Origin::kTemplate)));
  }
  return item;
}

// The item, or its attribute, as it is compared: texts in lower case unless case counts.
absl::StatusOr<Value> KeyOf(Machine* machine, const Value& item, const Value* attribute,
                            bool case_sensitive) {
  Value key = item;
  if (IsGiven(attribute)) {
    ASSIGN_OR_RETURN(key, AttributeOf(machine, item, *attribute));
  }
  if (case_sensitive || !key.is_string()) return key;
  machine->budget->ChargeBytes(key.bytes().size());
  return Value::String(ChangeCase(key.text(), Case::kLower));
}

// Sorts by keys of KeyOf; equal ones keep their order. Several attributes stand between commas.
absl::StatusOr<Value> SortBy(Machine* machine, std::vector<Value> items, const Value* attribute,
                             bool case_sensitive, bool reverse) {
  std::vector<Value> attributes;
  if (IsGiven(attribute) && attribute->is_string()) {
    for (const auto part : absl::StrSplit(attribute->bytes(), ',')) {
      attributes.push_back(Value::String(std::string(part), Origin::kTemplate));
    }
  } else {
    attributes.push_back(attribute == nullptr ? Value() : *attribute);
  }
  struct Entry {
    std::vector<Value> keys;
    Value item;
  };
  std::vector<Entry> entries;
  for (Value& item : items) {
    Entry entry;
    for (const Value& name : attributes) {
      ASSIGN_OR_RETURN(Value key, KeyOf(machine, item, &name, case_sensitive));
      entry.keys.push_back(std::move(key));
    }
    entry.item = std::move(item);
    entries.push_back(std::move(entry));
  }
  absl::Status status;
  const auto is_before = [&](const Entry& a, const Entry& b) {
    for (size_t i = 0; i < a.keys.size() && status.ok(); ++i) {
      if (Equals(a.keys[i], b.keys[i], machine->budget)) continue;
      const absl::StatusOr<int> order = Compare(a.keys[i], b.keys[i], machine->budget);
      if (!order.ok()) status = order.status();
      return order.ok() && (reverse ? *order > 0 : *order < 0);
    }
    return false;
  };
  std::stable_sort(entries.begin(), entries.end(), is_before);
  RETURN_IF_ERROR(status);
  for (size_t i = 0; i < entries.size(); ++i) items[i] = std::move(entries[i].item);
  return NewList(machine, std::move(items));
}

absl::StatusOr<Value> ListFilter(Machine* machine, const Value& subject, const Bound&) {
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(machine, subject));
  return NewList(machine, std::move(items));
}

Value Pair(Machine* machine, const Value& key, const Value& value) {
  return NewList(machine, {key, value}, ListKind::kTuple);
}

absl::StatusOr<Value> Items(Machine* machine, const Value& subject, const Bound&) {
  std::vector<Value> pairs;
  if (subject.is(Type::kDict)) {
    for (const auto& [key, value] : subject.dict()->entries()) {
      pairs.push_back(Pair(machine, key, value));
    }
  } else if (!subject.is_undefined()) {
    return absl::InvalidArgumentError("Can only get item pairs from a mapping.");
  }
  return NewList(machine, std::move(pairs), ListKind::kIterator);
}

absl::StatusOr<Value> DictSort(Machine* machine, const Value& subject, const Bound& bound) {
  if (!subject.is(Type::kDict)) {
    return absl::InvalidArgumentError(subject.is_undefined() ? subject.bytes()
                                                             : "dictsort takes a mapping");
  }
  const std::string by = bound[1] != nullptr && bound[1]->is_string() ? bound[1]->bytes() : "key";
  if (by != "key" && by != "value") {
    return absl::InvalidArgumentError("You can only sort by either \"key\" or \"value\"");
  }
  std::vector<Value> pairs;
  for (const auto& [key, value] : subject.dict()->entries()) {
    pairs.push_back(Pair(machine, key, value));
  }
  const Value index = Value::Int(by == "key" ? 0 : 1);
  return SortBy(machine, std::move(pairs), &index, TruthOf(bound[0], false),
                TruthOf(bound[2], false));
}

absl::StatusOr<Value> Sort(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(machine, subject));
  return SortBy(machine, std::move(items), bound[2], TruthOf(bound[1], false),
                TruthOf(bound[0], false));
}

absl::StatusOr<Value> Unique(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, subject));
  Dict seen;
  std::vector<Value> unique;
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(const Value key, KeyOf(machine, item, bound[1], TruthOf(bound[0], false)));
    if (key.is_string()) machine->budget->ChargeBytes(key.bytes().size());
    const size_t before = seen.size();
    RETURN_IF_ERROR(seen.Set(key, Value()));
    if (seen.size() > before) unique.push_back(item);
  }
  return NewList(machine, std::move(unique), ListKind::kIterator);
}

template <int wanted_order>
absl::StatusOr<Value> Extreme(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, subject));
  if (items.empty()) return Value::Undefined("No aggregated item, sequence was empty.");
  Value best = items[0], best_key;
  for (size_t i = 0; i < items.size(); ++i) {
    ASSIGN_OR_RETURN(Value key, KeyOf(machine, items[i], bound[1], TruthOf(bound[0], false)));
    if (i > 0) {
      ASSIGN_OR_RETURN(const int order, Compare(key, best_key, machine->budget));
      if (order * wanted_order <= 0) continue;
    }
    best = items[i];
    best_key = std::move(key);
  }
  return best;
}

absl::StatusOr<Value> Sum(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, subject));
  Value sum = bound[1] == nullptr ? Value::Int(0) : *bound[1];
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(const Value key, KeyOf(machine, item, bound[0], /*case_sensitive=*/true));
    ASSIGN_OR_RETURN(sum, Binary(machine, "+", sum, key));
    RETURN_IF_ERROR(machine->budget->Check());
  }
  return sum;
}

absl::StatusOr<Value> First(Machine* machine, const Value& subject, const Bound&) {
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, subject));
  if (items.empty()) return Value::Undefined("No first item, sequence was empty.");
  return items.front();
}

absl::StatusOr<Value> Last(Machine* machine, const Value& subject, const Bound&) {
  if (subject.is(Type::kList) && subject.list()->kind == ListKind::kIterator) {
    return absl::InvalidArgumentError("'generator' object is not reversible");
  }
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, subject));
  if (items.empty()) return Value::Undefined("No last item, sequence was empty.");
  return items.back();
}

absl::StatusOr<Value> Reverse(Machine* machine, const Value& subject, const Bound&) {
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(machine, subject));
  std::reverse(items.begin(), items.end());
  if (subject.is_string()) return JoinItems(machine, items, Text());
  return NewList(machine, std::move(items), ListKind::kIterator);
}

absl::StatusOr<Value> Join(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(machine, subject));
  Text separator;
  if (bound[0] != nullptr) {
    ASSIGN_OR_RETURN(separator, Str(*bound[0], machine->budget));
  }
  if (IsGiven(bound[1])) {
    for (Value& item : items) {
      ASSIGN_OR_RETURN(item, AttributeOf(machine, item, *bound[1]));
    }
  }
  return JoinItems(machine, items, separator);
}

absl::StatusOr<Value> MapAttribute(Machine* machine, const Value& subject,
                                   const Arguments& arguments) {
  const Value* attribute = nullptr;
  const Value* if_undefined = nullptr;
  for (const auto& [name, value] : arguments.named) {
    if (name != "attribute" && name != "default") {
      return absl::InvalidArgumentError(Concat("map has no argument '", name, "'"));
    }
    (name == "attribute" ? attribute : if_undefined) = &value;
  }
  if (attribute == nullptr) return absl::InvalidArgumentError("map lacks the name of a filter");
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(machine, subject));
  for (Value& item : items) {
    ASSIGN_OR_RETURN(item, AttributeOf(machine, item, *attribute));
    if (item.is_undefined() && if_undefined != nullptr) item = *if_undefined;
  }
  return NewList(machine, std::move(items), ListKind::kIterator);
}

absl::StatusOr<Value> Map(Machine* machine, const Value& subject, const Arguments& arguments) {
  if (arguments.positional.empty()) return MapAttribute(machine, subject, arguments);
  const Value& name = arguments.positional[0];
  const Builtin* filter = name.is_string() ? FindFilter(name.bytes()) : nullptr;
  if (filter == nullptr) return absl::InvalidArgumentError("map: there is no filter of that name");
  const Arguments rest = {{arguments.positional.begin() + 1, arguments.positional.end()},
                          arguments.named};
  ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(machine, subject));
  for (Value& item : items) {
    ASSIGN_OR_RETURN(item, CallBuiltin(*filter, machine, item, rest));
    RETURN_IF_ERROR(machine->budget->Check());
  }
  return NewList(machine, std::move(items), ListKind::kIterator);
}

// select, reject, selectattr and rejectattr.
template <bool by_attribute, bool wanted>
absl::StatusOr<Value> Select(Machine* machine, const Value& subject, const Arguments& arguments) {
  size_t used = by_attribute ? 1 : 0;
  if (arguments.positional.size() < used) {
    return absl::InvalidArgumentError("Missing parameter for attribute name");
  }
  const Builtin* test = nullptr;
  if (arguments.positional.size() > used) {
    const Value& name = arguments.positional[used++];
    test = name.is_string() ? FindTest(name.bytes()) : nullptr;
    if (test == nullptr) return absl::InvalidArgumentError("there is no test of that name");
  }
  const Arguments rest = {
      {arguments.positional.begin() + static_cast<ptrdiff_t>(used), arguments.positional.end()},
      arguments.named};
  ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, subject));
  std::vector<Value> selected;
  for (const Value& item : items) {
    Value tested = item;
    if (by_attribute) {
      ASSIGN_OR_RETURN(tested, AttributeOf(machine, item, arguments.positional[0]));
    }
    if (test != nullptr) {
      ASSIGN_OR_RETURN(tested, CallBuiltin(*test, machine, tested, rest));
    }
    RETURN_IF_ERROR(machine->budget->Check());
    if (Truth(tested) == wanted) selected.push_back(item);
  }
  return NewList(machine, std::move(selected), ListKind::kIterator);
}

constexpr Builtin kFilters[] = {
    {"dictsort", 0, {"case_sensitive", "by", "reverse"}, DictSort},
    {"first", 0, {}, First},
    {"items", 0, {}, Items},
    {"join", 0, {"d", "attribute"}, Join},
    {"last", 0, {}, Last},
    {"list", 0, {}, ListFilter},
    {"map", 0, {}, nullptr, Map},
    {"max", 0, {"case_sensitive", "attribute"}, Extreme<1>},
    {"min", 0, {"case_sensitive", "attribute"}, Extreme<-1>},
    {"reject", 0, {}, nullptr, Select<false, false>},
    {"rejectattr", 0, {}, nullptr, Select<true, false>},
    {"reverse", 0, {}, Reverse},
    {"select", 0, {}, nullptr, Select<false, true>},
    {"selectattr", 0, {}, nullptr, Select<true, true>},
    {"sort", 0, {"reverse", "case_sensitive", "attribute"}, Sort},
    {"sum", 0, {"attribute", "start"}, Sum},
    {"unique", 0, {"case_sensitive", "attribute"}, Unique},
};

}  // namespace

const Builtin* FindSequenceFilter(std::string_view name) {
  for (const Builtin& row : kFilters) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

absl::StatusOr<Value> JoinItems(Machine* machine, const std::vector<Value>& items,
                                const Text& separator) {
  Text text;
  for (size_t i = 0; i < items.size(); ++i) {
    machine->budget->ChargeBytes(separator.size());
    RETURN_IF_ERROR(machine->budget->Check());
    if (i > 0) text.Append(separator);
    ASSIGN_OR_RETURN(const Text part, Str(items[i], machine->budget));
    text.Append(part);
    if (text.size() > kMostTextBytes) break;  // an error of NewString
  }
  return NewString(machine, std::move(text));
}

}  // namespace lluda::jinja
