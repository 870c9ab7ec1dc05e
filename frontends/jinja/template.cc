#include "frontends/jinja/template.h"

#include "base/status_macros.h"
#include "frontends/jinja/builtins/builtin.h"
#include "frontends/jinja/renderer.h"
#include "frontends/jinja/syntax/parser.h"
#include "frontends/jinja/value/budget.h"

namespace lluda::jinja {

absl::StatusOr<Template> Template::Parse(std::string_view source, std::string name) {
  ASSIGN_OR_RETURN(Body body, jinja::Parse(source, name));
  return Template(std::move(name), std::move(body));
}

absl::StatusOr<Text> Template::Render(const Variables& variables, Heap* heap,
                                      const std::tm& now) const {
  Budget budget;
  Machine machine = {heap, &budget, now};
  Scope* scope = heap->NewScope(nullptr);
  for (const auto& [name, value] : variables) scope->variables[name] = value;
  return RenderBody(body_, name_, scope, &machine);
}

}  // namespace lluda::jinja
