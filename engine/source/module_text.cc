#include "engine/source/module_text.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/checkpoint/tensor_info.h"
#include "ir/check/verifier.h"
#include "ir/text/parser.h"
#include "passes/default_pipeline.h"
#include "passes/place/plan_memory.h"

namespace lluda::engine {
namespace {

std::string Shape(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// Which of the weight's layers something reads: the load block may read some and leave others to a
// weight of another dtype.
std::vector<bool> LayersRead(const ir::Module& module, const ir::Global& weight) {
  std::vector<bool> read(static_cast<size_t>(weight.index ? weight.index->count : 1), false);
  ir::ForEachOp(module, [&](const ir::Op* op) {
    const ir::Op* loop = op->parent()->loop();
    const bool in_load = op->parent()->func() == nullptr && loop != nullptr;
    for (const ir::Operand& operand : op->operands()) {
      if (operand.global != &weight) continue;
      const auto begin = static_cast<size_t>(in_load ? loop->attrs.begin : 0);
      const size_t end = in_load ? static_cast<size_t>(loop->attrs.end) : read.size();
      for (size_t i = begin; i < std::min(end, read.size()); ++i) read[i] = true;
    }
  });
  return read;
}

absl::Status CheckWeight(const ir::Module& module, const ir::Global& weight,
                         const frontends::TensorLookup& find_tensor) {
  if (weight.source.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight @", weight.name, " names no tensor of the checkpoint"));
  }
  std::vector<int64_t> shape;
  for (const ir::Axis& axis : weight.type.axes) shape.push_back(axis.extent.value);
  if (ir::IsStacked(weight)) shape.erase(shape.begin());
  const std::vector<bool> read = LayersRead(module, weight);
  for (int64_t i = 0; i < static_cast<int64_t>(read.size()); ++i) {
    if (!read[static_cast<size_t>(i)]) continue;
    for (const std::string& name : ir::SourceNames(weight, i)) {
      const std::optional<frontends::TensorInfo> tensor = find_tensor(name);
      if (!tensor) {
        return absl::InvalidArgumentError(
            absl::StrCat("weight @", weight.name, ": the checkpoint has no tensor ", name));
      }
      if (tensor->dtype != weight.type.dtype || tensor->shape != shape) {
        return absl::InvalidArgumentError(absl::StrCat(
            "weight @", weight.name, " is ", ir::ToString(weight.type), ", the tensor ", name,
            " is ", tensor->dtype_name, " ", Shape(tensor->shape)));
      }
    }
  }
  return absl::OkStatus();
}

// The signature that sessions call.
absl::Status CheckStep(const ir::Module& module, const frontends::decoder::Decoder& decoder) {
  const ir::Func* step = module.FindFunc(step_interface::kStep);
  if (step == nullptr) return absl::InvalidArgumentError("there is no func @step");
  for (const char* symbol : step_interface::kSymbols) {
    if (module.FindSymbol(symbol) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("there is no symbol ", symbol));
    }
  }
  std::vector<std::string> params;
  for (const auto& param : step->params()) {
    params.push_back(absl::StrCat("%", param->name, ": ", ir::ToString(param->type)));
  }
  const std::string signature =
      absl::StrCat("(", absl::StrJoin(params, ", "), ") -> ", ir::ToString(step->result_type));
  const std::string token =
      absl::StrCat(step_interface::kTokenAxis, "[", step_interface::kTokenCount, "]");
  const std::string row =
      absl::StrCat(step_interface::kRowAxis, "[", step_interface::kRowCount, "]");
  std::vector<std::string> inputs;
  for (const char* input : step_interface::kInputs) {
    inputs.push_back(absl::StrCat("%", input, ": i32 ",
                                  absl::string_view(input) == step_interface::kRows ? row : token));
  }
  if (decoder.audio) {
    inputs.push_back(absl::StrCat("%", step_interface::kKeep, ": f32 ", token));
    inputs.push_back(absl::StrCat("%", step_interface::kFrom, ": i32 ", token));
    inputs.push_back(absl::StrCat("%", step_interface::kMedia, ": f32 ", step_interface::kMediaAxis,
                                  "[", step_interface::kMediaCount, "] hid[", decoder.hidden_size,
                                  "]"));
  }
  // Of a bundle's module, or a server's.
  if (!step->params().empty() && step->params().back()->name == step_interface::kPageTable) {
    inputs.push_back(absl::StrCat("%", step_interface::kPage, ": i32 ", token));
    inputs.push_back(absl::StrCat("%", step_interface::kPageTable, ": i32 ",
                                  step_interface::kSlotAxis, "[", step_interface::kSlotCount, "] ",
                                  step_interface::kPlaceAxis, "[", step_interface::kPlaceCount,
                                  "]"));
  }
  const std::string expected = absl::StrCat("(", absl::StrJoin(inputs, ", "), ") -> f32 ", row,
                                            " vocab[", decoder.vocab_size, "]");
  if (signature == expected && !step->index) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("func @step is ", signature, ", the model's is ", expected));
}

absl::Status Check(const ModelFiles& files, const ir::Module& module) {
  RETURN_IF_ERROR(ir::Verify(module));
  RETURN_IF_ERROR(CheckStep(module, files.decoder));
  const frontends::TensorLookup find_tensor = TensorsOf(files);
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kWeight) continue;
    if (absl::Status status = CheckWeight(module, *global, find_tensor); !status.ok())
      return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ParseModuleFor(const ModelFiles& files,
                                                           const ModuleText& source) {
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ir::ParseModule(source.text, source.name));
  if (absl::Status status = Check(files, *module); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source.name, ": ", status.message()));
  }
  // Places are taken as they are where no pass is left that would plan them.
  const absl::StatusOr<std::vector<std::string>> rest = passes::RemainingPasses(*module);
  if (rest.ok() && rest->empty()) {
    RETURN_IF_ERROR(passes::CheckMemoryPlan(*module));
  }
  return module;
}

}  // namespace lluda::engine
