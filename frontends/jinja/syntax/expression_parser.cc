#include "frontends/jinja/syntax/expression_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/numbers.h"
#include "base/status_macros.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

constexpr std::string_view kCompareOperators[] = {"==", "!=", "<", "<=", ">", ">="};

std::string Describe(const Token& token) {
  switch (token.type) {
    case TokenType::kData:
      return "text";
    case TokenType::kVariableBegin:
      return "'{{'";
    case TokenType::kVariableEnd:
      return "'}}'";
    case TokenType::kBlockBegin:
      return "'{%'";
    case TokenType::kBlockEnd:
      return "'%}'";
    case TokenType::kString:
      return "a text in quotes";
    case TokenType::kEnd:
      return "the end of the template";
    default:
      return Concat("'", token.text, "'");
  }
}

}  // namespace

// ---- tokens ----

const Token& ExpressionParser::Take() {
  const Token& token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::SkipOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Take();
  return true;
}

bool ExpressionParser::SkipName(std::string_view name) {
  if (!AtName(name)) return false;
  Take();
  return true;
}

absl::Status ExpressionParser::Expect(TokenType type, std::string_view what) {
  if (!At(type)) {
    return Error(here(), Concat("expected ", what, ", got ", Describe(current())));
  }
  Take();
  return absl::OkStatus();
}

absl::Status ExpressionParser::ExpectOperator(std::string_view op) {
  if (SkipOperator(op)) return absl::OkStatus();
  return Error(here(), Concat("expected '", op, "', got ", Describe(current())));
}

absl::StatusOr<std::string> ExpressionParser::ExpectName() {
  if (!At(TokenType::kName)) {
    return Error(here(), Concat("expected a name, got ", Describe(current())));
  }
  return Take().text;
}

absl::Status ExpressionParser::Error(Position at, std::string_view reason) const {
  return ErrorAt(absl::StatusCode::kInvalidArgument, name_, at, reason);
}

absl::Status ExpressionParser::Unexpected() const {
  return Error(here(), Concat("unexpected ", Describe(current())));
}

absl::Status ExpressionParser::CheckDepth() const {
  if (depth_ <= kMostDepth) return absl::OkStatus();
  return ErrorAt(absl::StatusCode::kResourceExhausted, name_, here(),
                 Concat("is nested deeper than ", kMostDepth, " levels"));
}

// ---- nodes ----

ExprPtr ExpressionParser::New(ExprKind kind, Position at) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->at = at;
  return expr;
}

absl::StatusOr<ExprPtr> ExpressionParser::Finish(ExprPtr expr) const {
  int highest = 0;
  const auto see = [&](const ExprPtr& child) {
    if (child != nullptr) highest = std::max(highest, child->height);
  };
  for (const ExprPtr& item : expr->items) see(item);
  for (const ExprPtr& argument : expr->arguments.positional) see(argument);
  for (const auto& [name, argument] : expr->arguments.named) see(argument);
  see(expr->arguments.star);
  see(expr->arguments.double_star);
  expr->height = highest + 1;
  if (expr->height <= kMostDepth) return expr;
  return ErrorAt(absl::StatusCode::kResourceExhausted, name_, expr->at,
                 Concat("an expression is nested deeper than ", kMostDepth, " levels"));
}

// ---- grammar, from what binds loosest ----

