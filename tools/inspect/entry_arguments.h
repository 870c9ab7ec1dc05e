// What an entry is given that is run by itself, to be measured or verified: numbers that mean
// nothing, the same each time.
//
//   SymbolValues symbols = *EntrySymbols(*module, audio, /*rows=*/std::nullopt);   // {"A", 104}
//   std::vector<ir::Tensor> arguments = *EntryArguments(audio, symbols);
//   // f32 tok[104] wide[896] in [-1, 1); i32 tok[104] below 13, the rows of the table that is read
#ifndef LLUDA_TOOLS_INSPECT_ENTRY_ARGUMENTS_H_
#define LLUDA_TOOLS_INSPECT_ENTRY_ARGUMENTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"

namespace lluda::tools {

using SymbolValues = std::map<std::string, int64_t>;

// Whether the entry's parameters have a symbol, whose value is how many rows of sound it is given.
bool TakesRows(const ir::Func& entry);

// Of each symbol that the parameters have: `rows`, or its largest value. InvalidArgument, naming
// --tokens, for rows that the entry does not take.
absl::StatusOr<SymbolValues> EntrySymbols(const ir::Module& module, const ir::Func& entry,
                                          std::optional<int64_t> rows);

// One for each parameter. InvalidArgument for one that is neither f32 nor i32.
absl::StatusOr<std::vector<ir::Tensor>> EntryArguments(const ir::Func& entry,
                                                       const SymbolValues& symbols);

// "audio, 104 rows of sound", or of an entry without symbols its name.
std::string EntryRunText(const ir::Func& entry, const SymbolValues& symbols);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_ENTRY_ARGUMENTS_H_
