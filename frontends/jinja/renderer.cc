#include "frontends/jinja/renderer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/jinja/builtins/format.h"
#include "frontends/jinja/evaluator.h"
#include "frontends/jinja/syntax/lexer.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

class Renderer : public Evaluator {
 public:
  Renderer(const std::string* name, Machine* machine) : Evaluator(name, machine) {}

  absl::StatusOr<Text> Render(const Body& body, Scope* scope) {
    Text text;
    out_ = &text;
    RETURN_IF_ERROR(Run(body, scope));
    return text;
  }

 private:
  // How a statement ends: kBreak and kContinue go on up to the loop around it.
  enum class Flow : uint8_t { kNext, kBreak, kContinue };
  using Handler = absl::StatusOr<Flow> (Renderer::*)(const Stmt& statement, Scope* scope);

  static Handler HandlerOf(StmtKind kind) {
    switch (kind) {
      case StmtKind::kData:
        return &Renderer::RunData;
      case StmtKind::kOutput:
        return &Renderer::RunOutput;
      case StmtKind::kIf:
        return &Renderer::RunIf;
      case StmtKind::kFor:
        return &Renderer::RunFor;
      case StmtKind::kSet:
        return &Renderer::RunSet;
      case StmtKind::kSetBlock:
        return &Renderer::RunSetBlock;
      case StmtKind::kWith:
        return &Renderer::RunWith;
      case StmtKind::kMacro:
        return &Renderer::RunMacro;
      case StmtKind::kFilterBlock:
        return &Renderer::RunFilterBlock;
      case StmtKind::kGeneration:
        return &Renderer::RunGeneration;
      case StmtKind::kBreak:
        return &Renderer::RunBreak;
      case StmtKind::kContinue:
        return &Renderer::RunContinue;
    }
    return nullptr;
  }

