// Runs the tree of a template.
#ifndef LLUDA_FRONTENDS_JINJA_RENDERER_H_
#define LLUDA_FRONTENDS_JINJA_RENDERER_H_

#include <string>

#include "absl/status/statusor.h"
#include "frontends/jinja/builtins/builtin.h"
#include "frontends/jinja/syntax/syntax.h"

namespace lluda::jinja {

// The text that the body becomes with the variables of `scope`. `name` is how errors, which have
// line and column, call the template: FailedPrecondition for one that the template raises,
// ResourceExhausted at a limit, InvalidArgument and Unimplemented for all others.
absl::StatusOr<Text> RenderBody(const Body& body, const std::string& name, Scope* scope,
                                Machine* machine);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_RENDERER_H_
