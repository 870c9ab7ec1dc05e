#include "engine/grammar/json/tool_calls.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/json/json_writer.h"
#include "engine/grammar/json/keywords.h"
#include "engine/grammar/json/schema_compiler.h"

namespace lluda::grammar {
namespace {

absl::Status ToolError(const ToolDeclaration& tool, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("tool '", base::QuoteName(tool.name), "': ", status.message()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Grammar>> ToolCallGrammar(
    absl::Span<const ToolDeclaration> tools) {
  if (tools.empty()) return absl::InvalidArgumentError("there is no tool to call");
  GrammarBuilder builder;
  SchemaCompiler compiler(&builder);
  JsonRules& json = compiler.json();
  const auto add_text = [&builder](int from, absl::string_view text) {
    const int behind = builder.AddState();
    builder.AddText(from, text, behind);
    return behind;
  };
  const auto separate = [&](int from, char separator) {
    const int behind = builder.AddState();
    json.AddSeparator(from, separator, behind);
    return behind;
  };

  const int root = builder.AddRule();
  const int start = builder.AddState();
  builder.AddJump(builder.Start(root), start);
  builder.AddBytes(builder.Start(root), '\n', '\n', start);
  const int name = separate(add_text(start, "{\"name\""), ':');
  const int behind_arguments = builder.AddState();
  absl::flat_hash_set<std::string> names;
  for (const ToolDeclaration& tool : tools) {
    if (!names.insert(tool.name).second) {
      return ToolError(tool, absl::InvalidArgumentError("it is declared twice"));
    }
    const int behind_name = add_text(name, base::JsonWriter().String(tool.name).text());
    const int arguments = separate(add_text(separate(behind_name, ','), "\"arguments\""), ':');
    const absl::StatusOr<int> rule =
        compiler.AddDocument(tool.parameters.empty() ? "{}" : tool.parameters, kObject);
    if (!rule.ok()) return ToolError(tool, rule.status());
    builder.AddCall(arguments, *rule, behind_arguments);
  }
  const int end = add_text(behind_arguments, "}");
  const int behind_newline = builder.AddFinalState();
  builder.SetFinal(end);
  builder.AddBytes(end, '\n', '\n', behind_newline);
  absl::StatusOr<std::shared_ptr<const Grammar>> grammar = std::move(builder).Finish(root);
  if (grammar.ok()) return grammar;
  return absl::Status(grammar.status().code(),
                      absl::StrCat("the tools' schemas together: ", grammar.status().message()));
}

}  // namespace lluda::grammar
