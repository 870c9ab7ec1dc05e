#include "ir/text/token_stream.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ir/rules.h"

namespace lluda::ir {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

}  // namespace

TokenStream::TokenStream(absl::string_view text, absl::string_view file_name)
    : file_name_(file_name), lexer_(text), next_(lexer_.Next()), second_(lexer_.Next()) {
  if (next_.kind == TokenKind::kError) Fail(next_.at, next_.text);
}

void TokenStream::Fail(Position at, absl::string_view message) {
  if (!ok()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat(file_name_, ":", at.line, ":", at.column, ": ", message));
  next_ = second_ = Token{TokenKind::kEnd, "", at};
}

void TokenStream::Require(Position at, const absl::Status& status) {
  if (!status.ok()) Fail(at, status.message());
}

Token TokenStream::Take() {
  const Token token = next_;
  if (!ok()) return token;
  next_ = second_;
  if (next_.kind == TokenKind::kError) {
    Fail(next_.at, next_.text);
  } else {
    second_ = lexer_.Next();
  }
  return token;
}

bool TokenStream::IsNext(absl::string_view text) const {
  return (next_.kind == TokenKind::kWord || next_.kind == TokenKind::kPunct) && next_.text == text;
}

bool TokenStream::TakeIf(absl::string_view text) {
  if (!IsNext(text)) return false;
  Take();
  return true;
}

void TokenStream::Expect(absl::string_view text) {
  if (!TakeIf(text)) Fail(next_.at, absl::StrCat("expected '", text, "', got ", Describe(next_)));
}

void TokenStream::Reset(const Mark& mark) {
  if (!ok()) return;
  lexer_ = mark.lexer;
  next_ = mark.next;
  second_ = mark.second;
}

std::string TokenStream::TakeText(TokenKind kind, absl::string_view what) {
  if (next_.kind == kind) return std::string(Take().text);
  Fail(next_.at, absl::StrCat("expected ", what, ", got ", Describe(next_)));
  return "";
}

std::string TokenStream::TakeName(absl::string_view what) {
  const Token token = next_;
  std::string name = TakeText(TokenKind::kWord, what);
  if (ok() && !IsPlainName(name)) {
    Fail(token.at, absl::StrCat("expected ", what, ", got ", Describe(token)));
  }
  return name;
}

int64_t TokenStream::TakeInt(absl::string_view what) {
  const Token token = next_;
  const std::string digits = TakeText(TokenKind::kNumber, what);
  int64_t value = 0;
  if (!ok()) return value;
  if (!std::all_of(digits.begin(), digits.end(), IsDigit)) {
    Fail(token.at, absl::StrCat("expected ", what, ", got ", Describe(token)));
  } else if (!absl::SimpleAtoi(digits, &value)) {
    Fail(token.at, absl::StrCat("the number ", digits, " is too large"));
  }
  return value;
}

void TokenStream::TakeRange(int64_t* begin, int64_t* end) {
  *begin = TakeInt("the begin of a range");
  Expect("..");
  *end = TakeInt("the end of a range");
}

std::optional<Index> TokenStream::TakeIndexDeclaration() {
  const Position at = next_.at;
  if (!TakeIf("[")) return std::nullopt;
  Index index;
  index.name = TakeName("the name of an index");
  Expect("<");
  index.count = TakeInt("the count of an index");
  Expect("]");
  if (ok()) Require(at, CheckIndexDeclaration(index));
  return index;
}

std::string TokenStream::TakeIndexUse() {
  if (!TakeIf("[")) return "";
  std::string index = next_.kind == TokenKind::kNumber
                          ? absl::StrCat(TakeInt("the number of a copy"))
                          : TakeName("the name of an index");
  Expect("]");
  return index;
}

Axis TokenStream::TakeAxis() {
  Axis axis;
  axis.name = TakeName("the name of an axis");
  Expect("[");
  if (next_.kind == TokenKind::kWord) {
    axis.extent = Extent::Symbol(TakeName("the length of an axis"));
  } else {
    axis.extent = Extent::Constant(TakeInt("the length of an axis"));
  }
  Expect("]");
  return axis;
}

std::vector<Axis> TokenStream::TakeAxes(const Module& module) {
  const Position at = next_.at;
  std::vector<Axis> axes;
  do {
    axes.push_back(TakeAxis());
  } while (next_.kind == TokenKind::kWord && second_.text == "[" && axes.size() <= kMaxAxes);
  if (ok()) Require(at, CheckAxes(axes, module));
  return axes;
}

Layout TokenStream::TakeLayout() {
  const Token name = Take();
  Expect("(");
  if (name.text != "panel") Fail(name.at, absl::StrCat("unknown layout '@", name.text, "'"));
  const Token token = next_;
  const std::string tile = TakeText(TokenKind::kNumber, "a tile such as 16x2");
  Attrs attrs;
  if (ok() && !SetAttrFromText(AttrKey::kTile, tile, &attrs)) {
    Fail(token.at, absl::StrCat("expected a tile such as 16x2, got ", Describe(token)));
  }
  Expect(",");
  std::string axis = TakeName("the name of an axis");
  Expect(")");
  if (!ok()) return {};
  return Layout::Panel(attrs.tile->rows, attrs.tile->depth, std::move(axis));
}

Type TokenStream::TakeType(const Module& module) {
  const Token token = next_;
  Type type;
  const std::string dtype = TakeText(TokenKind::kWord, "a type");
  if (!ok()) return type;
  const std::optional<DType> known = DTypeFromName(dtype);
  if (!known) {
    Fail(token.at, absl::StrCat("unknown element type '", dtype, "'"));
    return type;
  }
  type.dtype = *known;
  if (next_.kind == TokenKind::kWord && second_.kind == TokenKind::kPunct && second_.text == "[") {
    type.axes = TakeAxes(module);
  }
  if (next_.kind == TokenKind::kGlobal && second_.kind == TokenKind::kPunct &&
      second_.text == "(") {
    type.layout = TakeLayout();
  }
  if (ok()) Require(token.at, CheckType(type, module));
  return type;
}

}  // namespace lluda::ir
