#include "engine/module_text.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "frontends/tensor_info.h"
#include "ir/parser.h"
#include "ir/verifier.h"
#include "passes/default_pipeline.h"
#include "passes/plan_memory.h"

namespace lluda::engine {
namespace {

std::string Shape(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::Status CheckWeight(const ir::Global& weight, const frontends::TensorLookup& find_tensor) {
  if (weight.source.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight @", weight.name, " names no tensor of the checkpoint"));
  }
  std::vector<int64_t> shape;
  for (const ir::Axis& axis : weight.type.axes) shape.push_back(axis.extent.value);
  for (int64_t i = 0; i < (weight.index ? weight.index->count : 1); ++i) {
    const std::string name = ir::SourceName(weight, i);
    const std::optional<frontends::TensorInfo> tensor = find_tensor(name);
    if (!tensor) {
      return absl::InvalidArgumentError(
          absl::StrCat("weight @", weight.name, ": the checkpoint has no tensor ", name));
    }
    if (tensor->dtype != weight.type.dtype || tensor->shape != shape) {
      return absl::InvalidArgumentError(
          absl::StrCat("weight @", weight.name, " is ", ir::ToString(weight.type), ", the tensor ",
                       name, " is ", tensor->dtype_name, " ", Shape(tensor->shape)));
    }
  }
  return absl::OkStatus();
}

// The signature that sessions call.
absl::Status CheckStep(const ir::Module& module, int64_t vocabulary) {
  const ir::Func* step = module.FindFunc("step");
  if (step == nullptr) return absl::InvalidArgumentError("there is no func @step");
  for (const char* symbol : {"T", "R", "S", "C"}) {
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
  const std::string expected = absl::StrCat(
      "(%tokens: i32 tok[T], %pos: i32 tok[T], %slot: i32 tok[T], %rows: i32 row[R]) -> f32 "
      "row[R] vocab[",
      vocabulary, "]");
  if (signature == expected && !step->index) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("func @step is ", signature, ", the model's is ", expected));
}

absl::Status Check(const ModelFiles& files, const ir::Module& module) {
  if (absl::Status status = ir::Verify(module); !status.ok()) return status;
  if (absl::Status s = CheckStep(module, files.config.vocab_size); !s.ok()) return s;
  const frontends::TensorLookup find_tensor = TensorsOf(files);
  for (const auto& global : module.globals()) {
    if (global->kind != ir::Global::Kind::kWeight) continue;
    if (absl::Status status = CheckWeight(*global, find_tensor); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ParseModuleFor(const ModelFiles& files,
                                                           const ModuleText& source) {
  absl::StatusOr<std::unique_ptr<ir::Module>> module = ir::ParseModule(source.text, source.name);
  if (!module.ok()) return module.status();
  if (absl::Status status = Check(files, **module); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(source.name, ": ", status.message()));
  }
  // Places are taken as they are where no pass is left that would plan them.
  const absl::StatusOr<std::vector<std::string>> rest = passes::RemainingPasses(**module);
  if (rest.ok() && rest->empty()) {
    if (absl::Status status = passes::CheckMemoryPlan(**module); !status.ok()) return status;
  }
  return module;
}

}  // namespace lluda::engine