  absl::StatusOr<Flow> Run(const Body& body, Scope* scope) {
    const Frame frame(&frames_);
    for (const StmtPtr& statement : body) {
      machine_->budget->ChargeStep();
      RETURN_IF_ERROR(CheckLimits(statement->at));
      ASSIGN_OR_RETURN(const Flow flow, (this->*HandlerOf(statement->kind))(*statement, scope));
      if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
  }

  absl::Status Write(const Text& text, Position at) {
    machine_->budget->ChargeBytes(text.size());
    out_->Append(text);
    if (out_->size() <= kMostTextBytes) return absl::OkStatus();
    return Located(at, absl::ResourceExhaustedError(
                           absl::StrCat("the output has more than ", kMostTextBytes, " bytes")));
  }

  absl::StatusOr<Flow> RunData(const Stmt& statement, Scope*) {
    RETURN_IF_ERROR(Write(statement.value.text(), statement.at));
    return Flow::kNext;
  }

  absl::StatusOr<Flow> RunOutput(const Stmt& statement, Scope* scope) {
    ASSIGN_OR_RETURN(const Value value, Evaluate(*statement.expr, scope));
    if (value.is_string()) {
      RETURN_IF_ERROR(Write(value.text(), statement.at));
      return Flow::kNext;
    }
    const absl::StatusOr<Text> text = Str(value, machine_->budget);
    if (!text.ok()) return Located(statement.at, text.status());
    RETURN_IF_ERROR(Write(*text, statement.at));
    return Flow::kNext;
  }

  absl::StatusOr<Flow> RunIf(const Stmt& statement, Scope* scope) {
    for (const Branch& branch : statement.branches) {
      ASSIGN_OR_RETURN(const Value condition, Evaluate(*branch.condition, scope));
      if (Truth(condition)) return Run(branch.body, scope);
    }
    return Run(statement.otherwise, scope);
  }

  // ---- loops ----

  absl::StatusOr<Flow> RunFor(const Stmt& statement, Scope* scope) {
    ASSIGN_OR_RETURN(const Value iterated, Evaluate(*statement.expr, scope));
    absl::StatusOr<std::vector<Value>> items = ItemsOf(machine_, iterated);
    if (!items.ok()) return Located(statement.expr->at, items.status());
    if (statement.condition != nullptr) {
      RETURN_IF_ERROR(Filter(statement, scope, &*items));
    }
    if (items->empty()) return Run(statement.otherwise, NewScope(scope));
    LoopState* loop = machine_->heap->NewLoop();
    loop->items = *std::move(items);
    Scope* round = NewScope(scope);
    for (size_t i = 0; i < loop->items.size(); ++i) {
      machine_->budget->ChargeStep();
      RETURN_IF_ERROR(CheckLimits(statement.at));
      loop->index = static_cast<int64_t>(i);
      round->variables.clear();
      round->variables["loop"] = Value::Of(loop);
      RETURN_IF_ERROR(Assign(*statement.target, loop->items[i], round));
      ASSIGN_OR_RETURN(const Flow flow, Run(statement.body, round));
      if (flow == Flow::kBreak) break;
    }
    return Flow::kNext;
  }

  // Keeps the items for which the loop's condition holds.
  absl::Status Filter(const Stmt& statement, Scope* scope, std::vector<Value>* items) {
    Scope* round = NewScope(scope);
    std::vector<Value> kept;
    for (Value& item : *items) {
      machine_->budget->ChargeStep();
      round->variables.clear();
      RETURN_IF_ERROR(Assign(*statement.target, item, round));
      ASSIGN_OR_RETURN(const Value condition, Evaluate(*statement.condition, round));
      if (Truth(condition)) kept.push_back(std::move(item));
    }
    *items = std::move(kept);
    return absl::OkStatus();
  }

  absl::StatusOr<Flow> RunBreak(const Stmt&, Scope*) { return Flow::kBreak; }
  absl::StatusOr<Flow> RunContinue(const Stmt&, Scope*) { return Flow::kContinue; }

  // ---- variables ----

  Scope* NewScope(Scope* parent) {
    machine_->budget->ChargeStep();
    return machine_->heap->NewScope(parent);
  }

  absl::Status Assign(const Expr& target, const Value& value, Scope* scope) {
    if (target.kind == ExprKind::kName) {
      scope->variables[target.name] = value;
      return absl::OkStatus();
    }
    if (target.kind == ExprKind::kNamespaceAttribute) {
      ASSIGN_OR_RETURN(const Value owner, Evaluate(*target.items[0], scope));
      if (!owner.is(Type::kNamespace)) {
        return Error(target.at, "cannot assign attribute on non-namespace object");
      }
      owner.dict()->Set(target.name, value);
      return absl::OkStatus();
    }
    const absl::StatusOr<std::vector<Value>> items = ItemsOf(machine_, value);
    if (!items.ok()) return Located(target.at, items.status());
    if (items->size() != target.items.size()) {
      return Error(target.at, absl::StrCat(items->size(), " values cannot be unpacked to ",
                                           target.items.size(), " names"));
    }
    for (size_t i = 0; i < items->size(); ++i) {
      RETURN_IF_ERROR(Assign(*target.items[i], (*items)[i], scope));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Flow> RunSet(const Stmt& statement, Scope* scope) {
    ASSIGN_OR_RETURN(const Value value, Evaluate(*statement.expr, scope));
    RETURN_IF_ERROR(Assign(*statement.target, value, scope));
    return Flow::kNext;
  }

  absl::StatusOr<Flow> RunWith(const Stmt& statement, Scope* scope) {
    Scope* inner = NewScope(scope);
    for (const auto& [target, expr] : statement.assignments) {
      ASSIGN_OR_RETURN(const Value value, Evaluate(*expr, scope));
      RETURN_IF_ERROR(Assign(*target, value, inner));
    }
    return Run(statement.body, inner);
  }

  // ---- bodies that become values ----

  // What the body writes. `*flow` tells how it ended.
  absl::StatusOr<Value> Capture(const Body& body, Scope* scope, Position at, Flow* flow) {
    Text text;
    Text* const outer = std::exchange(out_, &text);
    absl::StatusOr<Flow> ended = Run(body, scope);
    out_ = outer;
    ASSIGN_OR_RETURN(*flow, std::move(ended));
    absl::StatusOr<Value> value = NewString(machine_, std::move(text));
    if (!value.ok()) return Located(at, value.status());
    return value;
  }

  absl::StatusOr<Flow> RunSetBlock(const Stmt& statement, Scope* scope) {
    Flow flow = Flow::kNext;
    ASSIGN_OR_RETURN(Value value, Capture(statement.body, NewScope(scope), statement.at, &flow));
    if (statement.expr != nullptr) {
      ASSIGN_OR_RETURN(value, ApplyFilters(*statement.expr, value, scope));
    }
    RETURN_IF_ERROR(Assign(*statement.target, value, scope));
    return flow;
  }

  absl::StatusOr<Flow> RunFilterBlock(const Stmt& statement, Scope* scope) {
    Flow flow = Flow::kNext;
    ASSIGN_OR_RETURN(const Value value,
                     Capture(statement.body, NewScope(scope), statement.at, &flow));
    ASSIGN_OR_RETURN(const Value filtered, ApplyFilters(*statement.expr, value, scope));
    const absl::StatusOr<Text> text = Str(filtered, machine_->budget);
    if (!text.ok()) return Located(statement.at, text.status());
    RETURN_IF_ERROR(Write(*text, statement.at));
    return flow;
  }

  absl::StatusOr<Flow> RunGeneration(const Stmt& statement, Scope* scope) {
    return Run(statement.body, NewScope(scope));
  }

  // ---- macros ----

  absl::StatusOr<Flow> RunMacro(const Stmt& statement, Scope* scope) {
    Macro* macro = machine_->heap->NewMacro();
    macro->definition = &statement;
    macro->scope = scope;
    scope->variables[statement.name] = Value::Of(macro);
    return Flow::kNext;
  }

  absl::StatusOr<Value> CallMacro(const Macro& macro, const Arguments& arguments,
                                  Position at) override {
    const Stmt& definition = *macro.definition;
    Scope* scope = NewScope(macro.scope);
    RETURN_IF_ERROR(BindArguments(definition, arguments, at, scope));
    const Frame frame(&calls_);
    if (calls_ > kMostDepth) {
      return Located(at, absl::ResourceExhaustedError(absl::StrCat(
                             "macros call one another deeper than ", kMostDepth, " levels")));
    }
    for (const Parameter& parameter : definition.parameters) {
      if (scope->variables.contains(parameter.name)) continue;
      Value value =
          Value::Undefined(absl::StrCat("parameter '", parameter.name, "' was not provided"));
      if (parameter.default_value != nullptr) {
        ASSIGN_OR_RETURN(value, Evaluate(*parameter.default_value, scope));
      }
      scope->variables[parameter.name] = std::move(value);
    }
    Flow flow = Flow::kNext;
    return Capture(definition.body, scope, at, &flow);
  }

  absl::Status BindArguments(const Stmt& definition, const Arguments& arguments, Position at,
                             Scope* scope) {
    const size_t count = definition.parameters.size();
    std::vector<Value> others;
    for (size_t i = 0; i < arguments.positional.size(); ++i) {
      if (i < count) {
        scope->variables[definition.parameters[i].name] = arguments.positional[i];
      } else {
        others.push_back(arguments.positional[i]);
      }
    }
    if (!others.empty() && !definition.uses_varargs) {
      return Error(at, absl::StrCat("macro '", definition.name, "' takes not more than ", count,
                                    " arguments"));
    }
    Dict* named = machine_->heap->NewDict();
    for (const auto& [name, value] : arguments.named) {
      if (scope->variables.contains(name)) {
        return Error(at,
                     absl::StrCat("macro '", definition.name, "' got argument '", name, "' twice"));
      }
      if (HasParameter(definition, name)) {
        scope->variables[name] = value;
      } else if (definition.uses_kwargs) {
        named->Set(name, value);
      } else {
        return Error(at,
                     absl::StrCat("macro '", definition.name, "' takes no argument '", name, "'"));
      }
    }
    if (definition.uses_varargs) {
      scope->variables["varargs"] = NewList(machine_, std::move(others), ListKind::kTuple);
    }
    if (definition.uses_kwargs) scope->variables["kwargs"] = Value::Of(named);
    return absl::OkStatus();
  }

  static bool HasParameter(const Stmt& definition, const std::string& name) {
    for (const Parameter& parameter : definition.parameters) {
      if (parameter.name == name) return true;
    }
    return false;
  }

  Text* out_ = nullptr;
  int calls_ = 0;  // of macros, around what runs
};

}  // namespace

absl::StatusOr<Text> RenderBody(const Body& body, const std::string& name, Scope* scope,
                                Machine* machine) {
  return Renderer(&name, machine).Render(body, scope);
}

}  // namespace lluda::jinja
