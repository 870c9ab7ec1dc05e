#include "ir/rules.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/type/layout.h"

namespace lluda::ir {
namespace {

// Words that may follow a list of axis names or a type.
constexpr absl::string_view kGrammarWords[] = {"as", "at", "by",   "carry",  "for",  "from",
                                               "in", "to", "over", "return", "yield"};

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

bool IsNameByte(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// What each clause may hold; the ranges of counts are refined by InferType.
struct ClauseRow {
  Clause clause;
  size_t min_axes;
  bool result_axes;
  bool range;
};
constexpr ClauseRow kClauses[] = {
    {Clause::kNone, 0, false, false}, {Clause::kOver, 1, false, false},
    {Clause::kTo, 1, false, false},   {Clause::kArrow, 0, true, false},
    {Clause::kRange, 1, true, true},  {Clause::kPackArrow, 1, true, false},
    {Clause::kLoop, 0, false, true},
};
static_assert(std::size(kClauses) == static_cast<size_t>(Clause::kLoop) + 1);

// Ops of the clause `over` that may end it in `-> ff[3072]`.
bool MayNameResultAxes(Opcode opcode) {
  return opcode == Opcode::kMatmul || opcode == Opcode::kExpertMatmul || opcode == Opcode::kTopK;
}

constexpr std::optional<double> Attrs::* kNumbers[] = {
    &Attrs::base, &Attrs::by, &Attrs::eps, &Attrs::scale, &Attrs::softcap, &Attrs::step};

absl::Status CheckClause(const Op& op) {
  const Attrs& attrs = op.attrs;
  const ClauseRow& row = kClauses[static_cast<int>(Info(op.opcode()).clause)];
  if (row.min_axes == 0 && !row.result_axes && !attrs.axes.empty()) {
    return Error(op.name(), ": names axes, but has no clause for them");
  }
  if (attrs.axes.size() < row.min_axes) return Error(op.name(), ": names no axis");
  for (size_t i = 1; row.clause == Clause::kOver && i < attrs.axes.size(); ++i) {
    if (std::find(attrs.axes.begin(), attrs.axes.begin() + i, attrs.axes[i]) !=
        attrs.axes.begin() + i) {
      return Error(op.name(), ": names axis '", attrs.axes[i], "' twice");
    }
  }
  if (row.clause == Clause::kRange && attrs.axes.size() != 1) {
    return Error(op.name(), ": names ", attrs.axes.size(), " axes, needs 1");
  }
  const bool result_axes = row.result_axes || MayNameResultAxes(op.opcode());
  if (!result_axes && !attrs.result_axes.empty()) return Error(op.name(), ": takes no result axes");
  if (!row.range && (attrs.begin != 0 || attrs.end != 0)) {
    return Error(op.name(), ": takes no range");
  }
  if (row.range && (attrs.begin < 0 || attrs.begin >= attrs.end || attrs.end > kMaxElements)) {
    return Error(op.name(), ": range ", attrs.begin, "..", attrs.end,
                 " must run upwards from 0 or more");
  }
  const bool loop = row.clause == Clause::kLoop;
  if (loop != (op.body != nullptr)) {
    return Error(op.name(), loop ? ": has no body" : ": must not have a body");
  }
  if (!loop && (op.carried != nullptr || !op.loop_index.empty())) {
    return Error(op.name(), ": has the parts of a loop");
  }
  if (op.opcode() != Opcode::kCall && (op.callee != nullptr || !op.callee_index.empty())) {
    return Error(op.name(), ": has the parts of a call");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameLength &&
         std::all_of(name.begin(), name.end(), IsNameByte);
}

bool IsPlainName(absl::string_view name) {
  return IsName(name) && !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
         std::find(std::begin(kGrammarWords), std::end(kGrammarWords), name) ==
             std::end(kGrammarWords);
}

bool IsPassName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength || name.back() == '-') return false;
  if (name[0] == '-' || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) return false;
  char previous = 0;
  for (const char c : name) {
    if (!IsNameByte(c) && (c != '-' || previous == '-')) return false;
    previous = c;
  }
  return true;
}

absl::Status CheckAxes(const std::vector<Axis>& axes, const Module& module) {
  if (axes.size() > kMaxAxes) return Error("more than ", kMaxAxes, " axes");
  int64_t elements = 1;
  for (size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[i];
    if (!IsPlainName(axis.name)) return Error("'", axis.name, "' is no name for an axis");
    for (size_t j = 0; j < i; ++j) {
      if (axes[j].name == axis.name) return Error("axis '", axis.name, "' appears twice");
    }
    int64_t extent = axis.extent.value;
    if (!axis.extent.is_constant()) {
      const Symbol* symbol = module.FindSymbol(axis.extent.symbol);
      if (symbol == nullptr) return Error("unknown symbol '", axis.extent.symbol, "'");
      extent = std::max<int64_t>(symbol->max, 1);
    } else if (extent < 1) {
      return Error("axis '", axis.name, "' has ", extent, " elements, needs at least 1");
    }
    if (extent > kMaxElements / elements) {
      return Error("the axes up to '", axis.name, "' hold more than ", kMaxElements, " elements");
    }
    elements *= extent;
  }
  return absl::OkStatus();
}

absl::Status CheckType(const Type& type, const Module& module) {
  RETURN_IF_ERROR(CheckAxes(type.axes, module));
  const Layout& layout = type.layout;
  if (!layout.is_panel()) return CheckBlocks(EncodingOf(type.dtype), type);
  if (!type.HasAxis(layout.axis)) return Error("no axis '", layout.axis, "' for the panel layout");
  if (type.axes.size() < 2) return Error("a panel layout needs at least two axes");
  if (layout.rows < 1 || layout.depth < 1 || layout.rows > kMaxTileSide ||
      layout.depth > kMaxTileSide) {
    return Error("panel of ", layout.rows, "x", layout.depth, ", each must be 1 to ", kMaxTileSide);
  }
  return CheckBlocks(EncodingOf(type.dtype), type);
}

absl::Status CheckSymbol(const Symbol& symbol) {
  if (!IsPlainName(symbol.name)) return Error("'", symbol.name, "' is no name for a symbol");
  if (symbol.min < 0 || symbol.max < symbol.min || symbol.max < 1 || symbol.max > kMaxElements) {
    return Error("symbol '", symbol.name, "' has the range ", symbol.min, "..", symbol.max,
                 ", must be within 0..", kMaxElements, " and not be empty");
  }
  return absl::OkStatus();
}

absl::Status CheckIndexDeclaration(const Index& index) {
  if (!IsPlainName(index.name)) return Error("'", index.name, "' is no name for an index");
  if (index.count < 1 || index.count > kMaxIndexCount) {
    return Error("index '", index.name, "' has the count ", index.count, ", must be 1 to ",
                 kMaxIndexCount);
  }
  return absl::OkStatus();
}

absl::Status CheckIndex(absl::string_view what, const std::optional<Index>& declared,
                        absl::string_view used, absl::Span<const Index> scope) {
  if (!declared) {
    return used.empty() ? absl::OkStatus() : Error(what, " has no index, got [", used, "]");
  }
  if (used.empty()) return Error(what, " needs an index: ", what, "[", declared->name, "]");
  if (const std::optional<int64_t> number = ConstantIndex(used)) {
    if (*number < declared->count) return absl::OkStatus();
    return Error(what, " has ", declared->count, " copies, got [", used, "]");
  }
  const auto known =
      std::find_if(scope.begin(), scope.end(), [&](const Index& i) { return i.name == used; });
  if (known == scope.end()) return Error("index '", used, "' is not known here");
  if (known->count > declared->count) {
    return Error(what, " has ", declared->count, " copies, '", used, "' runs up to ",
                 known->count - 1);
  }
  return absl::OkStatus();
}

absl::Status CheckDefinition(absl::string_view what, absl::string_view index,
                             absl::Span<const Index> scope) {
  if (scope.size() > 1) return Error(what, " is defined inside more than one loop");
  const std::string wanted = scope.empty() ? "" : scope[0].name;
  if (index == wanted) return absl::OkStatus();
  if (wanted.empty()) return Error(what, " is defined outside loops and has the index ", index);
  return Error(what, " is defined in a loop and needs its index: ", what, "[", wanted, "]");
}

absl::Status CheckOpForm(const Op& op, const Module& module) {
  RETURN_IF_ERROR(CheckClause(op));
  for (const std::string& axis : op.attrs.axes) {
    if (!IsPlainName(axis)) return Error(op.name(), ": '", axis, "' is no name for an axis");
  }
  if (absl::Status s = CheckAxes(op.attrs.result_axes, module); !s.ok()) {
    return Error(op.name(), ": ", s.message());
  }
  for (int i = 0; i < static_cast<int>(AttrKey::kCount); ++i) {
    const AttrKey key = static_cast<AttrKey>(i);
    if (op.attrs.IsSet(key) && (Info(op.opcode()).keys & KeyBit(key)) == 0) {
      return Error(op.name(), ": has no attribute '", AttrKeyName(key), "'");
    }
  }
  for (const auto number : kNumbers) {
    if ((op.attrs.*number).has_value() && !std::isfinite(*(op.attrs.*number))) {
      return Error(op.name(), ": an attribute is not finite");
    }
  }
  if (op.attrs.softcap && *op.attrs.softcap <= 0) {
    return Error(op.name(), ": 'softcap' must be positive, is ", *op.attrs.softcap);
  }
  if (op.attrs.window && *op.attrs.window < 1) {
    return Error(op.name(), ": 'window' must be at least 1, is ", *op.attrs.window);
  }
  const bool takes_any = op.opcode() == Opcode::kCast || op.opcode() == Opcode::kQuantizeBlocks;
  if (op.attrs.out && !IsFloat(*op.attrs.out) && !takes_any) {
    return Error(op.name(), ": 'out' must be a float type, is ", DTypeName(*op.attrs.out));
  }
  const auto& tile = op.attrs.tile;
  if (tile && (tile->rows < 1 || tile->depth < 1 || tile->rows > kMaxTileSide ||
               tile->depth > kMaxTileSide)) {
    return Error(op.name(), ": tile ", tile->rows, "x", tile->depth, ", each must be 1 to ",
                 kMaxTileSide);
  }
  if (op.frame_offset && *op.frame_offset < 0) {
    return Error(op.name(), ": frame offset ", *op.frame_offset, " is negative");
  }
  if (!op.by.empty() && !IsPassName(op.by)) {
    return Error(op.name(), ": '", op.by, "' is no name of a pass");
  }
  return absl::OkStatus();
}

}  // namespace lluda::ir
