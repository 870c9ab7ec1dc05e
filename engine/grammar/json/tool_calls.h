// The grammar of a call of one of the tools that a request declares:
//
//   {"name": "get_weather", "arguments": {"city": "Paris"}}
//
// A newline may stand before it and behind it, as models are trained to write one between
// <tool_call> and </tool_call>. The constraint's call_begin and call_end are these tokens:
//
//   auto grammar = ToolCallGrammar({{"get_weather", R"({"type": "object", ...})"}});
//   ConstraintOptions options = {...};   // call_required for tool_choice "required" or a name,
//                                        // one_call for parallel_tool_calls false
#ifndef LLUDA_ENGINE_GRAMMAR_JSON_TOOL_CALLS_H_
#define LLUDA_ENGINE_GRAMMAR_JSON_TOOL_CALLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/grammar/grammar.h"

namespace lluda::grammar {

struct ToolDeclaration {
  std::string name;
  std::string parameters;  // a JSON schema; empty: any object
};

// The arguments are objects, whatever else the schema allows. InvalidArgument without a tool or for
// a name that comes twice; errors of a schema as JsonSchemaGrammar, with "tool 'NAME': " before
// them. The limits of grammar.h hold for all tools together.
absl::StatusOr<std::shared_ptr<const Grammar>> ToolCallGrammar(
    absl::Span<const ToolDeclaration> tools);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_JSON_TOOL_CALLS_H_
