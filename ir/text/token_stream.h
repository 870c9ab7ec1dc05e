// What the parser reads: tokens with two of look-ahead, expectations that fail with a position, and
// the small phrases shared by declarations and statements (names, numbers, types).
//
// The first failure sticks. From then on the stream is at its end and every read gives an empty
// result, so that callers check ok() once, where they are done.
#ifndef LLUDA_IR_TEXT_TOKEN_STREAM_H_
#define LLUDA_IR_TEXT_TOKEN_STREAM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/text/lexer.h"

namespace lluda::ir {

class TokenStream {
 public:
  // A place to come back to.
  struct Mark {
    Lexer lexer;
    Token next, second;
  };

  // `text` must outlive the stream; `file_name` is for messages only.
  TokenStream(absl::string_view text, absl::string_view file_name);

  bool ok() const { return status_.ok(); }
  // InvalidArgument "file:line:column: message" after a failure.
  const absl::Status& status() const { return status_; }
  void Fail(Position at, absl::string_view message);
  // Fails at `at` unless `status` is OK.
  void Require(Position at, const absl::Status& status);

  const Token& Peek() const { return next_; }
  const Token& PeekSecond() const { return second_; }
  Token Take();
  // A word or a punctuation mark with that text comes next.
  bool IsNext(absl::string_view text) const;
  bool TakeIf(absl::string_view text);
  void Expect(absl::string_view text);

  Mark GetMark() const { return {lexer_, next_, second_}; }
  void Reset(const Mark& mark);  // does nothing after a failure

  // The text of a token of that kind; `what` names it in messages: "expected the name of an axis".
  std::string TakeText(TokenKind kind, absl::string_view what);
  // A kWord without '-'.
  std::string TakeName(absl::string_view what);
  // Digits only, within 0..2^63-1.
  int64_t TakeInt(absl::string_view what);

  // `0..28`
  void TakeRange(int64_t* begin, int64_t* end);
  // `[layer < 28]`, or nothing.
  std::optional<Index> TakeIndexDeclaration();
  // `[layer]`, or nothing: "".
  std::string TakeIndexUse();
  // `kv[8] rep[2] dim[128]`: at least one; checked against the module's symbols.
  std::vector<Axis> TakeAxes(const Module& module);
  // `bf16 tok[T] hid[1024] @panel(16x2, hid)`, checked likewise.
  Type TakeType(const Module& module);

 private:
  Axis TakeAxis();
  Layout TakeLayout();

  std::string file_name_;
  absl::Status status_;
  Lexer lexer_;
  Token next_, second_;
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_TOKEN_STREAM_H_
