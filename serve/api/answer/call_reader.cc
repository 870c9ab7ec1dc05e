#include "serve/api/answer/call_reader.h"

namespace lluda::api {
namespace {

// What stands before the arguments; the empty piece is the name.
constexpr absl::string_view kHead[] = {"{", "\"name\"", ":", "", ",", "\"arguments\"", ":"};
constexpr size_t kHeadPieces = sizeof(kHead) / sizeof(kHead[0]);

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

}  // namespace

void CallReader::Add(absl::string_view text) {
  for (const char c : text) Take(c);
}

void CallReader::Take(char c) {
  switch (part_) {
    case Part::kHead:
      if (at_ == 0 && IsSpace(c)) return;
      if (piece_ == kHeadPieces) {
        part_ = c == '{' ? Part::kArguments : Part::kOther;
        TakeArgument(c);
      } else if (kHead[piece_].empty()) {
        TakeName(c);
      } else {
        TakeHead(c);
      }
      return;
    case Part::kArguments:
      TakeArgument(c);
      return;
    case Part::kEnd:
    case Part::kOther:
      return;
  }
}

void CallReader::TakeHead(char c) {
  if (c != kHead[piece_][at_]) {
    part_ = Part::kOther;
  } else if (++at_ == kHead[piece_].size()) {
    NextPiece();
  }
}

// Names of tools need no escapes.
void CallReader::TakeName(char c) {
  const bool is_quote = c == '"';
  if ((at_ == 0 && !is_quote) || c == '\\') {
    part_ = Part::kOther;
  } else if (at_++ == 0) {
    return;
  } else if (is_quote) {
    NextPiece();
  } else {
    name_ += c;
  }
}

void CallReader::NextPiece() {
  ++piece_;
  at_ = 0;
}

void CallReader::TakeArgument(char c) {
  if (part_ != Part::kArguments) return;
  arguments_ += c;
  if (in_string_) {
    if (!is_escaped_ && c == '"') in_string_ = false;
    is_escaped_ = !is_escaped_ && c == '\\';
    return;
  }
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if (c == '}' || c == ']') --depth_;
  if (depth_ == 0) part_ = Part::kEnd;
}

}  // namespace lluda::api
