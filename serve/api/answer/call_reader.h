// Reads a call of a tool while it is being written, so that its arguments can be handed on at once.
//
//   CallReader reader;
//   reader.Add("\n{\"name\": \"weather\", \"argu");
//   reader.Add("ments\": {\"city\": \"Os");
//   reader.name();            // "weather", as has_arguments()
//   reader.TakeArguments();   // {"city": "Os
//
// The order of the two members is that of the grammar that calls are written by
// (engine/grammar/json/tool_calls.h); a call in another order has no arguments here.
#ifndef LLUDA_SERVE_API_ANSWER_CALL_READER_H_
#define LLUDA_SERVE_API_ANSWER_CALL_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace lluda::api {

class CallReader {
 public:
  void Add(absl::string_view text);

  // Whether the arguments, an object, have begun; the name is whole then.
  bool has_arguments() const { return part_ == Part::kArguments || part_ == Part::kEnd; }
  // Whether it may yet become so.
  bool may_have_arguments() const { return part_ == Part::kHead; }
  const std::string& name() const { return name_; }
  // Those that have come since the last time, as they are written.
  std::string TakeArguments() { return std::exchange(arguments_, ""); }

 private:
  enum class Part : uint8_t { kHead, kArguments, kEnd, kOther };

  void Take(char c);
  void TakeHead(char c);
  void TakeName(char c);
  void TakeArgument(char c);
  void NextPiece();

  Part part_ = Part::kHead;
  size_t piece_ = 0, at_ = 0;  // of the head
  std::string name_, arguments_;
  int64_t depth_ = 0;  // of braces and brackets that are open
  bool in_string_ = false, is_escaped_ = false;
};

}  // namespace lluda::api

#endif  // LLUDA_SERVE_API_ANSWER_CALL_READER_H_
