// The rules of the text form that hold for a module however it came to be: the parser asks here
// with a position at hand, the verifier for modules that passes and importers built.
//
// Example: CheckIndex("@wq", Index{"layer", 28}, "", {}) is the error "@wq needs an index:
// @wq[layer]".
#ifndef LLUDA_IR_RULES_H_
#define LLUDA_IR_RULES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/graph.h"

namespace lluda::ir {

// Bounds that keep hostile input from overflowing sizes, stacks or memory. Every product of the
// extents of one type, padded to whole tiles and in bytes, fits an int64_t.
inline constexpr size_t kMaxNameLength = 255;
inline constexpr size_t kMaxSourceLength = 1024;
inline constexpr size_t kMaxAxes = 16;
inline constexpr size_t kMaxSymbols = 64;
inline constexpr size_t kMaxPasses = 1024;
inline constexpr int64_t kMaxElements = int64_t{1} << 40;
inline constexpr int64_t kMaxIndexCount = int64_t{1} << 20;
inline constexpr int kMaxTileSide = 256;
inline constexpr int kMaxLoopDepth = 16;

// Letters, digits and '_': what may follow '%' or '@'.
bool IsName(absl::string_view name);
// The name of an axis, an index or a symbol: also starts with no digit and is no word of the
// grammar, such as `over`.
bool IsPlainName(absl::string_view name);
// What may follow `by`: a name that may have '-' inside.
bool IsPassName(absl::string_view name);

// Axes have legal, different names and extents >= 1 with declared symbols, and are not too many or
// too large.
absl::Status CheckAxes(const std::vector<Axis>& axes, const Module& module);
// The same for a type, and its panel layout names one of two or more axes.
absl::Status CheckType(const Type& type, const Module& module);
// A symbol's range and an index's count are within bounds, their names legal.
absl::Status CheckSymbol(const Symbol& symbol);
absl::Status CheckIndexDeclaration(const Index& index);

// `what[used]` is legal where the indices of `scope` are known: `declared` says whether `what`
// takes an index, and how many there are.
absl::Status CheckIndex(absl::string_view what, const std::optional<Index>& declared,
                        absl::string_view used, absl::Span<const Index> scope);
// A global that the load block defines has the index of the one loop around the definition, and
// none outside loops.
absl::Status CheckDefinition(absl::string_view what, absl::string_view index,
                             absl::Span<const Index> scope);

// The op's clause has the form that the op table asks for, it carries only attributes of its row,
// and they are in range.
absl::Status CheckOpForm(const Op& op, const Module& module);

}  // namespace lluda::ir

#endif  // LLUDA_IR_RULES_H_
