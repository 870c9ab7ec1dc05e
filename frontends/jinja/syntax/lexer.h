// Cuts a template into tokens, as Jinja2 does with trim_blocks and lstrip_blocks.
//
//   "a{% if x -%}\n b"  ->  data "a", block begin, name "if", name "x", block end, data "b"
#ifndef LLUDA_FRONTENDS_JINJA_SYNTAX_LEXER_H_
#define LLUDA_FRONTENDS_JINJA_SYNTAX_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/jinja/syntax/syntax.h"

namespace lluda::jinja {

enum class TokenType : uint8_t {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenType type;
  Position at;
  std::string text;  // of a string, what its escapes mean; of a number, its digits without "_"
};

// `name` is how errors call the template: "NAME: line 3, column 7: reason". The last token is kEnd.
// InvalidArgument for what is no token; ResourceExhausted for a source beyond the limit.
absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source, const std::string& name);

// "NAME: line 3, column 7: reason", with the code given; one line whatever the reason has.
absl::Status ErrorAt(absl::StatusCode code, const std::string& name, Position at,
                     std::string_view reason);

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_SYNTAX_LEXER_H_
