// What changed between two modules, statement by statement, from their canonical text.
//
// Example: where fuse-rope made one statement of seven, Diff says for the section "@attn"
//       ... 8 unchanged
//   -   %qa = slice %q2 dim 0..32 as pair[32] : f32 tok[T] kv[2] rep[2] pair[32]
//   ...
//   +   %q3 = rope %q2 %cos %sin over dim {style = half} : ... by fuse-rope
//       ... 26 unchanged
//
// A value that only got another name does not make its readers differ, nor does one that is gone
// and whose readers all read one other value now: the section says so once. A statement that is the
// same but for its place in the frame has the mark '~' and is shown as it is now. Who made a
// statement (`by`) is no difference.
#ifndef LLUDA_IR_TEXT_DIFF_H_
#define LLUDA_IR_TEXT_DIFF_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lluda::ir {

// A part of a module's text: the declarations, the load block or a function.
struct Section {
  std::string name;                // "declarations", "load", "@attn"
  std::vector<std::string> lines;  // without what all lines of a section are indented by
};

// The sections of what PrintModule printed, in order.
std::vector<Section> SectionsOf(absl::string_view module_text);

struct DiffLine {
  char mark = ' ';  // '-' gone, '+' new, '~' elsewhere in the frame, ' ' a note
  std::string text;
};

struct SectionDiff {
  std::string name;
  std::vector<DiffLine> lines;
};

// The sections that differ, in the order of `after`, those that are gone last. Empty exactly when
// the texts differ in nothing but names, `by` and `passes`.
std::vector<SectionDiff> Diff(absl::string_view before, absl::string_view after);

// As text, one line each, with the escape codes of ANSI terminals if `color`.
std::string DiffText(const std::vector<SectionDiff>& diff, bool color);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_DIFF_H_
