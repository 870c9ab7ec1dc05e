#include "frontends/jinja/value/value.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {

using tokenizer::Concat;

Value Value::Undefined(std::string message) {
  Value value = String(std::move(message), Origin::kTemplate);
  value.type_ = Type::kUndefined;
  return value;
}

Value Value::Bool(bool truth) {
  Value value = Int(truth ? 1 : 0);
  value.type_ = Type::kBool;
  return value;
}

Value Value::Int(int64_t number) {
  Value value;
  value.type_ = Type::kInt;
  value.int_ = number;
  return value;
}

Value Value::Float(double number) {
  Value value;
  value.type_ = Type::kFloat;
  value.float_ = number;
  return value;
}

Value Value::String(Text text) {
  Value value;
  value.type_ = Type::kString;
  value.text_ = std::make_shared<const Text>(std::move(text));
  return value;
}

namespace {

// Of a tuple that is a key; tuples of tuples could take for ever.
constexpr size_t kLongestKey = 1 << 16;

// Equal keys have equal names: 1, 1.0 and True are one key in Python.
std::optional<std::string> KeyName(const Value& key, int depth = 0) {
  switch (key.type()) {
    case Type::kString:
      return absl::StrCat("s", key.bytes());
    case Type::kNone:
      return "none";
    case Type::kBool:
    case Type::kInt:
      return absl::StrCat("n", key.as_int());
    case Type::kFloat: {
      const double value = key.as_double();
      const bool is_whole = std::abs(value) < 9e18 && value == std::floor(value);
      return is_whole ? absl::StrCat("n", static_cast<int64_t>(value))
                      : absl::StrCat("f", absl::Hex(absl::bit_cast<uint64_t>(value)));
    }
    case Type::kUndefined:
      return "undefined";
    case Type::kList: {
      if (key.list()->kind != ListKind::kTuple || depth > kMostDepth) return std::nullopt;
      std::string name = "(";
      for (const Value& item : key.list()->items) {
        const std::optional<std::string> part = KeyName(item, depth + 1);
        if (!part.has_value()) return std::nullopt;
        absl::StrAppend(&name, part->size(), ":", *part);
        if (name.size() > kLongestKey) return std::nullopt;
      }
      return name;
    }
    case Type::kDict:
      return std::nullopt;
    default:  // by identity
      return absl::StrCat("o", absl::Hex(reinterpret_cast<uintptr_t>(key.identity())));
  }
}

std::string TextKey(std::string_view key) { return Concat("s", key); }

}  // namespace

