// Parses a template.
//
//   absl::StatusOr<Body> body = Parse("Hello {{ name }}", "chat_template");
#ifndef LLUDA_FRONTENDS_JINJA_SYNTAX_PARSER_H_
#define LLUDA_FRONTENDS_JINJA_SYNTAX_PARSER_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "frontends/jinja/syntax/syntax.h"

namespace lluda::jinja {

// `name` is how errors call the template. InvalidArgument, with line and column, for what is no
// template; Unimplemented for a tag that Jinja2 has and this has not; ResourceExhausted for what is
// beyond the limits.
absl::StatusOr<Body> Parse(std::string_view source, const std::string& name);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_SYNTAX_PARSER_H_
