#include "frontends/decoder/import.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "frontends/decoder/layer_parts.h"
#include "frontends/decoder/layers.h"
#include "frontends/decoder/weights/layer_groups.h"
#include "frontends/decoder/weights/model_axis.h"
#include "frontends/decoder/weights/weight_table.h"
#include "frontends/encoder/import.h"
#include "ir/rules.h"

namespace lluda::frontends::decoder {
namespace {

absl::Status CheckOptions(const Decoder& decoder, const ImportOptions& options) {
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
  if (options.max_context && *options.max_context > decoder.max_position_embeddings) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_context ", *options.max_context, " is more than the model's max_position_embeddings, ",
        decoder.max_position_embeddings));
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

// @k_cache or @v_cache, by `name`, and where it holds integers @k_scale or @v_scale; `suffix` follows.
Cache AddCache(const Decoder& decoder, const ImportOptions& options, const ir::Index& index,
               absl::string_view name, absl::string_view suffix, ir::Module* module) {
  ir::Global numbers;
  numbers.kind = ir::Global::Kind::kState;
  numbers.name = absl::StrCat(name, "_cache", suffix);
  numbers.index = index;
  const bool integers = options.kv_cache == KvCache::kInt8;
  numbers.type.dtype = integers                               ? ir::DType::kI8
                       : options.precision == Precision::kF32 ? ir::DType::kF32
                                                              : ir::DType::kBF16;
  numbers.type.axes = {
      {step_interface::kSlotAxis, ir::Extent::Symbol(step_interface::kSlotCount)},
      ModelAxis(decoder, "kv"),
      {step_interface::kPositionAxis, ir::Extent::Symbol(step_interface::kCapacity)},
      ModelAxis(decoder, "dim")};
  Cache cache;
  cache.numbers = module->AddGlobal(numbers);
  if (!integers) return cache;
  ir::Global scales = numbers;
  scales.name = absl::StrCat(name, "_scale", suffix);
  scales.type = numbers.type.Without("dim").With(ir::DType::kF32);
  cache.scales = module->AddGlobal(std::move(scales));
  return cache;
}

bool HasAttention(const Decoder& decoder, const LayerGroup& group, size_t kind) {
  return std::any_of(group.layers.begin(), group.layers.end(), [&](int64_t layer) {
    return decoder.layers[static_cast<size_t>(layer)].attention == kind;
  });
}

// The functions of attention, with their caches. Kinds of attention with a window have caches of their
// own, which need not hold all positions. Each has a copy for each layer of the group; those of other
// layers' stay unused.
std::vector<AttentionFunction> AttentionFunctions(const Decoder& decoder,
                                                  const ImportOptions& options,
                                                  const std::vector<LayerGroup>& groups,
                                                  ir::Module* module) {
  std::vector<AttentionFunction> functions;
  for (const LayerGroup& group : groups) {
    if (group.copies != Copies::kLayers) continue;
    const auto add = [&](absl::string_view kind) {
      const std::string suffix = absl::StrCat(kind, group.suffix);
      const Cache keys = AddCache(decoder, options, group.index, "k", suffix, module);
      return KeyValueCache{keys, AddCache(decoder, options, group.index, "v", suffix, module)};
    };
    std::optional<KeyValueCache> whole;
    for (size_t kind = 0; kind < decoder.attentions.size(); ++kind) {
      if (!HasAttention(decoder, group, kind)) continue;
      const Attention& attention = decoder.attentions[kind];
      KeyValueCache caches;
      if (attention.window) {
        caches = add(absl::StripPrefix(attention.name, kAttention));
      } else {
        if (!whole) whole = add("");
        caches = *whole;
      }
      functions.push_back({absl::StrCat(attention.name, group.suffix), attention, group, caches});
    }
  }
  return functions;
}

std::vector<MlpFunction> MlpFunctions(const std::vector<LayerGroup>& groups) {
  std::vector<MlpFunction> functions;
  for (const auto& [copies, name] : {std::pair(Copies::kSparse, kMoe), {Copies::kDense, kMlp}}) {
    for (const LayerGroup& group : groups) {
      if (group.copies == copies) functions.push_back({absl::StrCat(name, group.suffix), group});
    }
  }
  return functions;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ir::Module>> ImportDecoder(const Decoder& decoder,
                                                          const ImportOptions& options) {
  RETURN_IF_ERROR(CheckOptions(decoder, options));
  const int64_t context = options.max_context.value_or(decoder.max_position_embeddings);
  const int64_t capacity = (context + kContextMultiple - 1) / kContextMultiple * kContextMultiple;
  auto module = std::make_unique<ir::Module>(decoder.family);
  module->symbols = {{step_interface::kTokenCount, 1, options.max_step_tokens},
                     {step_interface::kRowCount, 1, options.max_logit_rows},
                     {step_interface::kSlotCount, 1, options.max_slots},
                     {step_interface::kCapacity, kContextMultiple, capacity}};
  if (decoder.audio) {
    // Row 0 of a step's media is zeros.
    module->symbols.push_back({step_interface::kMediaCount, 1, options.max_step_tokens + 1});
    module->symbols.push_back(encoder::SoundRows(*decoder.audio));
  }
  if (options.pages) {
    const int64_t places = capacity / step_interface::kPagePositions;
    module->symbols.push_back({step_interface::kPageCount, 1, options.max_slots * places});
    module->symbols.push_back({step_interface::kPlaceCount, 1, places});
  }
  Weights weights;
  std::vector<LayerGroup> groups;
  RETURN_IF_ERROR(AddWeights(decoder, options, module.get(), &weights, &groups));
  const Model model = {decoder,
                       options.precision,
                       options.result,
                       weights,
                       context,
                       AttentionFunctions(decoder, options, groups, module.get()),
                       MlpFunctions(groups),
                       module.get(),
                       options.record_activations,
                       options.record_inputs,
                       options.activations,
                       options.partial_head};
  for (const auto add : {AddLayers, AddResult, AddStep, AddTop}) {
    RETURN_IF_ERROR(add(model));
  }
  if (decoder.audio) {
    RETURN_IF_ERROR(encoder::AddAudio(
        *decoder.audio, {options.precision, options.find_tensor, options.checkpoint_name},
        module.get()));
  }
  RETURN_IF_ERROR(CheckSizes(*module));
  return module;
}

}  // namespace lluda::frontends::decoder