const Value* Dict::Find(const Value& key) const {
  const std::optional<std::string> name = KeyName(key);
  if (!name.has_value()) return nullptr;
  const auto found = index_.find(*name);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Value* Dict::Find(std::string_view key) const {
  const auto found = index_.find(TextKey(key));
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

absl::Status Dict::Set(const Value& key, Value value) {
  std::optional<std::string> name = KeyName(key);
  if (!name.has_value()) {
    return absl::InvalidArgumentError(Concat("unhashable type: '", TypeName(key), "'"));
  }
  SetAt(*std::move(name), key, std::move(value));
  return absl::OkStatus();
}

void Dict::Set(std::string_view key, Value value) {
  SetAt(TextKey(key), Value::String(std::string(key), Origin::kTemplate), std::move(value));
}

void Dict::SetAt(std::string key, const Value& key_value, Value value) {
  const auto [at, is_new] = index_.emplace(std::move(key), entries_.size());
  if (is_new) {
    entries_.emplace_back(key_value, std::move(value));
  } else {
    entries_[at->second].second = std::move(value);
  }
}

std::optional<Value> Dict::Remove(const Value& key) {
  const std::optional<std::string> name = KeyName(key);
  const auto found = name.has_value() ? index_.find(*name) : index_.end();
  if (found == index_.end()) return std::nullopt;
  const size_t at = found->second;
  Value value = std::move(entries_[at].second);
  index_.erase(found);
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(at));
  for (auto& [other, place] : index_) {
    if (place > at) --place;
  }
  return value;
}

Heap::Heap() = default;
Heap::~Heap() = default;

List* Heap::NewList(ListKind kind) {
  lists_.emplace_back().kind = kind;
  return &lists_.back();
}
Dict* Heap::NewDict() { return &dicts_.emplace_back(); }
Macro* Heap::NewMacro() { return &macros_.emplace_back(); }
Method* Heap::NewMethod() { return &methods_.emplace_back(); }
LoopState* Heap::NewLoop() { return &loops_.emplace_back(); }
Scope* Heap::NewScope(Scope* parent) {
  scopes_.emplace_back().parent = parent;
  return &scopes_.back();
}

std::string_view TypeName(const Value& value) {
  constexpr std::string_view kListNames[] = {"list",        "tuple",      "range",    "dict_keys",
                                             "dict_values", "dict_items", "generator"};
  switch (value.type()) {
    case Type::kUndefined:
      return "Undefined";
    case Type::kNone:
      return "NoneType";
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kFloat:
      return "float";
    case Type::kString:
      return "str";
    case Type::kList:
      return kListNames[static_cast<int>(value.list()->kind)];
    case Type::kDict:
      return "dict";
    case Type::kNamespace:
      return "Namespace";
    case Type::kMacro:
      return "Macro";
    case Type::kMethod:
      return "method";
    case Type::kFunction:
      return "function";
    case Type::kLoop:
      return "LoopContext";
  }
  return "";
}

bool Truth(const Value& value) {
  switch (value.type()) {
    case Type::kUndefined:
    case Type::kNone:
      return false;
    case Type::kBool:
    case Type::kInt:
      return value.as_int() != 0;
    case Type::kFloat:
      return value.as_double() != 0;
    case Type::kString:
      return !value.bytes().empty();
    case Type::kList:
      return !value.list()->has_length() || !value.list()->items.empty();
    case Type::kDict:
      return value.dict()->size() != 0;
    default:
      return true;
  }
}

namespace {

bool EqualsAt(const Value& a, const Value& b, int depth, Budget* budget) {
  budget->ChargeParts(1);
  if (budget->spent()) return false;
  if (a.is_number() && b.is_number()) {
    if (a.is_integer() && b.is_integer()) return a.as_int() == b.as_int();
    return a.as_double() == b.as_double();
  }
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Type::kUndefined:
    case Type::kNone:
      return true;
    case Type::kString:
      budget->ChargeBytes(a.bytes().size());
      return a.bytes() == b.bytes();
    case Type::kList: {
      if (a.identity() == b.identity()) return true;
      const List& x = *a.list();
      const List& y = *b.list();
      if (x.kind != y.kind || !x.has_length() || x.items.size() != y.items.size()) return false;
      if (depth > kMostDepth) return false;
      return std::equal(
          x.items.begin(), x.items.end(), y.items.begin(),
          [&](const Value& p, const Value& q) { return EqualsAt(p, q, depth + 1, budget); });
    }
    case Type::kDict: {
      if (a.identity() == b.identity()) return true;
      if (a.dict()->size() != b.dict()->size() || depth > kMostDepth) return false;
      for (const auto& [key, value] : a.dict()->entries()) {
        const Value* other = b.dict()->Find(key);
        if (other == nullptr || !EqualsAt(value, *other, depth + 1, budget)) return false;
      }
      return true;
    }
    case Type::kMethod:
      return a.method()->row == b.method()->row &&
             EqualsAt(a.method()->receiver, b.method()->receiver, depth + 1, budget);
    default:
      return a.identity() == b.identity();
  }
}

template <typename T>
int Order(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

absl::StatusOr<int> CompareAt(const Value& a, const Value& b, int depth, Budget* budget) {
  budget->ChargeParts(1);
  for (const Value* side : {&a, &b}) {
    if (side->is_undefined()) return absl::InvalidArgumentError(side->bytes());
  }
  if (a.is_integer() && b.is_integer()) return Order(a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return Order(a.as_double(), b.as_double());
  // UTF-8 sorts as its code points do.
  if (a.is_string() && b.is_string()) {
    budget->ChargeBytes(std::min(a.bytes().size(), b.bytes().size()));
    return Order(a.bytes(), b.bytes());
  }
  const auto is_list = [](const Value& value) {
    return value.is(Type::kList) && value.list()->kind <= ListKind::kTuple;
  };
  if (is_list(a) && is_list(b) && a.list()->kind == b.list()->kind && depth <= kMostDepth) {
    const std::vector<Value>& x = a.list()->items;
    const std::vector<Value>& y = b.list()->items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (EqualsAt(x[i], y[i], depth + 1, budget)) continue;
      return CompareAt(x[i], y[i], depth + 1, budget);
    }
    return Order(x.size(), y.size());
  }
  return absl::InvalidArgumentError(
      Concat("'", TypeName(a), "' and '", TypeName(b), "' cannot be put in order"));
}

}  // namespace

bool CanBeKey(const Value& value, Budget* budget) {
  if (value.is_string()) budget->ChargeBytes(value.bytes().size());
  return value.is_string() || KeyName(value).has_value();
}

bool Equals(const Value& a, const Value& b, Budget* budget) { return EqualsAt(a, b, 0, budget); }

absl::StatusOr<int> Compare(const Value& a, const Value& b, Budget* budget) {
  return CompareAt(a, b, 0, budget);
}

}  // namespace lluda::jinja
