// The functions that every template can call.
#include <ctime>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/jinja/builtins/builtin.h"
#include "frontends/jinja/builtins/format.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

constexpr size_t kLongestTime = 4096;

absl::StatusOr<Value> Range(Machine* machine, const Value&, const Arguments& arguments) {
  if (!arguments.named.empty()) {
    return absl::InvalidArgumentError("range() takes no keyword arguments");
  }
  const size_t count = arguments.positional.size();
  if (count == 0 || count > 3) {
    return absl::InvalidArgumentError(Concat("range takes 1 to 3 arguments, not ", count));
  }
  int64_t numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(numbers[count == 1 ? 1 : i],
                     IntegerOf(arguments.positional[i], "an argument of range"));
  }
  const auto [begin, end, step] = numbers;
  if (step == 0) return absl::InvalidArgumentError("range() arg 3 must not be zero");
  const __int128 distance =
      step > 0 ? static_cast<__int128>(end) - begin : static_cast<__int128>(begin) - end;
  const __int128 stride = step > 0 ? static_cast<__int128>(step) : -static_cast<__int128>(step);
  const __int128 length = distance <= 0 ? 0 : (distance + stride - 1) / stride;
  if (length > kLongestRange) {
    return absl::ResourceExhaustedError(
        Concat("a range has more than ", kLongestRange, " numbers"));
  }
  std::vector<Value> items;
  for (int64_t i = 0; i < static_cast<int64_t>(length); ++i) {
    items.push_back(Value::Int(begin + i * step));
  }
  return NewList(machine, std::move(items), ListKind::kRange);
}

// The arguments of dict() and namespace(): a mapping or pairs, and names.
absl::StatusOr<Dict*> DictOf(Machine* machine, const Arguments& arguments) {
  if (arguments.positional.size() > 1) {
    return absl::InvalidArgumentError("dict expected at most 1 argument");
  }
  Dict* dict = machine->heap->NewDict();
  for (const Value& value : arguments.positional) {
    if (value.is(Type::kDict)) {
      for (const auto& [key, item] : value.dict()->entries()) {
        RETURN_IF_ERROR(dict->Set(key, item));
      }
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<Value> pairs, ItemsOf(machine, value));
    for (const Value& pair : pairs) {
      ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(machine, pair));
      if (items.size() != 2) return absl::InvalidArgumentError("dict takes pairs");
      RETURN_IF_ERROR(dict->Set(items[0], items[1]));
    }
  }
  for (const auto& [name, value] : arguments.named) dict->Set(name, value);
  machine->budget->ChargeParts((1 + dict->size()) * kPartsPerEntry);
  return dict;
}

absl::StatusOr<Value> MakeDict(Machine* machine, const Value&, const Arguments& arguments) {
  ASSIGN_OR_RETURN(Dict * dict, DictOf(machine, arguments));
  return Value::Of(dict);
}

absl::StatusOr<Value> MakeNamespace(Machine* machine, const Value&, const Arguments& arguments) {
  ASSIGN_OR_RETURN(Dict * dict, DictOf(machine, arguments));
  return Value::Namespace(dict);
}

absl::StatusOr<Value> RaiseException(Machine* machine, const Value&, const Bound& bound) {
  ASSIGN_OR_RETURN(const Text text, Str(*bound[0], machine->budget));
  return absl::FailedPreconditionError(text.bytes());
}

absl::StatusOr<Value> StrftimeNow(Machine* machine, const Value&, const Bound& bound) {
  if (!bound[0]->is_string()) {
    return absl::InvalidArgumentError("the format of strftime_now is not a text");
  }
  const std::string& format = bound[0]->bytes();
  if (format.size() > kLongestTime / 4) {
    return absl::InvalidArgumentError("the format of strftime_now is too long");
  }
  std::string text(kLongestTime, '\0');
  text.resize(std::strftime(text.data(), text.size(), format.c_str(), &machine->now));
  return NewString(machine, Text(base::ReplaceInvalidUtf8(text), Origin::kTemplate));
}

constexpr FunctionRow kFunctions[] = {
    {{"cycler", 0, {}, nullptr}},  // these are defined in Jinja2, and refused when they are called
    {{"joiner", 0, {}, nullptr}},
    {{"lipsum", 0, {}, nullptr}},
    {{"dict", 0, {}, nullptr, MakeDict}},
    {{"namespace", 0, {}, nullptr, MakeNamespace}},
    {{"raise_exception", 1, {"message"}, RaiseException}},
    {{"range", 0, {}, nullptr, Range}},
    {{"strftime_now", 1, {"format"}, StrftimeNow}},
};

}  // namespace

const FunctionRow* FindFunction(std::string_view name) {
  for (const FunctionRow& row : kFunctions) {
    if (row.builtin.name == name) return &row;
  }
  return nullptr;
}

}  // namespace lluda::jinja
