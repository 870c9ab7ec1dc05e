#include "serve/constraints.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "engine/grammar/json/schema_grammar.h"
#include "engine/grammar/json/tool_calls.h"
#include "engine/grammar/regex_grammar.h"

namespace lluda::serve {
namespace {

using api::TextFormat;
using GrammarOr = absl::StatusOr<std::shared_ptr<const grammar::Grammar>>;

GrammarOr GrammarOf(const TextFormat& format) {
  switch (format.kind) {
    case TextFormat::kJsonObject:
      return grammar::JsonObjectGrammar();
    case TextFormat::kJsonSchema:
      return grammar::JsonSchemaGrammar(format.source);
    case TextFormat::kRegex:
      return grammar::RegexGrammar(format.source);
    case TextFormat::kAny:
      break;
  }
  return std::shared_ptr<const grammar::Grammar>();
}

// Those that may be called.
std::vector<grammar::ToolDeclaration> DeclarationsOf(const api::GenerationRequest& request) {
  std::vector<grammar::ToolDeclaration> declarations;
  if (request.tool_choice == api::ToolChoice::kNone) return declarations;
  for (const api::Tool& tool : request.tools) {
    const bool is_other = !request.chosen_tool.empty() && tool.name != request.chosen_tool;
    if (!is_other) declarations.push_back({tool.name, tool.parameters});
  }
  return declarations;
}

}  // namespace

std::string ConstraintParam(const api::GenerationRequest& request) {
  return DeclarationsOf(request).empty() ? request.format.param : "tools";
}

api::Refusal MakeConstraint(const ServedModel& model, api::Endpoint endpoint,
                            const api::GenerationRequest& request, absl::Span<const int32_t> prompt,
                            std::shared_ptr<const grammar::Constraint>* constraint) {
  const std::vector<grammar::ToolDeclaration> tools = DeclarationsOf(request);
  const bool is_required = request.tool_choice == api::ToolChoice::kRequired;
  grammar::ConstraintOptions options;
  if (endpoint == api::Endpoint::kChat) options = grammar::BehindThought(model.tokenizer(), prompt);
  // Not every template says so in the prompt.
  if (request.enable_thinking == false && !options.in_thought) options = {};
  GrammarOr grammar = std::shared_ptr<const grammar::Grammar>();
  if (!tools.empty()) {
    options.call_begin = model.tokenizer().TokenToId("<tool_call>");
    options.call_end = model.tokenizer().TokenToId("</tool_call>");
    options.call_required = is_required;
    options.one_call = !request.parallel_tool_calls;
    if (!options.call_begin || !options.call_end) {
      if (!is_required) return std::nullopt;
      return api::ApiError{400, "unsupported_value", "tool_choice",
                           "tool_choice: the model has no tokens that calls stand between"};
    }
    grammar = grammar::ToolCallGrammar(tools);
  } else if (request.format.kind != TextFormat::kAny) {
    grammar = GrammarOf(request.format);
  } else {
    return std::nullopt;
  }
  if (!grammar.ok()) return api::GrammarError(ConstraintParam(request), grammar.status());
  absl::StatusOr<std::shared_ptr<const grammar::Constraint>> made =
      grammar::Constraint::Create(*std::move(grammar), model.trie(), options);
  if (!made.ok()) return api::GrammarError(ConstraintParam(request), made.status());
  *constraint = *std::move(made);
  return std::nullopt;
}

}  // namespace lluda::serve
