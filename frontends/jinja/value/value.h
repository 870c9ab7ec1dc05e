// What a template computes with: JSON's values, and what Python has beside them. Values behave as
// Python's do.
//
//   Heap heap;
//   Dict* message = heap.NewDict();
//   message->Set("role", Value::String("user", Origin::kTemplate));
//   message->Set("content", Value::String(input, Origin::kUser));
//   Value value = Value::Of(message);
//
// Lists, mappings and all that has an identity belong to a Heap, which frees them at its end: they
// may refer to one another in circles. Texts are shared and never changed.
#ifndef LLUDA_FRONTENDS_JINJA_VALUE_VALUE_H_
#define LLUDA_FRONTENDS_JINJA_VALUE_VALUE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "frontends/jinja/value/budget.h"
#include "frontends/jinja/value/text.h"

namespace lluda::jinja {

struct List;
class Dict;
struct Macro;
struct Method;
struct LoopState;
struct FunctionRow;

enum class Type : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kDict,
  kNamespace,
  kMacro,
  kMethod,
  kFunction,
  kLoop,
};

class Value {
 public:
  Value() : type_(Type::kNone) {}  // None
  // `message` is what an attempt to use it says.
  static Value Undefined(std::string message);
  static Value Bool(bool value);
  static Value Int(int64_t value);
  static Value Float(double value);
  static Value String(Text text);
  static Value String(std::string bytes, Origin origin) {
    return String(Text(std::move(bytes), origin));
  }
  static Value Of(List* list) { return Value(Type::kList, list); }
  static Value Of(Dict* dict) { return Value(Type::kDict, dict); }
  static Value Namespace(Dict* dict) { return Value(Type::kNamespace, dict); }
  static Value Of(Macro* macro) { return Value(Type::kMacro, macro); }
  static Value Of(Method* method) { return Value(Type::kMethod, method); }
  static Value Of(LoopState* loop) { return Value(Type::kLoop, loop); }
  static Value Of(const FunctionRow* row) {
    return Value(Type::kFunction, const_cast<FunctionRow*>(row));
  }

  Type type() const { return type_; }
  bool is(Type type) const { return type_ == type; }
  bool is_undefined() const { return type_ == Type::kUndefined; }
  bool is_none() const { return type_ == Type::kNone; }
  bool is_string() const { return type_ == Type::kString; }
  // Python's bool is an int.
  bool is_integer() const { return type_ == Type::kInt || type_ == Type::kBool; }
  bool is_number() const { return is_integer() || type_ == Type::kFloat; }

  // Each for a value of that type alone.
  bool as_bool() const { return int_ != 0; }
  int64_t as_int() const { return int_; }  // of a bool, too
  double as_double() const { return type_ == Type::kFloat ? float_ : static_cast<double>(int_); }
  const Text& text() const { return *text_; }  // of an undefined value, its message
  const std::string& bytes() const { return text_->bytes(); }
  List* list() const { return static_cast<List*>(object_); }
  Dict* dict() const { return static_cast<Dict*>(object_); }  // of a namespace, too
  Macro* macro() const { return static_cast<Macro*>(object_); }
  Method* method() const { return static_cast<Method*>(object_); }
  LoopState* loop() const { return static_cast<LoopState*>(object_); }
  const FunctionRow* function() const { return static_cast<const FunctionRow*>(object_); }
  const void* identity() const { return object_; }

 private:
  Value(Type type, void* object) : type_(type), object_(object) {}

  Type type_;
  union {
    int64_t int_ = 0;
    double float_;
    void* object_;
  };
  std::shared_ptr<const Text> text_;
};

// What Python makes of a sequence, as far as templates can tell.
enum class ListKind : uint8_t { kList, kTuple, kRange, kKeys, kValues, kItems, kIterator };

struct List {
  ListKind kind = ListKind::kList;
  std::vector<Value> items;

  bool can_be_indexed() const { return kind <= ListKind::kRange; }
  bool has_length() const { return kind != ListKind::kIterator; }
};

// Keeps the order in which keys came.
class Dict {
 public:
  // nullptr if there is none, or if the key cannot be one.
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  // InvalidArgument for a key that Python cannot hash.
  absl::Status Set(const Value& key, Value value);
  void Set(std::string_view key, Value value);
  // Takes time in the number of entries.
  std::optional<Value> Remove(const Value& key);

  const std::vector<std::pair<Value, Value>>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }

 private:
  void SetAt(std::string key, const Value& key_value, Value value);

  std::vector<std::pair<Value, Value>> entries_;
  absl::flat_hash_map<std::string, size_t> index_;
};

// The variables of a macro, a round of a loop, or the template.
struct Scope {
  Scope* parent = nullptr;
  absl::flat_hash_map<std::string, Value> variables;
};

// Owns what values refer to.
class Heap {
 public:
  List* NewList(ListKind kind = ListKind::kList);
  Dict* NewDict();
  Macro* NewMacro();
  Method* NewMethod();
  LoopState* NewLoop();
  Scope* NewScope(Scope* parent);

  Heap();
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

 private:
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Macro> macros_;
  std::deque<Method> methods_;
  std::deque<LoopState> loops_;
  std::deque<Scope> scopes_;
};

// "str", "dict", "NoneType": what Python calls the type.
std::string_view TypeName(const Value& value);

bool Truth(const Value& value);

// Python's ==. False where lists are nested too deeply, and once the budget is spent.
bool Equals(const Value& a, const Value& b, Budget* budget);

// Whether a mapping can have it for a key: Python's "hashable". Charges for looking it up.
bool CanBeKey(const Value& value, Budget* budget);

// Negative, 0 or positive, as a is less than, equal to or greater than b; numbers, texts, and lists
// of them. InvalidArgument for others. NaN is equal to all, which Python's is not.
absl::StatusOr<int> Compare(const Value& a, const Value& b, Budget* budget);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_VALUE_VALUE_H_
