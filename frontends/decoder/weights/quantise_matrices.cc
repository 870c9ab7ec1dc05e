#include "frontends/decoder/weights/quantise_matrices.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/decoder/weights/declare_weight.h"
#include "ir/builder.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::decoder {
namespace {

// A global that the load block quantises from `weight`, to be read in its place.
ir::Global* AddQuantised(const ir::Global& weight, ir::DType dtype, ir::Module* module) {
  ir::Global quantised = weight;
  quantised.kind = ir::Global::Kind::kLoaded;
  quantised.name = absl::StrCat(weight.name, "_", ir::DTypeName(dtype));
  quantised.source.clear();
  quantised.type.dtype = dtype;
  return module->AddGlobal(std::move(quantised));
}

// The importances of the matrix's columns, if `dtype`'s quantiser takes any and the checkpoint has them;
// else null. InvalidArgument if it has those of some layers only.
absl::StatusOr<ir::Global*> AddImportance(const Found& found, ir::DType dtype,
                                          const ImportOptions& options, ir::Module* module) {
  if (!ir::TakesImportance(dtype)) return nullptr;
  ir::Global importance = found.weight;
  importance.name = absl::StrCat(found.weight.name, "_importance");
  absl::StrAppend(&importance.source, kImportanceSuffix);
  // Of experts, each has its own.
  const std::vector<ir::Axis>& axes = found.weight.type.axes;
  importance.type = {ir::DType::kF32, {axes.back()}, {}};
  if (axes.size() > 2) importance.type.axes.insert(importance.type.axes.begin(), axes.front());
  const std::vector<std::string> names = AllSourceNames(importance);
  const auto missing = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
    return !options.find_tensor(name).has_value();
  });
  if (missing == names.end()) return module->AddGlobal(std::move(importance));
  const auto known = std::count_if(names.begin(), names.end(), [&](const std::string& name) {
    return options.find_tensor(name).has_value();
  });
  if (known == 0) return nullptr;
  return absl::InvalidArgumentError(
      absl::StrCat(options.importance_name, ": has ", known, " of the ", names.size(),
                   " layers that it should have: '", *missing, "' is not there"));
}

}  // namespace

absl::Status QuantiseMatrices(const std::vector<Declared>& all, const ImportOptions& options,
                              ir::Module* module) {
  std::map<std::string, ir::Op*> loops;  // over the copies, by the index's name
  int count = 0;
  for (const auto& [found, weights] : all) {
    ir::Global*& weight = weights->*found.row->member;
    // Alike in all layers of a group.
    if (!found.quantised[0]) continue;
    const ir::DType dtype = *found.quantised[0];
    ir::Attrs attrs;
    attrs.out = dtype;
    ir::Block* in = &module->load;
    const std::string index = weight->index ? weight->index->name : "";
    if (weight->index) {
      ir::Op*& loop = loops[index];
      if (loop == nullptr) {
        loop = module->load.Append(ir::Opcode::kFor);
        loop->loop_index = index;
        loop->attrs.end = weight->index->count;
        loop->body = std::make_unique<ir::Block>(module, nullptr, loop);
      }
      in = loop->body.get();
    }
    ir::Global* quantised = AddQuantised(*weight, dtype, module);
    std::vector<ir::Operand> operands = {{weight, index}};
    ASSIGN_OR_RETURN(ir::Global * importance, AddImportance(found, dtype, options, module));
    if (importance != nullptr) operands.emplace_back(importance, index);
    ir::Builder(in).Define(ir::Opcode::kQuantizeBlocks, quantised, index, operands, attrs);
    weight = quantised;
    ++count;
  }
  if (count > 0 || !options.weights) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(options.checkpoint_name, ": no matrix of floats has rows of whole blocks of ",
                   ir::EncodingOf(InBlocksOf32(*options.weights)).elements, " elements, which ",
                   ir::DTypeName(*options.weights), " needs"));
}

}  // namespace lluda::frontends::decoder