absl::StatusOr<ExprPtr> ExpressionParser::ParseTuple(const TupleRules& rules) {
  const Position at = here();
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  const auto at_end = [&] {
    return At(TokenType::kVariableEnd) || At(TokenType::kBlockEnd) || AtOperator(")") ||
           (!rules.end_word.empty() && AtName(rules.end_word));
  };
  while (!at_end()) {
    ASSIGN_OR_RETURN(ExprPtr item, rules.targets       ? ParseTarget()
                                   : rules.conditional ? ParseExpression()
                                                       : ParseOr());
    items.push_back(std::move(item));
    if (!SkipOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !rules.may_be_empty) {
    return Error(here(), Concat("expected an expression, got ", Describe(current())));
  }
  ExprPtr tuple = New(ExprKind::kTuple, at);
  tuple->items = std::move(items);
  return Finish(std::move(tuple));
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseTarget() {
  const Position at = here();
  if (SkipOperator("(")) {
    TupleRules rules;
    rules.targets = true;
    const Nesting nesting(&depth_);
    RETURN_IF_ERROR(CheckDepth());
    ASSIGN_OR_RETURN(ExprPtr target, ParseTuple(rules));
    RETURN_IF_ERROR(ExpectOperator(")"));
    return target;
  }
  ASSIGN_OR_RETURN(std::string name, ExpectName());
  constexpr std::string_view kReserved[] = {"true", "false", "none", "True", "False", "None"};
  if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) {
    return Error(at, Concat("cannot assign to '", name, "'"));
  }
  ExprPtr target = New(ExprKind::kName, at);
  target->name = std::move(name);
  if (!SkipOperator(".")) return target;
  ExprPtr attribute = New(ExprKind::kNamespaceAttribute, at);
  ASSIGN_OR_RETURN(attribute->name, ExpectName());
  attribute->items.push_back(std::move(target));
  return attribute;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseConditional() {
  const Nesting nesting(&depth_);
  RETURN_IF_ERROR(CheckDepth());
  ASSIGN_OR_RETURN(ExprPtr expr, ParseOr());
  while (AtName("if")) {
    ExprPtr conditional = New(ExprKind::kConditional, Take().at);
    ASSIGN_OR_RETURN(ExprPtr condition, ParseOr());
    ExprPtr otherwise;
    if (SkipName("else")) {
      ASSIGN_OR_RETURN(otherwise, ParseConditional());
    }
    conditional->items.push_back(std::move(condition));
    conditional->items.push_back(std::move(expr));
    conditional->items.push_back(std::move(otherwise));
    ASSIGN_OR_RETURN(expr, Finish(std::move(conditional)));
  }
  return expr;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseOr() {
  ASSIGN_OR_RETURN(ExprPtr left, ParseAnd());
  while (AtName("or")) {
    ExprPtr expr = New(ExprKind::kOr, Take().at);
    ASSIGN_OR_RETURN(ExprPtr right, ParseAnd());
    expr->items.push_back(std::move(left));
    expr->items.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, Finish(std::move(expr)));
  }
  return left;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseAnd() {
  ASSIGN_OR_RETURN(ExprPtr left, ParseNot());
  while (AtName("and")) {
    ExprPtr expr = New(ExprKind::kAnd, Take().at);
    ASSIGN_OR_RETURN(ExprPtr right, ParseNot());
    expr->items.push_back(std::move(left));
    expr->items.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, Finish(std::move(expr)));
  }
  return left;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseNot() {
  if (!AtName("not")) return ParseCompare();
  const Nesting nesting(&depth_);
  RETURN_IF_ERROR(CheckDepth());
  ExprPtr expr = New(ExprKind::kNot, Take().at);
  ASSIGN_OR_RETURN(ExprPtr operand, ParseNot());
  expr->items.push_back(std::move(operand));
  return Finish(std::move(expr));
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseCompare() {
  const Position at = here();
  ASSIGN_OR_RETURN(ExprPtr first, ParseSum());
  ExprPtr expr = New(ExprKind::kCompare, at);
  expr->items.push_back(std::move(first));
  while (true) {
    const auto* const op =
        std::find_if(std::begin(kCompareOperators), std::end(kCompareOperators),
                     [&](std::string_view candidate) { return AtOperator(candidate); });
    if (op != std::end(kCompareOperators)) {
      expr->operators.push_back(*op);
    } else if (AtName("in")) {
      expr->operators.push_back("in");
    } else if (AtName("not") && Is(next(), TokenType::kName, "in")) {
      Take();
      expr->operators.push_back("not in");
    } else {
      break;
    }
    Take();
    ASSIGN_OR_RETURN(ExprPtr operand, ParseSum());
    expr->items.push_back(std::move(operand));
  }
  if (expr->operators.empty()) return std::move(expr->items[0]);
  return Finish(std::move(expr));
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseBinary(
    Operand operand, std::initializer_list<std::string_view> operators) {
  ASSIGN_OR_RETURN(ExprPtr left, (this->*operand)());
  while (At(TokenType::kOperator) &&
         std::find(operators.begin(), operators.end(), current().text) != operators.end()) {
    ExprPtr expr = New(ExprKind::kBinary, here());
    expr->name = Take().text;
    ASSIGN_OR_RETURN(ExprPtr right, (this->*operand)());
    expr->items.push_back(std::move(left));
    expr->items.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, Finish(std::move(expr)));
  }
  return left;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseSum() {
  return ParseBinary(&ExpressionParser::ParseConcat, {"+", "-"});
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseConcat() {
  const Position at = here();
  ASSIGN_OR_RETURN(ExprPtr first, ParseProduct());
  if (!AtOperator("~")) return first;
  ExprPtr expr = New(ExprKind::kConcat, at);
  expr->items.push_back(std::move(first));
  while (SkipOperator("~")) {
    ASSIGN_OR_RETURN(ExprPtr item, ParseProduct());
    expr->items.push_back(std::move(item));
  }
  return Finish(std::move(expr));
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseProduct() {
  return ParseBinary(&ExpressionParser::ParsePower, {"*", "/", "//", "%"});
}

absl::StatusOr<ExprPtr> ExpressionParser::ParsePower() {
  const Position at = here();
  ASSIGN_OR_RETURN(ExprPtr left, ParseUnary(/*with_filter=*/true));
  while (AtOperator("**")) {
    ExprPtr expr = New(ExprKind::kBinary, at);
    expr->name = Take().text;
    ASSIGN_OR_RETURN(ExprPtr right, ParseUnary(/*with_filter=*/true));
    expr->items.push_back(std::move(left));
    expr->items.push_back(std::move(right));
    ASSIGN_OR_RETURN(left, Finish(std::move(expr)));
  }
  return left;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseUnary(bool with_filter) {
  ExprPtr expr;
  if (AtOperator("-") || AtOperator("+")) {
    const Nesting nesting(&depth_);
    RETURN_IF_ERROR(CheckDepth());
    const ExprKind kind = AtOperator("-") ? ExprKind::kNegative : ExprKind::kPositive;
    ExprPtr sign = New(kind, Take().at);
    ASSIGN_OR_RETURN(ExprPtr operand, ParseUnary(/*with_filter=*/false));
    sign->items.push_back(std::move(operand));
    ASSIGN_OR_RETURN(expr, Finish(std::move(sign)));
  } else {
    ASSIGN_OR_RETURN(expr, ParsePrimary());
  }
  ASSIGN_OR_RETURN(expr, ParsePostfix(std::move(expr)));
  return with_filter ? ParsePostfixFilters(std::move(expr)) : std::move(expr);
}

absl::StatusOr<ExprPtr> ExpressionParser::ParsePrimary() {
  const Position at = here();
  if (At(TokenType::kString)) {
    std::string text;
    while (At(TokenType::kString)) text += Take().text;
    ExprPtr expr = New(ExprKind::kConstant, at);
    expr->value = Value::String(std::move(text), Origin::kTemplate);
    return expr;
  }
  if (At(TokenType::kInteger) || At(TokenType::kFloat)) return ParseNumber();
  if (At(TokenType::kName)) {
    const std::string& name = Take().text;
    const bool is_true = name == "true" || name == "True";
    const bool is_constant =
        is_true || name == "false" || name == "False" || name == "none" || name == "None";
    ExprPtr expr = New(is_constant ? ExprKind::kConstant : ExprKind::kName, at);
    expr->name = name;
    if (is_constant && name != "none" && name != "None") expr->value = Value::Bool(is_true);
    saw_varargs_ = saw_varargs_ || name == "varargs";
    saw_kwargs_ = saw_kwargs_ || name == "kwargs";
    return expr;
  }
  if (SkipOperator("(")) {
    TupleRules rules;
    rules.may_be_empty = true;
    ASSIGN_OR_RETURN(ExprPtr expr, ParseTuple(rules));
    RETURN_IF_ERROR(ExpectOperator(")"));
    return expr;
  }
  if (AtOperator("[")) return ParseListLiteral();
  if (AtOperator("{")) return ParseDictLiteral();
  return Unexpected();
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseNumber() {
  const Token& token = Take();
  ExprPtr expr = New(ExprKind::kConstant, token.at);
  if (token.type == TokenType::kFloat) {
    double value = 0;
    if (!absl::SimpleAtod(token.text, &value)) return Error(token.at, "is no number");
    expr->value = Value::Float(value);
    return expr;
  }
  const std::string& text = token.text;
  const char letter = text.size() > 1 ? text[1] : '0';
  const int base = letter == 'x' || letter == 'X'   ? 16
                   : letter == 'o' || letter == 'O' ? 8
                   : letter == 'b' || letter == 'B' ? 2
                                                    : 10;
  int64_t value = 0;
  const char* const begin = text.data() + (base == 10 ? 0 : 2);
  const auto parsed = std::from_chars(begin, text.data() + text.size(), value, base);
  if (parsed.ec != std::errc()) return Error(token.at, "the integer has more than 64 bits");
  expr->value = Value::Int(value);
  return expr;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseListLiteral() {
  ExprPtr expr = New(ExprKind::kList, Take().at);
  while (!AtOperator("]")) {
    if (!expr->items.empty()) {
      RETURN_IF_ERROR(ExpectOperator(","));
      if (AtOperator("]")) break;
    }
    ASSIGN_OR_RETURN(ExprPtr item, ParseExpression());
    expr->items.push_back(std::move(item));
  }
  RETURN_IF_ERROR(ExpectOperator("]"));
  return Finish(std::move(expr));
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseDictLiteral() {
  ExprPtr expr = New(ExprKind::kDict, Take().at);
  while (!AtOperator("}")) {
    if (!expr->items.empty()) {
      RETURN_IF_ERROR(ExpectOperator(","));
      if (AtOperator("}")) break;
    }
    ASSIGN_OR_RETURN(ExprPtr key, ParseExpression());
    RETURN_IF_ERROR(ExpectOperator(":"));
    ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
    expr->items.push_back(std::move(key));
    expr->items.push_back(std::move(value));
  }
  RETURN_IF_ERROR(ExpectOperator("}"));
  return Finish(std::move(expr));
}

// ---- what follows an expression ----

absl::StatusOr<ExprPtr> ExpressionParser::ParsePostfix(ExprPtr expr) {
  while (true) {
    if (AtOperator(".") || AtOperator("[")) {
      ASSIGN_OR_RETURN(expr, ParseSubscript(std::move(expr)));
    } else if (AtOperator("(")) {
      ASSIGN_OR_RETURN(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
  }
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseSubscript(ExprPtr expr) {
  const Position at = here();
  if (SkipOperator(".")) {
    const bool is_name = At(TokenType::kName);
    if (!is_name && !At(TokenType::kInteger)) return Error(here(), "expected name or number");
    ExprPtr result = New(is_name ? ExprKind::kAttribute : ExprKind::kItem, at);
    result->items.push_back(std::move(expr));
    if (is_name) {
      result->name = Take().text;
    } else {
      ASSIGN_OR_RETURN(ExprPtr index, ParseNumber());
      result->items.push_back(std::move(index));
    }
    return Finish(std::move(result));
  }
  RETURN_IF_ERROR(ExpectOperator("["));
  ExprPtr parts[3];
  int colons = 0;
  while (!AtOperator("]")) {
    if (AtOperator(",")) return Error(here(), "an item with several indices is not supported");
    if (SkipOperator(":")) {
      if (++colons == 3) return Error(at, "a slice has at most three parts");
      continue;
    }
    if (parts[colons] != nullptr) return Unexpected();
    ASSIGN_OR_RETURN(parts[colons], ParseExpression());
  }
  RETURN_IF_ERROR(ExpectOperator("]"));
  ExprPtr result = New(colons == 0 ? ExprKind::kItem : ExprKind::kSlice, at);
  if (colons == 0 && parts[0] == nullptr) return Error(at, "expected an expression in []");
  result->items.push_back(std::move(expr));
  for (int i = 0; i < (colons == 0 ? 1 : 3); ++i) result->items.push_back(std::move(parts[i]));
  return Finish(std::move(result));
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseCall(ExprPtr expr) {
  ExprPtr call = New(ExprKind::kCall, here());
  RETURN_IF_ERROR(ParseArguments(&call->arguments));
  call->items.push_back(std::move(expr));
  return Finish(std::move(call));
}

absl::Status ExpressionParser::ParseArguments(ArgumentList* arguments) {
  const Position at = here();
  const absl::Status invalid = Error(at, "invalid syntax for function call expression");
  RETURN_IF_ERROR(ExpectOperator("("));
  bool needs_comma = false;
  while (!AtOperator(")")) {
    if (needs_comma) {
      RETURN_IF_ERROR(ExpectOperator(","));
      if (AtOperator(")")) break;
    }
    needs_comma = true;
    if (arguments->double_star != nullptr) return invalid;
    if (SkipOperator("*")) {
      if (arguments->star != nullptr) return invalid;
      ASSIGN_OR_RETURN(arguments->star, ParseExpression());
    } else if (SkipOperator("**")) {
      ASSIGN_OR_RETURN(arguments->double_star, ParseExpression());
    } else if (At(TokenType::kName) && Is(next(), TokenType::kOperator, "=")) {
      std::string name = Take().text;
      Take();
      ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
      for (const auto& [other, ignored] : arguments->named) {
        if (other == name) return Error(at, Concat("keyword argument repeated: ", name));
      }
      arguments->named.emplace_back(std::move(name), std::move(value));
    } else {
      if (arguments->star != nullptr || !arguments->named.empty()) return invalid;
      ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
      arguments->positional.push_back(std::move(value));
    }
  }
  return ExpectOperator(")");
}

absl::StatusOr<ExprPtr> ExpressionParser::ParsePostfixFilters(ExprPtr expr) {
  while (true) {
    if (SkipOperator("|")) {
      ASSIGN_OR_RETURN(expr, ParseFilters(std::move(expr)));
    } else if (AtName("is")) {
      ASSIGN_OR_RETURN(expr, ParseTest(std::move(expr)));
    } else if (AtOperator("(")) {
      ASSIGN_OR_RETURN(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
  }
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseFilters(ExprPtr subject) {
  do {
    ExprPtr filter = New(ExprKind::kFilter, here());
    ASSIGN_OR_RETURN(filter->name, ExpectName());
    if (AtOperator("(")) {
      RETURN_IF_ERROR(ParseArguments(&filter->arguments));
    }
    filter->items.push_back(std::move(subject));
    ASSIGN_OR_RETURN(subject, Finish(std::move(filter)));
  } while (SkipOperator("|"));
  return subject;
}

absl::StatusOr<ExprPtr> ExpressionParser::ParseTest(ExprPtr expr) {
  ExprPtr test = New(ExprKind::kTest, Take().at);
  const bool negated = SkipName("not");
  ASSIGN_OR_RETURN(test->name, ExpectName());
  const bool starts_argument =
      At(TokenType::kString) || At(TokenType::kInteger) || At(TokenType::kFloat) ||
      AtOperator("[") || AtOperator("{") ||
      (At(TokenType::kName) && !AtName("else") && !AtName("or") && !AtName("and"));
  if (AtOperator("(")) {
    RETURN_IF_ERROR(ParseArguments(&test->arguments));
  } else if (starts_argument) {
    if (AtName("is")) return Error(here(), "tests cannot be chained with is");
    ASSIGN_OR_RETURN(ExprPtr argument, ParsePrimary());
    ASSIGN_OR_RETURN(argument, ParsePostfix(std::move(argument)));
    test->arguments.positional.push_back(std::move(argument));
  }
  const Position at = test->at;
  test->items.push_back(std::move(expr));
  ASSIGN_OR_RETURN(test, Finish(std::move(test)));
  if (!negated) return test;
  ExprPtr negation = New(ExprKind::kNot, at);
  negation->items.push_back(std::move(test));
  return Finish(std::move(negation));
}

}  // namespace lluda::jinja
