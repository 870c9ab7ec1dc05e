#include "tools/inspect/entry_arguments.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "ir/rows_read.h"

namespace lluda::tools {
namespace {

// The symbols in the types of the parameters, each once.
std::vector<std::string> SymbolsOf(const ir::Func& entry) {
  std::vector<std::string> symbols;
  for (const auto& param : entry.params()) {
    for (const ir::Axis& axis : param->type.axes) {
      if (axis.extent.is_constant()) continue;
      const std::string& name = axis.extent.symbol;
      if (std::find(symbols.begin(), symbols.end(), name) == symbols.end()) symbols.push_back(name);
    }
  }
  return symbols;
}

absl::StatusOr<ir::Tensor> ArgumentOf(const ir::Func& entry, const ir::Value& param,
                                      const SymbolValues& symbols, base::SplitMix64* random) {
  ir::Type type = param.type;
  for (ir::Axis& axis : type.axes) {
    if (!axis.extent.is_constant()) {
      axis.extent = ir::Extent::Constant(symbols.at(axis.extent.symbol));
    }
  }
  ir::Tensor argument(type);
  switch (type.dtype) {
    case ir::DType::kF32:
      for (int64_t i = 0; i < argument.size(); ++i) argument.Store(i, 2 * random->NextUnit() - 1);
      return argument;
    case ir::DType::kI32: {
      const auto rows = static_cast<uint64_t>(std::max<int64_t>(ir::RowsReadBy(param), 1));
      for (int64_t& row : argument.mutable_ints())
        row = static_cast<int64_t>(random->Next() % rows);
      return argument;
    }
    default:
      return absl::InvalidArgumentError(absl::StrCat("@", entry.name, ": %", param.name, " is ",
                                                     ir::DTypeName(type.dtype),
                                                     ", and neither f32 nor i32"));
  }
}

}  // namespace

bool TakesRows(const ir::Func& entry) { return !SymbolsOf(entry).empty(); }

absl::StatusOr<SymbolValues> EntrySymbols(const ir::Module& module, const ir::Func& entry,
                                          std::optional<int64_t> rows) {
  if (rows && !TakesRows(entry)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--tokens: @", entry.name, " always takes as much"));
  }
  SymbolValues symbols;
  for (const std::string& name : SymbolsOf(entry)) {
    const ir::Symbol& symbol = *module.FindSymbol(name);
    symbols[name] = rows.value_or(symbol.max);
    if (symbols[name] >= symbol.min && symbols[name] <= symbol.max) continue;
    return absl::InvalidArgumentError(absl::StrCat("--tokens: @", entry.name, " takes ", symbol.min,
                                                   " to ", symbol.max, " rows of sound, not ",
                                                   *rows));
  }
  return symbols;
}

absl::StatusOr<std::vector<ir::Tensor>> EntryArguments(const ir::Func& entry,
                                                       const SymbolValues& symbols) {
  base::SplitMix64 random(1);
  std::vector<ir::Tensor> arguments;
  for (const auto& param : entry.params()) {
    ASSIGN_OR_RETURN(ir::Tensor argument, ArgumentOf(entry, *param, symbols, &random));
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

std::string EntryRunText(const ir::Func& entry, const SymbolValues& symbols) {
  if (symbols.empty()) return entry.name;
  const int64_t rows = symbols.begin()->second;
  return absl::StrCat(entry.name, ", ", rows, rows == 1 ? " row of sound" : " rows of sound");
}

}  // namespace lluda::tools
