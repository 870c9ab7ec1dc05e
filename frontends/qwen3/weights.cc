#include "frontends/qwen3/weights.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"

namespace lluda::frontends::qwen3 {
namespace {

struct WeightRow {
  ir::Global* Weights::* member;
  const char* name;
  bool per_layer;
  const char* source;
  const char* axes[2];  // the second is null for a vector
};

constexpr WeightRow kWeights[] = {
    {&Weights::embed, "embed", false, "model.embed_tokens.weight", {"vocab", "hid"}},
    {&Weights::attn_norm,
     "attn_norm",
     true,
     "model.layers.{layer}.input_layernorm.weight",
     {"hid"}},
    {&Weights::wq, "wq", true, "model.layers.{layer}.self_attn.q_proj.weight", {"q", "hid"}},
    {&Weights::wk, "wk", true, "model.layers.{layer}.self_attn.k_proj.weight", {"kd", "hid"}},
    {&Weights::wv, "wv", true, "model.layers.{layer}.self_attn.v_proj.weight", {"vd", "hid"}},
    {&Weights::wo, "wo", true, "model.layers.{layer}.self_attn.o_proj.weight", {"hid", "q"}},
    {&Weights::q_norm, "q_norm", true, "model.layers.{layer}.self_attn.q_norm.weight", {"dim"}},
    {&Weights::k_norm, "k_norm", true, "model.layers.{layer}.self_attn.k_norm.weight", {"dim"}},
    {&Weights::mlp_norm,
     "mlp_norm",
     true,
     "model.layers.{layer}.post_attention_layernorm.weight",
     {"hid"}},
    {&Weights::wg, "wg", true, "model.layers.{layer}.mlp.gate_proj.weight", {"ff", "hid"}},
    {&Weights::wu, "wu", true, "model.layers.{layer}.mlp.up_proj.weight", {"ff", "hid"}},
    {&Weights::wd, "wd", true, "model.layers.{layer}.mlp.down_proj.weight", {"hid", "ff"}},
    {&Weights::final_norm, "final_norm", false, "model.norm.weight", {"hid"}},
    {&Weights::lm_head, "lm_head", false, "lm_head.weight", {"vocab", "hid"}},
};

std::vector<int64_t> ShapeOf(const ir::Type& type) {
  std::vector<int64_t> shape;
  for (const ir::Axis& axis : type.axes) shape.push_back(axis.extent.value);
  return shape;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// The dtype of one tensor, which has to have this shape.
absl::StatusOr<TensorInfo> FindTensor(const ImportOptions& options, const std::string& name,
                                      const std::vector<int64_t>& shape) {
  const std::string label = absl::StrCat(options.checkpoint_name, ": tensor '", name, "'");
  std::optional<TensorInfo> info = options.find_tensor(name);
  if (!info) {
    return absl::NotFoundError(
        absl::StrCat(label, " is missing, config.json asks for one of shape ", ShapeText(shape)));
  }
  if (info->shape != shape) {
    return absl::InvalidArgumentError(absl::StrCat(label, " has shape ", ShapeText(info->shape),
                                                   ", config.json asks for ", ShapeText(shape)));
  }
  if (!info->dtype || !ir::IsFloat(*info->dtype)) {
    return absl::UnimplementedError(
        absl::StrCat(label, " is ", info->dtype_name, ", supported are BF16, F16 and F32"));
  }
  return *std::move(info);
}

absl::StatusOr<ir::Global> MakeWeight(const WeightRow& row, const Config& config,
                                      const ImportOptions& options) {
  ir::Global weight;
  weight.name = row.name;
  weight.source = row.source;
  if (row.per_layer) weight.index = ir::Index{kLayer, config.num_hidden_layers};
  for (const char* axis : row.axes) {
    if (axis != nullptr) weight.type.axes.push_back(ModelAxis(config, axis));
  }
  std::string first_dtype;
  for (int64_t layer = 0; layer < (row.per_layer ? config.num_hidden_layers : 1); ++layer) {
    const std::string name = ir::SourceName(weight, layer);
    absl::StatusOr<TensorInfo> info = FindTensor(options, name, ShapeOf(weight.type));
    if (!info.ok()) return info.status();
    if (layer == 0) {
      weight.type.dtype = *info->dtype;
      first_dtype = info->dtype_name;
    } else if (*info->dtype != weight.type.dtype) {
      return absl::InvalidArgumentError(absl::StrCat(options.checkpoint_name, ": tensor '", name,
                                                     "' is ", info->dtype_name, ", layer 0 has ",
                                                     first_dtype));
    }
  }
  return weight;
}

}  // namespace

ir::Axis ModelAxis(const Config& config, absl::string_view name) {
  const std::pair<absl::string_view, int64_t> sizes[] = {
      {"vocab", config.vocab_size},
      {"hid", config.hidden_size},
      {"ff", config.intermediate_size},
      {"q", config.query_size()},
      {"kd", config.key_value_size()},
      {"vd", config.key_value_size()},
      {"kv", config.num_key_value_heads},
      {"rep", config.num_attention_heads / config.num_key_value_heads},
      {"dim", config.head_dim},
      {"pair", config.head_dim / 2},
  };
  for (const auto& [axis, size] : sizes) {
    if (axis == name) return {std::string(name), ir::Extent::Constant(size)};
  }
  LOG(FATAL) << "the model has no axis " << name;
}

TensorLookup TensorsOf(const Config& config) {
  const std::pair<absl::string_view, ir::DType> dtypes[] = {
      {"float32", ir::DType::kF32},
      {"bfloat16", ir::DType::kBF16},
      {"float16", ir::DType::kF16},
  };
  absl::flat_hash_map<std::string, TensorInfo> tensors;
  for (const WeightRow& row : kWeights) {
    ir::Global weight;
    weight.source = row.source;
    if (row.per_layer) weight.index = ir::Index{kLayer, config.num_hidden_layers};
    TensorInfo info;
    info.dtype_name = config.dtype;
    for (const auto& [name, dtype] : dtypes) {
      if (name == config.dtype) info.dtype = dtype;
    }
    for (const char* axis : row.axes) {
      if (axis != nullptr) info.shape.push_back(ModelAxis(config, axis).extent.value);
    }
    for (int64_t i = 0; i < (row.per_layer ? config.num_hidden_layers : 1); ++i) {
      tensors[ir::SourceName(weight, i)] = info;
    }
  }
  return [tensors = std::move(tensors)](absl::string_view name) -> std::optional<TensorInfo> {
    const auto it = tensors.find(name);
    if (it == tensors.end()) return std::nullopt;
    return it->second;
  };
}

absl::Status AddWeights(const Config& config, const ImportOptions& options, ir::Module* module,
                        Weights* weights) {
  for (const WeightRow& row : kWeights) {
    if (row.member == &Weights::lm_head && config.tie_word_embeddings) continue;
    absl::StatusOr<ir::Global> weight = MakeWeight(row, config, options);
    if (!weight.ok()) return weight.status();
    weights->*row.member = module->AddGlobal(*std::move(weight));
  }
  return absl::OkStatus();
}

}  // namespace lluda::frontends::qwen3
