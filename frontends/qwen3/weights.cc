#include "frontends/qwen3/weights.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "glog/logging.h"
#include "ir/builder.h"

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

// A weight, and the dtype that each of its tensors has: one for each layer, or one in all.
struct Found {
  const WeightRow* row;
  ir::Global weight;  // of the first tensor's dtype
  std::vector<ir::DType> dtypes;

  bool IsMixed() const {
    return std::any_of(dtypes.begin(), dtypes.end(),
                       [&](ir::DType dtype) { return dtype != dtypes[0]; });
  }
};

absl::StatusOr<Found> FindWeight(const WeightRow& row, const Config& config,
                                 const ImportOptions& options) {
  Found found{&row, {}, {}};
  ir::Global& weight = found.weight;
  weight.name = row.name;
  weight.source = row.source;
  if (row.per_layer) weight.index = ir::Index{kLayer, config.num_hidden_layers};
  for (const char* axis : row.axes) {
    if (axis != nullptr) weight.type.axes.push_back(ModelAxis(config, axis));
  }
  for (int64_t layer = 0; layer < (row.per_layer ? config.num_hidden_layers : 1); ++layer) {
    ASSIGN_OR_RETURN(TensorInfo info,
                     FindTensor(options, ir::SourceName(weight, layer), ShapeOf(weight.type)));
    found.dtypes.push_back(*info.dtype);
  }
  weight.type.dtype = found.dtypes[0];
  return found;
}

// Layers that have the same dtypes, one behind the other.
struct Run {
  int64_t begin = 0;
  int64_t end = 0;
};

std::vector<Run> RunsOf(const std::vector<const Found*>& mixed, int64_t layers) {
  std::vector<Run> runs = {{0, 1}};
  for (int64_t layer = 1; layer < layers; ++layer) {
    const auto index = static_cast<size_t>(layer);
    const bool same = std::all_of(mixed.begin(), mixed.end(), [&](const Found* found) {
      return found->dtypes[index] == found->dtypes[index - 1];
    });
    if (!same) runs.push_back({layer, layer});
    runs.back().end = layer + 1;
  }
  return runs;
}

// Weights whose layers differ in dtype: one weight for each dtype, of which only the layers that
// have it are read, and a global that the load block casts from them. Matrices become what matmuls
// read; the rest is widened to f32, which loses nothing.
void AddMixed(const std::vector<const Found*>& mixed, const Config& config,
              const ImportOptions& options, ir::Module* module, Weights* weights) {
  std::map<std::pair<const Found*, ir::DType>, ir::Global*> sources;
  for (const Found* found : mixed) {
    for (const ir::DType dtype : found->dtypes) {
      ir::Global*& source = sources[{found, dtype}];
      if (source != nullptr) continue;
      ir::Global weight = found->weight;
      weight.name = absl::StrCat(found->row->name, "_", ir::DTypeName(dtype));
      weight.type.dtype = dtype;
      source = module->AddGlobal(std::move(weight));
    }
    const bool is_matrix = found->row->axes[1] != nullptr;
    ir::Global loaded = found->weight;
    loaded.kind = ir::Global::Kind::kLoaded;
    loaded.source.clear();
    loaded.type.dtype =
        is_matrix && options.precision == Precision::kBF16 ? ir::DType::kBF16 : ir::DType::kF32;
    weights->*found->row->member = module->AddGlobal(std::move(loaded));
  }
  for (const Run& run : RunsOf(mixed, config.num_hidden_layers)) {
    ir::Op* loop = module->load.Append(ir::Opcode::kFor);
    loop->loop_index = kLayer;
    loop->attrs.begin = run.begin;
    loop->attrs.end = run.end;
    loop->body = std::make_unique<ir::Block>(module, nullptr, loop);
    ir::Builder body(loop->body.get());
    for (const Found* found : mixed) {
      ir::Global* loaded = weights->*found->row->member;
      ir::Attrs cast;
      cast.out = loaded->type.dtype;
      ir::Global* source = sources[{found, found->dtypes[static_cast<size_t>(run.begin)]}];
      body.Define(ir::Opcode::kCast, loaded, kLayer, {{source, kLayer}}, cast);
    }
    CHECK(body.status().ok()) << body.status();
  }
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

std::vector<std::string> TensorNames(const Config& config) {
  std::vector<std::string> names;
  for (const WeightRow& row : kWeights) {
    ir::Global weight;
    weight.source = row.source;
    if (row.per_layer) weight.index = ir::Index{kLayer, config.num_hidden_layers};
    for (int64_t i = 0; i < (row.per_layer ? config.num_hidden_layers : 1); ++i) {
      names.push_back(ir::SourceName(weight, i));
    }
  }
  return names;
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
  std::vector<Found> all;
  for (const WeightRow& row : kWeights) {
    if (row.member == &Weights::lm_head && config.tie_word_embeddings) continue;
    ASSIGN_OR_RETURN(Found found, FindWeight(row, config, options));
    all.push_back(std::move(found));
  }
  std::vector<const Found*> mixed;
  for (const Found& found : all) {
    if (found.IsMixed()) {
      mixed.push_back(&found);
    } else {
      weights->*found.row->member = module->AddGlobal(found.weight);
    }
  }
  if (!mixed.empty()) AddMixed(mixed, config, options, module, weights);
  return absl::OkStatus();
}

}  // namespace lluda::frontends::qwen3
