// Python's operators, and how Jinja2 looks into a value.
//
//   Binary(&machine, "+", Value::Int(1), Value::Int(2))   == 3
//   GetAttribute(&machine, message, "content")            // message.content
#ifndef LLUDA_FRONTENDS_JINJA_BUILTINS_OPERATORS_H_
#define LLUDA_FRONTENDS_JINJA_BUILTINS_OPERATORS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "frontends/jinja/builtins/builtin.h"
#include "frontends/jinja/value/value.h"

namespace lluda::jinja {

// One of + - * / // % **. Integers have 64 bits: InvalidArgument for a result that has more, and
// for operands that Python refuses.
absl::StatusOr<Value> Binary(Machine* machine, std::string_view op, const Value& a, const Value& b);
absl::StatusOr<Value> Negate(const Value& value);

// One of == != < <= > >= in, and "not in".
absl::StatusOr<bool> CompareBy(Machine* machine, std::string_view op, const Value& a,
                               const Value& b);

// value.name: a method or property, else the item of that key; undefined if there is none.
absl::StatusOr<Value> GetAttribute(Machine* machine, const Value& value, const std::string& name);
// value[key]: the item, else the attribute of that name; undefined if there is none.
absl::StatusOr<Value> GetItem(Machine* machine, const Value& value, const Value& key);

// value[begin:end:step]; each may be None.
absl::StatusOr<Value> Slice(Machine* machine, const Value& value, const Value& begin,
                            const Value& end, const Value& step);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_BUILTINS_OPERATORS_H_
