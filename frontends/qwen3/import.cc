#include "frontends/qwen3/import.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "frontends/qwen3/layers.h"
#include "frontends/qwen3/weights.h"
#include "ir/rules.h"

namespace lluda::frontends::qwen3 {
namespace {

absl::Status CheckOptions(const Config& config, const ImportOptions& options) {
  if (!options.find_tensor) return absl::InvalidArgumentError("find_tensor is not set");
  const std::pair<absl::string_view, int64_t> limits[] = {
      {"max_step_tokens", options.max_step_tokens},
      {"max_logit_rows", options.max_logit_rows},
      {"max_slots", options.max_slots},
      {"max_context", options.max_context.value_or(1)},
  };
  for (const auto& [name, value] : limits) {
    if (value < 1) {
      return absl::InvalidArgumentError(absl::StrCat(name, " must be at least 1, is ", value));
    }
  }
  if (options.max_context && *options.max_context > config.max_position_embeddings) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_context ", *options.max_context, " is more than the model's max_position_embeddings, ",
        config.max_position_embeddings));
  }
  return absl::OkStatus();
}

// Every size fits the IR's bounds, whatever the symbols' values.
absl::Status CheckSizes(const ir::Module& module) {
  const auto check = [&](absl::string_view name, const ir::Type& type) -> absl::Status {
    absl::Status status = ir::CheckType(type, module);
    if (status.ok()) return status;
    return absl::InvalidArgumentError(
        absl::StrCat("config.json: the model needs too large a tensor, ", name, ": ",
                     ir::ToString(type), ": ", status.message()));
  };
  for (const auto& global : module.globals()) {
    absl::Status status = check(absl::StrCat("@", global->name), global->type);
    if (!status.ok()) return status;
  }
  absl::Status status;
  ir::ForEachOp(module, [&](const ir::Op* op) {
    if (!status.ok() || op->result() == nullptr) return;
    status = check(absl::StrCat("%", op->result()->name), op->result()->type);
  });
  return status;
}

ir::Global* AddCache(const Config& config, Precision precision, std::string name,
                     ir::Module* module) {
  ir::Global cache;
  cache.kind = ir::Global::Kind::kState;
  cache.name = std::move(name);
  cache.index = ir::Index{kLayer, config.num_hidden_layers};
  cache.type.dtype = precision == Precision::kF32 ? ir::DType::kF32 : ir::DType::kBF16;
  cache.type.axes = {{"slot", ir::Extent::Symbol("S")},
                     ModelAxis(config, "kv"),
                     {"pos", ir::Extent::Symbol("C")},
                     ModelAxis(config, "dim")};
  return module->AddGlobal(std::move(cache));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ImportQwen3(const Config& config,
                                                        const ImportOptions& options) {
  if (absl::Status status = CheckOptions(config, options); !status.ok()) return status;
  const int64_t context = options.max_context.value_or(config.max_position_embeddings);
  const int64_t capacity = (context + kContextMultiple - 1) / kContextMultiple * kContextMultiple;
  auto module = std::make_unique<ir::Module>("qwen3");
  module->symbols = {{"T", 1, options.max_step_tokens},
                     {"R", 1, options.max_logit_rows},
                     {"S", 1, options.max_slots},
                     {"C", kContextMultiple, capacity}};
  Weights weights;
  if (absl::Status s = AddWeights(config, options, module.get(), &weights); !s.ok()) return s;
  ir::Global* k_cache = AddCache(config, options.precision, "k_cache", module.get());
  ir::Global* v_cache = AddCache(config, options.precision, "v_cache", module.get());
  const Model model = {config,       options.precision,         weights, k_cache, v_cache,
                       module.get(), options.record_activations};
  if (absl::Status s = AddFunctions(model); !s.ok()) return s;
  if (absl::Status s = CheckSizes(*module); !s.ok()) return s;
  return module;
}

}  // namespace lluda::frontends::qwen3
