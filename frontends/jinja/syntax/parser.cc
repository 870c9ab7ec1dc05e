#include "frontends/jinja/syntax/parser.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "frontends/jinja/syntax/expression_parser.h"
#include "frontends/jinja/syntax/lexer.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;
using Words = std::initializer_list<std::string_view>;

// Tags of Jinja2 that would read other files, or that no chat template uses.
constexpr std::string_view kUnsupportedTags[] = {"block", "extends", "include",    "import",
                                                 "from",  "call",    "autoescape", "print"};

class Parser : public ExpressionParser {
 public:
  Parser(const std::vector<Token>* tokens, const std::string* name)
      : ExpressionParser(tokens, name) {}

  absl::StatusOr<Body> ParseTemplate() {
    ASSIGN_OR_RETURN(Body body, ParseBody({}));
    return body;
  }

 private:
  // Statements up to a tag with one of these words, whose name is then the current token; with no
  // words up to the end.
  absl::StatusOr<Body> ParseBody(Words ends) {
    const Nesting nesting(&depth_);
    RETURN_IF_ERROR(CheckDepth());
    Body body;
    while (!At(TokenType::kEnd)) {
      if (At(TokenType::kData)) {
        StmtPtr data = New(StmtKind::kData);
        data->value = Value::String(Take().text, Origin::kTemplate);
        body.push_back(std::move(data));
      } else if (At(TokenType::kVariableBegin)) {
        StmtPtr output = New(StmtKind::kOutput);
        Take();
        ASSIGN_OR_RETURN(output->expr, ParseTuple({}));
        RETURN_IF_ERROR(Expect(TokenType::kVariableEnd, "'}}'"));
        body.push_back(std::move(output));
      } else {
        RETURN_IF_ERROR(Expect(TokenType::kBlockBegin, "'{%'"));
        if (AtOneOf(ends)) return body;
        ASSIGN_OR_RETURN(StmtPtr statement, ParseStatement(ends));
        body.push_back(std::move(statement));
        RETURN_IF_ERROR(EndTag());
      }
    }
    if (ends.size() == 0) return body;
    return Error(here(), Concat("unexpected end of the template, expected ", WordsText(ends)));
  }

