// Parses the expressions of a template; Jinja2's grammar.
//
//   ExpressionParser parser(tokens, "chat_template");
//   absl::StatusOr<ExprPtr> expr = parser.ParseExpression();   // a if b else c|filter(1)
//
// Reads a list of tokens that outlives it, from the front. A tree is at most kMostDepth high.
#ifndef LLUDA_FRONTENDS_JINJA_SYNTAX_EXPRESSION_PARSER_H_
#define LLUDA_FRONTENDS_JINJA_SYNTAX_EXPRESSION_PARSER_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "frontends/jinja/syntax/lexer.h"
#include "frontends/jinja/syntax/syntax.h"

namespace lluda::jinja {

class ExpressionParser {
 public:
  // `name` is how errors call the template.
  ExpressionParser(const std::vector<Token>* tokens, const std::string* name)
      : tokens_(*tokens), name_(*name) {}

  absl::StatusOr<ExprPtr> ParseExpression() { return ParseConditional(); }

  // One expression, or a tuple where a comma follows. `end_word` ends it, too.
  struct TupleRules {
    bool conditional = true;         // whether `a if b` is one expression
    bool may_be_empty = false;       // ()
    std::string_view end_word = {};  // "in", "recursive"
    bool targets = false;            // only what can be assigned to
  };
  absl::StatusOr<ExprPtr> ParseTuple(const TupleRules& rules);

  // `name(arguments) | more`, behind the pipe; `subject` may be null.
  absl::StatusOr<ExprPtr> ParseFilters(ExprPtr subject);

 protected:
  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Position here() const { return current().at; }
  bool At(TokenType type) const { return current().type == type; }
  bool AtOperator(std::string_view op) const { return Is(current(), TokenType::kOperator, op); }
  bool AtName(std::string_view name) const { return Is(current(), TokenType::kName, name); }
  static bool Is(const Token& token, TokenType type, std::string_view text) {
    return token.type == type && token.text == text;
  }
  // The current token, which is left behind.
  const Token& Take();
  bool SkipOperator(std::string_view op);
  bool SkipName(std::string_view name);
  absl::Status Expect(TokenType type, std::string_view what);
  absl::Status ExpectOperator(std::string_view op);
  absl::StatusOr<std::string> ExpectName();

  absl::Status Error(Position at, std::string_view reason) const;
  absl::Status Unexpected() const;
  const std::string& name() const { return name_; }

  // Counts what is nested while it lives.
  class Nesting {
   public:
    explicit Nesting(int* depth) : depth_(depth) { ++*depth_; }
    ~Nesting() { --*depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    int* depth_;
  };
  absl::Status CheckDepth() const;
  int depth_ = 0;

  // Whether the macro that is being parsed speaks of them.
  bool saw_varargs_ = false;
  bool saw_kwargs_ = false;

 private:
  absl::StatusOr<ExprPtr> ParseConditional();
  absl::StatusOr<ExprPtr> ParseOr();
  absl::StatusOr<ExprPtr> ParseAnd();
  absl::StatusOr<ExprPtr> ParseNot();
  absl::StatusOr<ExprPtr> ParseCompare();
  absl::StatusOr<ExprPtr> ParseSum();
  absl::StatusOr<ExprPtr> ParseConcat();
  absl::StatusOr<ExprPtr> ParseProduct();
  absl::StatusOr<ExprPtr> ParsePower();
  absl::StatusOr<ExprPtr> ParseUnary(bool with_filter);
  absl::StatusOr<ExprPtr> ParsePrimary();
  absl::StatusOr<ExprPtr> ParseNumber();
  absl::StatusOr<ExprPtr> ParseTarget();
  absl::StatusOr<ExprPtr> ParseListLiteral();
  absl::StatusOr<ExprPtr> ParseDictLiteral();
  absl::StatusOr<ExprPtr> ParsePostfix(ExprPtr expr);
  absl::StatusOr<ExprPtr> ParseSubscript(ExprPtr expr);
  absl::StatusOr<ExprPtr> ParseCall(ExprPtr expr);
  absl::StatusOr<ExprPtr> ParsePostfixFilters(ExprPtr expr);
  absl::StatusOr<ExprPtr> ParseTest(ExprPtr expr);
  absl::Status ParseArguments(ArgumentList* arguments);

  using Operand = absl::StatusOr<ExprPtr> (ExpressionParser::*)();
  absl::StatusOr<ExprPtr> ParseBinary(Operand operand,
                                      std::initializer_list<std::string_view> operators);

  static ExprPtr New(ExprKind kind, Position at);
  // Gives the node its height. ResourceExhausted if that is too much.
  absl::StatusOr<ExprPtr> Finish(ExprPtr expr) const;

  const std::vector<Token>& tokens_;
  const std::string& name_;
  size_t at_ = 0;
};

}  // namespace lluda::jinja

#endif  // LLUDA_FRONTENDS_JINJA_SYNTAX_EXPRESSION_PARSER_H_
