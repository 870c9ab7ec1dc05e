// A module as `lluda ir` tells of it: its sections, and what passes changed in them.
//
//   auto sections = SectionsNamed(ir::PrintModule(module), "@attn");
//   absl::StatusOr<PassChoice> choice = ChoosePass("--diff", "fuse-rope", names);
//   PassDiffer differ(*choice, names, /*func=*/"");
//   options.dump = [&](int number, absl::string_view pass, const ir::Module& after) {
//     const std::optional<PassDiff> diff = differ.See(number, pass, after);
//     return diff ? WriteStdout(PassDiffText(*diff, /*color=*/false)) : absl::OkStatus();
//   };
#ifndef LLUDA_TOOLS_IR_IR_REPORT_H_
#define LLUDA_TOOLS_IR_IR_REPORT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"
#include "ir/text/diff.h"

namespace lluda::tools {

// The sections of a module's text: all, or that of the function `func`, "attn" or "@attn", or of
// the "load" block. InvalidArgument, with the names there are, if there is no such.
absl::StatusOr<std::vector<ir::Section>> SectionsNamed(absl::string_view module_text,
                                                       absl::string_view func);
std::string SectionsJson(const std::vector<ir::Section>& sections);

// Passes of a pipeline, as a user names them: all, one's number from 1, or a name.
struct PassChoice {
  size_t number = 0;  // 0: by name
  std::string name;   // "": all

  // Pass number `i` of the pipeline.
  bool Fits(size_t i, const std::vector<std::string>& names) const;
};

// InvalidArgument, which names the flag, if there is no such pass.
absl::StatusOr<PassChoice> ChoosePass(absl::string_view flag, const std::string& text,
                                      const std::vector<std::string>& names);
// How many of the passes to run so that `text` is the last one. Errors as ChoosePass.
absl::StatusOr<size_t> CountUpTo(absl::string_view flag, const std::string& text,
                                 const std::vector<std::string>& names);

// What a pass changed.
struct PassDiff {
  int number = 0;  // in the pipeline, from 1
  std::string pass;
  std::vector<ir::SectionDiff> sections;
};

class PassDiffer {
 public:
  // `func`: only this section, as SectionsNamed takes it; "": all. `names` must outlive it.
  PassDiffer(PassChoice choice, const std::vector<std::string>& names, std::string func)
      : choice_(std::move(choice)), names_(names), func_(std::move(func)) {}

  // The module before the first pass (number 0), or after one that changed it. Nothing if the pass
  // is not chosen, or changed nothing of what is asked for.
  std::optional<PassDiff> See(int number, absl::string_view pass, const ir::Module& module);

 private:
  PassChoice choice_;
  const std::vector<std::string>& names_;
  std::string func_;
  std::string text_;  // of the module seen last
};

// With the escape codes of ANSI terminals if `color`.
std::string PassDiffText(const PassDiff& diff, bool color);
std::string PassDiffsJson(const std::vector<PassDiff>& diffs);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_IR_IR_REPORT_H_
