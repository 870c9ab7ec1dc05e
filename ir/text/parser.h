// Reads the text form of a module, which ir/text/printer.h writes and ir/README.md describes.
//
// Example: ParseModule("lluda 1\nmodule @m {\n  frob\n}\n", "m.lluda") is the error
// "m.lluda:3:3: expected a declaration, `load`, `func` or '}', got 'frob'".
#ifndef LLUDA_IR_TEXT_PARSER_H_
#define LLUDA_IR_TEXT_PARSER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ir/graph.h"

namespace lluda::ir {

// Errors are InvalidArgument, "file_name:line:column: message"; the file name is for them only.
// Any text is safe to pass: sizes and nesting are limited. A module that parses has known names
// and correct types; Verify (ir/check/verifier.h) says whether it is also sound as a whole.
absl::StatusOr<std::unique_ptr<Module>> ParseModule(absl::string_view text,
                                                    absl::string_view file_name);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_PARSER_H_
