// Computes expressions. The statements around them are the renderer's, which it asks for macros.
#ifndef LLUDA_FRONTENDS_JINJA_EVALUATOR_H_
#define LLUDA_FRONTENDS_JINJA_EVALUATOR_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/jinja/builtins/builtin.h"
#include "frontends/jinja/syntax/syntax.h"

namespace lluda::jinja {

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  absl::StatusOr<Value> Evaluate(const Expr& expr, Scope* scope);

 protected:
  // `name` is how errors call the template.
  Evaluator(const std::string* name, Machine* machine) : machine_(machine), name_(*name) {}

  virtual absl::StatusOr<Value> CallMacro(const Macro& macro, const Arguments& arguments,
                                          Position at) = 0;

  // A filter of a filter block or a set block: the first of the chain gets `subject`.
  absl::StatusOr<Value> ApplyFilters(const Expr& filters, const Value& subject, Scope* scope);

  // Counts levels of expressions, statements and macros while it lives.
  class Frame {
   public:
    explicit Frame(int* frames) : frames_(frames) { ++*frames_; }
    ~Frame() { --*frames_; }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    int* frames_;
  };
  // ResourceExhausted when there are too many levels, or steps.
  absl::Status CheckLimits(Position at) const;
  int frames_ = 0;

  absl::Status Error(Position at, std::string_view reason) const;
  // The error of a builtin, with its place.
  absl::Status Located(Position at, const absl::Status& status) const;

  Machine* const machine_;

 private:
  using Handler = absl::StatusOr<Value> (Evaluator::*)(const Expr& expr, Scope* scope);
  static Handler HandlerOf(ExprKind kind);

  absl::StatusOr<Value> Constant(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Name(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Sequence(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> DictLiteral(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Not(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Sign(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Logical(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> BinaryOperation(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Comparison(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Concat(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Conditional(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Attribute(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Item(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> SliceOf(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Call(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Filter(const Expr& expr, Scope* scope);
  absl::StatusOr<Value> Test(const Expr& expr, Scope* scope);

  absl::StatusOr<Value> ApplyFilter(const Expr& filter, const Value& subject, Scope* scope);
  absl::StatusOr<Arguments> EvaluateArguments(const Expr& expr, Scope* scope);

  const std::string& name_;
};

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_EVALUATOR_H_
