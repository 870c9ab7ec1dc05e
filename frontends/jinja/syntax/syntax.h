// A template as a tree.
//
//   {% if x %}a{{ x.y }}{% endif %}
//     kIf  branches: [{Name x, [kData "a", kOutput Attribute(Name x, "y")]}]
#ifndef LLUDA_FRONTENDS_JINJA_SYNTAX_SYNTAX_H_
#define LLUDA_FRONTENDS_JINJA_SYNTAX_SYNTAX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontends/jinja/value/value.h"

namespace lluda::jinja {

// From 1; columns count bytes.
struct Position {
  int line = 1;
  int column = 1;
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : uint8_t {
  kConstant,
  kName,
  kList,
  kTuple,
  kDict,                // items: key, value, key, value ...
  kNot,                 // items[0]
  kNegative,            // items[0]
  kPositive,            // items[0]
  kAnd,                 // items[0], items[1]
  kOr,                  // items[0], items[1]
  kBinary,              // items[0] name items[1]: + - * / // % **
  kCompare,             // items[0] operators[0] items[1] operators[1] items[2] ...
  kConcat,              // items, joined by ~
  kConditional,         // items[1] if items[0] else items[2], which may be null
  kAttribute,           // items[0].name
  kItem,                // items[0][items[1]]
  kSlice,               // items[0][items[1]:items[2]:items[3]], each but the first may be null
  kCall,                // items[0](arguments)
  kFilter,              // items[0] | name(arguments); items[0] is null in a filter block
  kTest,                // items[0] is name(arguments)
  kNamespaceAttribute,  // value.name as the target of an assignment: items[0] is a kName
};

// Of a call: f(1, a=2, *list, **mapping).
struct ArgumentList {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;         // or null
  ExprPtr double_star;  // or null
};

struct Expr {
  ExprKind kind;
  Position at;
  int height = 1;  // of the tree from here
  std::string name;
  Value value;  // of a constant
  std::vector<ExprPtr> items;
  std::vector<std::string_view> operators;
  ArgumentList arguments;
};

struct Stmt;
using StmtPtr = std::unique_ptr<Stmt>;
using Body = std::vector<StmtPtr>;

enum class StmtKind : uint8_t {
  kData,         // value
  kOutput,       // expr
  kIf,           // branches, otherwise
  kFor,          // target in expr if condition, body, otherwise
  kSet,          // target = expr
  kSetBlock,     // target, expr: a filter or null, body
  kWith,         // assignments, body
  kMacro,        // name, parameters, body
  kFilterBlock,  // expr: a filter, body
  kGeneration,   // body
  kBreak,
  kContinue,
};

struct Branch {
  ExprPtr condition;
  Body body;
};

struct Parameter {
  std::string name;
  ExprPtr default_value;  // or null
};

struct Stmt {
  StmtKind kind;
  Position at;
  std::string name;
  Value value;
  ExprPtr target;
  ExprPtr expr;
  ExprPtr condition;
  Body body;
  Body otherwise;
  std::vector<Branch> branches;
  std::vector<std::pair<ExprPtr, ExprPtr>> assignments;
  std::vector<Parameter> parameters;
  // Whether a macro's body speaks of them, and so takes arguments it does not name.
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_SYNTAX_SYNTAX_H_