  bool AtOneOf(Words words) const {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return AtName(word); });
  }

  static std::string WordsText(Words words) {
    std::string text;
    for (const std::string_view word : words) {
      text += Concat(text.empty() ? "" : " or ", "'{% ", word, " %}'");
    }
    return text;
  }

  absl::Status EndTag() { return Expect(TokenType::kBlockEnd, "'%}'"); }

  // The body behind the end of this tag, up to the tag that ends it, which is left behind but for
  // its '%}'.
  absl::StatusOr<Body> ParseBlock(std::string_view end) {
    SkipOperator(":");
    RETURN_IF_ERROR(EndTag());
    ASSIGN_OR_RETURN(Body body, ParseBody({end}));
    Take();
    return body;
  }

  struct Row {
    std::string_view tag;
    absl::Status (Parser::*parse)(Stmt* statement);
    StmtKind kind;
  };

  absl::StatusOr<StmtPtr> ParseStatement(Words ends) {
    static constexpr Row kRows[] = {
        {"if", &Parser::ParseIf, StmtKind::kIf},
        {"for", &Parser::ParseFor, StmtKind::kFor},
        {"set", &Parser::ParseSet, StmtKind::kSet},
        {"with", &Parser::ParseWith, StmtKind::kWith},
        {"macro", &Parser::ParseMacro, StmtKind::kMacro},
        {"filter", &Parser::ParseFilterBlock, StmtKind::kFilterBlock},
        {"generation", &Parser::ParseGeneration, StmtKind::kGeneration},
        {"break", &Parser::ParseLoopControl, StmtKind::kBreak},
        {"continue", &Parser::ParseLoopControl, StmtKind::kContinue},
    };
    const Position at = here();
    if (!At(TokenType::kName)) return Error(at, "expected the name of a tag");
    const std::string& tag = current().text;
    for (const Row& row : kRows) {
      if (row.tag != tag) continue;
      StmtPtr statement = New(row.kind);
      Take();
      RETURN_IF_ERROR((this->*row.parse)(statement.get()));
      return statement;
    }
    if (std::find(std::begin(kUnsupportedTags), std::end(kUnsupportedTags), tag) !=
        std::end(kUnsupportedTags)) {
      return ErrorAt(absl::StatusCode::kUnimplemented, name(), at,
                     Concat("the tag '", tag, "' is not supported"));
    }
    return Error(at, Concat("unknown tag '", tag, "'",
                            ends.size() == 0 ? "" : Concat(", expected ", WordsText(ends))));
  }

  absl::Status ParseIf(Stmt* statement) {
    TupleRules rules;
    rules.conditional = false;
    while (true) {
      Branch branch;
      ASSIGN_OR_RETURN(branch.condition, ParseTuple(rules));
      SkipOperator(":");
      RETURN_IF_ERROR(EndTag());
      ASSIGN_OR_RETURN(branch.body, ParseBody({"elif", "else", "endif"}));
      statement->branches.push_back(std::move(branch));
      const std::string& word = Take().text;
      if (word == "elif") continue;
      if (word == "else") {
        ASSIGN_OR_RETURN(statement->otherwise, ParseBlock("endif"));
      }
      return absl::OkStatus();
    }
  }

  absl::Status ParseFor(Stmt* statement) {
    TupleRules targets;
    targets.targets = true;
    targets.end_word = "in";
    ASSIGN_OR_RETURN(statement->target, ParseTuple(targets));
    RETURN_IF_ERROR(RefuseNamespace(*statement->target));
    if (!SkipName("in")) return Error(here(), "expected 'in'");
    TupleRules rules;
    rules.conditional = false;
    rules.end_word = "recursive";
    ASSIGN_OR_RETURN(statement->expr, ParseTuple(rules));
    if (SkipName("if")) {
      ASSIGN_OR_RETURN(statement->condition, ParseExpression());
    }
    if (AtName("recursive")) {
      return ErrorAt(absl::StatusCode::kUnimplemented, name(), here(),
                     "recursive loops are not supported");
    }
    SkipOperator(":");
    RETURN_IF_ERROR(EndTag());
    ++loops_;
    absl::StatusOr<Body> body = ParseBody({"endfor", "else"});
    --loops_;
    ASSIGN_OR_RETURN(statement->body, std::move(body));
    if (Take().text == "else") {
      ASSIGN_OR_RETURN(statement->otherwise, ParseBlock("endfor"));
    }
    return absl::OkStatus();
  }

  absl::Status RefuseNamespace(const Expr& target) {
    if (target.kind == ExprKind::kNamespaceAttribute) {
      return Error(target.at, "an attribute of a namespace cannot be assigned to here");
    }
    for (const ExprPtr& item : target.items) {
      RETURN_IF_ERROR(RefuseNamespace(*item));
    }
    return absl::OkStatus();
  }

  absl::Status ParseSet(Stmt* statement) {
    TupleRules targets;
    targets.targets = true;
    ASSIGN_OR_RETURN(statement->target, ParseTuple(targets));
    if (SkipOperator("=")) {
      ASSIGN_OR_RETURN(statement->expr, ParseTuple({}));
      return absl::OkStatus();
    }
    statement->kind = StmtKind::kSetBlock;
    if (SkipOperator("|")) {
      ASSIGN_OR_RETURN(statement->expr, ParseFilters(nullptr));
    }
    ASSIGN_OR_RETURN(statement->body, ParseBlock("endset"));
    return absl::OkStatus();
  }

  absl::Status ParseWith(Stmt* statement) {
    while (!At(TokenType::kBlockEnd) && !AtOperator(":")) {
      if (!statement->assignments.empty()) {
        RETURN_IF_ERROR(ExpectOperator(","));
      }
      TupleRules targets;
      targets.targets = true;
      ASSIGN_OR_RETURN(ExprPtr target, ParseTuple(targets));
      RETURN_IF_ERROR(RefuseNamespace(*target));
      RETURN_IF_ERROR(ExpectOperator("="));
      ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
      statement->assignments.emplace_back(std::move(target), std::move(value));
    }
    ASSIGN_OR_RETURN(statement->body, ParseBlock("endwith"));
    return absl::OkStatus();
  }

  absl::Status ParseMacro(Stmt* statement) {
    ASSIGN_OR_RETURN(statement->name, ExpectName());
    RETURN_IF_ERROR(ExpectOperator("("));
    while (!AtOperator(")")) {
      if (!statement->parameters.empty()) {
        RETURN_IF_ERROR(ExpectOperator(","));
      }
      Parameter parameter;
      const Position at = here();
      ASSIGN_OR_RETURN(parameter.name, ExpectName());
      if (SkipOperator("=")) {
        ASSIGN_OR_RETURN(parameter.default_value, ParseExpression());
      } else if (!statement->parameters.empty() &&
                 statement->parameters.back().default_value != nullptr) {
        return Error(at, "non-default argument follows default argument");
      }
      for (const Parameter& other : statement->parameters) {
        if (other.name == parameter.name) {
          return Error(at, Concat("duplicate argument '", other.name, "'"));
        }
      }
      statement->parameters.push_back(std::move(parameter));
    }
    RETURN_IF_ERROR(ExpectOperator(")"));
    const int loops = std::exchange(loops_, 0);
    const bool outer_varargs = std::exchange(saw_varargs_, false);
    const bool outer_kwargs = std::exchange(saw_kwargs_, false);
    ASSIGN_OR_RETURN(statement->body, ParseBlock("endmacro"));
    loops_ = loops;
    statement->uses_varargs = std::exchange(saw_varargs_, outer_varargs);
    statement->uses_kwargs = std::exchange(saw_kwargs_, outer_kwargs);
    return absl::OkStatus();
  }

  absl::Status ParseFilterBlock(Stmt* statement) {
    ASSIGN_OR_RETURN(statement->expr, ParseFilters(nullptr));
    ASSIGN_OR_RETURN(statement->body, ParseBlock("endfilter"));
    return absl::OkStatus();
  }

  absl::Status ParseGeneration(Stmt* statement) {
    ASSIGN_OR_RETURN(statement->body, ParseBlock("endgeneration"));
    return absl::OkStatus();
  }

  absl::Status ParseLoopControl(Stmt* statement) {
    if (loops_ > 0) return absl::OkStatus();
    return Error(statement->at, "'break' and 'continue' stand in a loop");
  }

  StmtPtr New(StmtKind kind) const {
    auto statement = std::make_unique<Stmt>();
    statement->kind = kind;
    statement->at = here();
    return statement;
  }

  int loops_ = 0;  // around the statement that is being parsed, within its macro
};

}  // namespace

absl::StatusOr<Body> Parse(std::string_view source, const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<Token> tokens, Tokenize(source, name));
  return Parser(&tokens, &name).ParseTemplate();
}

}  // namespace lluda::jinja
