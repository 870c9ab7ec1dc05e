// What filters, tests, methods and functions have in common: a name, parameters, and a C++ function
// behind it. Each kind is a table of rows.
//
//   {"indent", 0, {"width", "first", "blank"}, Indent},
//   absl::StatusOr<Value> text = CallBuiltin(*FindFilter("indent"), &machine, subject, arguments);
//
// Their errors say only what is wrong; the renderer adds the place.
#ifndef LLUDA_FRONTENDS_JINJA_BUILTINS_BUILTIN_H_
#define LLUDA_FRONTENDS_JINJA_BUILTINS_BUILTIN_H_

#include <array>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/jinja/value/budget.h"
#include "frontends/jinja/value/value.h"

namespace lluda::jinja {

// What a rendering works with.
struct Machine {
  Heap* heap;
  Budget* budget;
  std::tm now;  // local time, for strftime_now
};

// Of a call, evaluated.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

inline constexpr size_t kMostParameters = 4;
// By the row's parameters; null where none was given.
using Bound = std::array<const Value*, kMostParameters>;

// `subject` is what a filter or test is applied to, the receiver of a method; None for a function.
using Apply = absl::StatusOr<Value> (*)(Machine* machine, const Value& subject, const Bound& bound);
// The same with whatever arguments.
using ApplyAny = absl::StatusOr<Value> (*)(Machine* machine, const Value& subject,
                                           const Arguments& arguments);

struct Builtin {
  std::string_view name;
  size_t required;
  std::array<std::string_view, kMostParameters> parameters;
  Apply apply;  // null, and no other: Python or Jinja2 has it, and it is not supported
  ApplyAny apply_any = nullptr;  // used instead, if there is one
};

struct MethodRow {
  Type receiver;
  Builtin builtin;
};

struct FunctionRow {
  Builtin builtin;
};

// nullptr if there is none.
const Builtin* FindFilter(std::string_view name);
const Builtin* FindTest(std::string_view name);
const MethodRow* FindMethod(const Value& receiver, std::string_view name);
const FunctionRow* FindFunction(std::string_view name);

// InvalidArgument for arguments that do not fit, Unimplemented for what is not supported.
absl::StatusOr<Value> CallBuiltin(const Builtin& builtin, Machine* machine, const Value& subject,
                                  const Arguments& arguments);

// ---- helpers of rows ----

// What a loop over the value goes through: items, keys, characters. An iterator is empty after it.
absl::StatusOr<std::vector<Value>> ItemsOf(Machine* machine, const Value& value);
// A list of the kind, of these items.
Value NewList(Machine* machine, std::vector<Value> items, ListKind kind = ListKind::kList);
// InvalidArgument unless the argument is an integer.
absl::StatusOr<int64_t> IntegerOf(const Value& value, std::string_view what);
// A text no longer than kMostTextBytes, charged for.
absl::StatusOr<Value> NewString(Machine* machine, Text text);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_BUILTINS_BUILTIN_H_
