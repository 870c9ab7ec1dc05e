#include "frontends/encoder/weights.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/required_tensor.h"
#include "glog/logging.h"

namespace lluda::frontends::encoder {
namespace {

struct WeightRow {
  const char* name;
  const char* source;  // behind "audio_tower.", with a place for the layer where there is one each
  const char* axes[4];
};

// A tensor of layers: "layers.{block}." and this.
#define BLOCK(name) "layers.{block}." name

// In the order in which a module declares them.
constexpr WeightRow kWeights[] = {
    {"conv1", "conv2d1.weight", {"ch", "one", "km", "kt"}},
    {"conv1_bias", "conv2d1.bias", {"ch"}},
    {"conv2", "conv2d2.weight", {"ch", "cin", "km", "kt"}},
    {"conv2_bias", "conv2d2.bias", {"ch"}},
    {"conv3", "conv2d3.weight", {"ch", "cin", "km", "kt"}},
    {"conv3_bias", "conv2d3.bias", {"ch"}},
    {"conv_out", "conv_out.weight", {"wide", "feat"}},
    {"audio_attn_norm", BLOCK("self_attn_layer_norm.weight"), {"wide"}},
    {"audio_attn_norm_bias", BLOCK("self_attn_layer_norm.bias"), {"wide"}},
    {"audio_wq", BLOCK("self_attn.q_proj.weight"), {"q", "wide"}},
    {"audio_bq", BLOCK("self_attn.q_proj.bias"), {"q"}},
    {"audio_wk", BLOCK("self_attn.k_proj.weight"), {"kd", "wide"}},
    {"audio_bk", BLOCK("self_attn.k_proj.bias"), {"kd"}},
    {"audio_wv", BLOCK("self_attn.v_proj.weight"), {"vd", "wide"}},
    {"audio_bv", BLOCK("self_attn.v_proj.bias"), {"vd"}},
    {"audio_wo", BLOCK("self_attn.out_proj.weight"), {"wide", "q"}},
    {"audio_bo", BLOCK("self_attn.out_proj.bias"), {"wide"}},
    {"audio_mlp_norm", BLOCK("final_layer_norm.weight"), {"wide"}},
    {"audio_mlp_norm_bias", BLOCK("final_layer_norm.bias"), {"wide"}},
    {"audio_fc1", BLOCK("fc1.weight"), {"fc", "wide"}},
    {"audio_fc1_bias", BLOCK("fc1.bias"), {"fc"}},
    {"audio_fc2", BLOCK("fc2.weight"), {"wide", "fc"}},
    {"audio_fc2_bias", BLOCK("fc2.bias"), {"wide"}},
    {"audio_norm", "ln_post.weight", {"wide"}},
    {"audio_norm_bias", "ln_post.bias", {"wide"}},
    {"audio_proj1", "proj1.weight", {"mid", "wide"}},
    {"audio_proj1_bias", "proj1.bias", {"mid"}},
    {"audio_proj2", "proj2.weight", {"hid", "mid"}},
    {"audio_proj2_bias", "proj2.bias", {"hid"}},
};

#undef BLOCK

constexpr char kPrefix[] = "audio_tower.";

// The weight as a row declares it, of no dtype yet.
ir::Global Declare(const WeightRow& row, const AudioTower& tower) {
  ir::Global weight;
  weight.name = row.name;
  weight.source = absl::StrCat(kPrefix, row.source);
  if (absl::StrContains(weight.source, kBlock)) weight.index = ir::Index{kBlock, tower.layers};
  for (const char* axis : row.axes) {
    if (axis != nullptr) weight.type.axes.push_back(TowerAxis(tower, axis));
  }
  return weight;
}

int64_t CopiesOf(const ir::Global& weight) { return weight.index ? weight.index->count : 1; }

std::vector<int64_t> ShapeOf(const ir::Global& weight) {
  std::vector<int64_t> shape;
  for (const ir::Axis& axis : weight.type.axes) shape.push_back(axis.extent.value);
  return shape;
}

}  // namespace

ir::Axis TowerAxis(const AudioTower& tower, absl::string_view name) {
  const int64_t mel_places = Halved(Halved(Halved(tower.mel_bins)));
  const std::pair<absl::string_view, int64_t> sizes[] = {
      {"mel", tower.mel_bins},
      {"time", kChunkFrames},
      {"one", 1},
      {"ch", tower.conv_channels},
      {"cin", tower.conv_channels},
      {"km", 3},
      {"kt", 3},
      {"feat", tower.conv_channels * mel_places},
      {"wide", tower.hidden_size},
      {"pair", tower.hidden_size / 2},
      {"q", tower.hidden_size},
      {"kd", tower.hidden_size},
      {"vd", tower.hidden_size},
      {"head", tower.heads},
      {"dim", tower.head_dim()},
      {"fc", tower.intermediate_size},
      {"mid", tower.hidden_size},
      {"hid", tower.output_size},
  };
  for (const auto& [axis, size] : sizes) {
    if (axis == name) return {std::string(name), ir::Extent::Constant(size)};
  }
  LOG(FATAL) << "the encoder has no axis " << name;
}

absl::Status AddWeights(const AudioTower& tower, const ImportOptions& options, ir::Module* module) {
  for (const WeightRow& row : kWeights) {
    ir::Global weight = Declare(row, tower);
    std::optional<ir::DType> dtype;
    for (int64_t copy = 0; copy < CopiesOf(weight); ++copy) {
      const std::string name = ir::SourceName(weight, copy);
      ASSIGN_OR_RETURN(
          const TensorInfo info,
          RequireTensor(options.find_tensor, options.checkpoint_name, name, ShapeOf(weight)));
      if (dtype && info.dtype != dtype) {
        return absl::UnimplementedError(absl::StrCat(options.checkpoint_name, ": tensor '", name,
                                                     "' is ", info.dtype_name,
                                                     ", that of the layers before is not"));
      }
      dtype = info.dtype;
    }
    weight.type.dtype = *dtype;
    module->AddGlobal(std::move(weight));
  }
  return absl::OkStatus();
}

std::vector<NamedShape> TensorsOf(const AudioTower& tower) {
  std::vector<NamedShape> tensors;
  for (const WeightRow& row : kWeights) {
    const ir::Global weight = Declare(row, tower);
    for (int64_t copy = 0; copy < CopiesOf(weight); ++copy) {
      tensors.push_back({ir::SourceName(weight, copy), ShapeOf(weight)});
    }
  }
  return tensors;
}

}  // namespace lluda::frontends::encoder
