#include "frontends/decoder/weight_table.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "frontends/checkpoint/required_tensor.h"
#include "frontends/encoder/import.h"
#include "glog/logging.h"
#include "ir/builder.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::decoder {
namespace {

using ir::Operand;

struct WeightRow {
  ir::Global* Weights::* member;
  const char* name;
  Copies copies;
  // With a place for the layer; an {expert} stands for one tensor of each of the first axis's elements.
  const char* source;
  const char* axes[3];  // null behind a vector's one, a matrix's two
  // Whether a decoder has it at all; the LM head of a tied one is asked for elsewhere.
  bool (*has)(const Decoder& decoder);
};

bool HasLayers(const Decoder& decoder, bool experts) {
  return std::any_of(decoder.layers.begin(), decoder.layers.end(),
                     [&](const Layer& layer) { return layer.experts == experts; });
}

bool Always(const Decoder&) { return true; }
bool Fused(const Decoder& decoder) { return decoder.fused_projections; }
bool Apart(const Decoder& decoder) { return !decoder.fused_projections; }
bool Dense(const Decoder& decoder) { return HasLayers(decoder, false); }
bool DenseFused(const Decoder& decoder) { return Dense(decoder) && Fused(decoder); }
bool DenseApart(const Decoder& decoder) { return Dense(decoder) && Apart(decoder); }
bool Sparse(const Decoder& decoder) { return HasLayers(decoder, true); }
bool Named(const Decoder& decoder, ExpertNames names) {
  return Sparse(decoder) && decoder.experts->names == names;
}
bool Projections(const Decoder& decoder) { return Named(decoder, ExpertNames::kProjections); }
bool Numbered(const Decoder& decoder) { return Named(decoder, ExpertNames::kNumbered); }
bool Shared(const Decoder& decoder) { return Sparse(decoder) && decoder.experts->shared_size > 0; }
bool QkvBias(const Decoder& decoder) { return decoder.qkv_bias; }
bool OutputBias(const Decoder& decoder) { return decoder.output_bias; }
bool MlpBias(const Decoder& decoder) { return Dense(decoder) && decoder.mlp_bias; }
bool HeadNorm(const Decoder& decoder) { return decoder.qk_norm == QkNorm::kHead; }
bool RowNorm(const Decoder& decoder) { return decoder.qk_norm == QkNorm::kRow; }
bool NormFirst(const Decoder& decoder) { return decoder.norms != NormPlace::kBehind; }
bool NormBefore(const Decoder& decoder) { return decoder.norms == NormPlace::kBefore; }
bool DenseNormBefore(const Decoder& decoder) { return Dense(decoder) && NormBefore(decoder); }
bool NormBehind(const Decoder& decoder) { return decoder.norms == NormPlace::kBehind; }
bool NormAround(const Decoder& decoder) { return decoder.norms == NormPlace::kAround; }

constexpr Copies kOne = Copies::kOne;
constexpr Copies kLayers = Copies::kLayers;
constexpr Copies kDense = Copies::kDense;
constexpr Copies kSparse = Copies::kSparse;

// A tensor of layers: "model.layers.{layer}." and this.
#define LAYER(name) "model.layers.{layer}." name

// In the order in which a module declares them.
constexpr WeightRow kWeights[] = {
    {&Weights::embed, "embed", kOne, "model.embed_tokens.weight", {"vocab", "hid"}, Always},
    {&Weights::attn_norm,
     "attn_norm",
     kLayers,
     LAYER("input_layernorm.weight"),
     {"hid"},
     NormFirst},
    {&Weights::wqkv, "wqkv", kLayers, LAYER("self_attn.qkv_proj.weight"), {"qkv", "hid"}, Fused},
    {&Weights::wq, "wq", kLayers, LAYER("self_attn.q_proj.weight"), {"q", "hid"}, Apart},
    {&Weights::bq, "bq", kLayers, LAYER("self_attn.q_proj.bias"), {"q"}, QkvBias},
    {&Weights::wk, "wk", kLayers, LAYER("self_attn.k_proj.weight"), {"kd", "hid"}, Apart},
    {&Weights::bk, "bk", kLayers, LAYER("self_attn.k_proj.bias"), {"kd"}, QkvBias},
    {&Weights::wv, "wv", kLayers, LAYER("self_attn.v_proj.weight"), {"vd", "hid"}, Apart},
    {&Weights::bv, "bv", kLayers, LAYER("self_attn.v_proj.bias"), {"vd"}, QkvBias},
    {&Weights::wo, "wo", kLayers, LAYER("self_attn.o_proj.weight"), {"hid", "q"}, Always},
    {&Weights::bo, "bo", kLayers, LAYER("self_attn.o_proj.bias"), {"hid"}, OutputBias},
    {&Weights::q_norm, "q_norm", kLayers, LAYER("self_attn.q_norm.weight"), {"dim"}, HeadNorm},
    {&Weights::q_norm, "q_norm", kLayers, LAYER("self_attn.q_norm.weight"), {"q"}, RowNorm},
    {&Weights::k_norm, "k_norm", kLayers, LAYER("self_attn.k_norm.weight"), {"dim"}, HeadNorm},
    {&Weights::k_norm, "k_norm", kLayers, LAYER("self_attn.k_norm.weight"), {"kd"}, RowNorm},
    {&Weights::attn_norm,
     "attn_norm",
     kLayers,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     NormBehind},
    {&Weights::attn_post_norm,
     "attn_post_norm",
     kLayers,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     NormAround},
    {&Weights::mlp_norm,
     "mlp_norm",
     kDense,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     DenseNormBefore},
    {&Weights::mlp_norm,
     "mlp_norm",
     kDense,
     LAYER("pre_feedforward_layernorm.weight"),
     {"hid"},
     NormAround},
    {&Weights::wgu, "wgu", kDense, LAYER("mlp.gate_up_proj.weight"), {"gu", "hid"}, DenseFused},
    {&Weights::wg, "wg", kDense, LAYER("mlp.gate_proj.weight"), {"ff", "hid"}, DenseApart},
    {&Weights::bg, "bg", kDense, LAYER("mlp.gate_proj.bias"), {"ff"}, MlpBias},
    {&Weights::wu, "wu", kDense, LAYER("mlp.up_proj.weight"), {"ff", "hid"}, DenseApart},
    {&Weights::bu, "bu", kDense, LAYER("mlp.up_proj.bias"), {"ff"}, MlpBias},
    {&Weights::wd, "wd", kDense, LAYER("mlp.down_proj.weight"), {"hid", "ff"}, Dense},
    {&Weights::bd, "bd", kDense, LAYER("mlp.down_proj.bias"), {"hid"}, MlpBias},
    {&Weights::mlp_norm,
     "mlp_norm",
     kDense,
     LAYER("post_feedforward_layernorm.weight"),
     {"hid"},
     NormBehind},
    {&Weights::mlp_post_norm,
     "mlp_post_norm",
     kDense,
     LAYER("post_feedforward_layernorm.weight"),
     {"hid"},
     NormAround},
    {&Weights::moe_norm,
     "moe_norm",
     kSparse,
     LAYER("post_attention_layernorm.weight"),
     {"hid"},
     Sparse},
    {&Weights::router, "router", kSparse, LAYER("mlp.gate.weight"), {"expert", "hid"}, Projections},
    {&Weights::router,
     "router",
     kSparse,
     LAYER("block_sparse_moe.gate.weight"),
     {"expert", "hid"},
     Numbered},
    {&Weights::eg,
     "eg",
     kSparse,
     LAYER("mlp.experts.{expert}.gate_proj.weight"),
     {"expert", "xf", "hid"},
     Projections},
    {&Weights::eg,
     "eg",
     kSparse,
     LAYER("block_sparse_moe.experts.{expert}.w1.weight"),
     {"expert", "xf", "hid"},
     Numbered},
    {&Weights::eu,
     "eu",
     kSparse,
     LAYER("mlp.experts.{expert}.up_proj.weight"),
     {"expert", "xf", "hid"},
     Projections},
    {&Weights::eu,
     "eu",
     kSparse,
     LAYER("block_sparse_moe.experts.{expert}.w3.weight"),
     {"expert", "xf", "hid"},
     Numbered},
    {&Weights::ed,
     "ed",
     kSparse,
     LAYER("mlp.experts.{expert}.down_proj.weight"),
     {"expert", "hid", "xf"},
     Projections},
    {&Weights::ed,
     "ed",
     kSparse,
     LAYER("block_sparse_moe.experts.{expert}.w2.weight"),
     {"expert", "hid", "xf"},
     Numbered},
    {&Weights::sg,
     "sg",
     kSparse,
     LAYER("mlp.shared_expert.gate_proj.weight"),
     {"sf", "hid"},
     Shared},
    {&Weights::su, "su", kSparse, LAYER("mlp.shared_expert.up_proj.weight"), {"sf", "hid"}, Shared},
    {&Weights::sd,
     "sd",
     kSparse,
     LAYER("mlp.shared_expert.down_proj.weight"),
     {"hid", "sf"},
     Shared},
    {&Weights::shared_gate,
     "shared_gate",
     kSparse,
     LAYER("mlp.shared_expert_gate.weight"),
     {"one", "hid"},
     Shared},
    {&Weights::final_norm, "final_norm", kOne, "model.norm.weight", {"hid"}, Always},
    {&Weights::lm_head, "lm_head", kOne, "lm_head.weight", {"vocab", "hid"}, Always},
};

#undef LAYER

// The weight as a row declares it, of no dtype yet; of the group's layers, if it has any.
ir::Global Declare(const WeightRow& row, const Decoder& decoder, const LayerGroup* group) {
  ir::Global weight;
  weight.name = row.name;
  weight.source = row.source;
  if (decoder.experts && decoder.experts->one_tensor) {
    weight.source = absl::StrReplaceAll(weight.source, {{".{expert}", ""}});
  }
  if (group != nullptr) {
    weight.index = group->index;
    absl::StrAppend(&weight.name, group->suffix);
  }
  if (group != nullptr && !group->has_all_layers()) {
    // The copies' layers, one for each.
    const std::string layers = absl::StrJoin(group->layers, " ");
    weight.source = absl::StrReplaceAll(
        weight.source, {{absl::StrCat("{", kLayer, "}"),
                         absl::StrCat("{", group->index.name, ": ", layers, "}")}});
  }
  for (const char* axis : row.axes) {
    if (axis != nullptr) weight.type.axes.push_back(ModelAxis(decoder, axis));
  }
  return weight;
}

// The same, of all layers that have it.
ir::Global Declare(const WeightRow& row, const Decoder& decoder) {
  if (row.copies == kOne) return Declare(row, decoder, nullptr);
  const LayerGroup whole = WholeGroup(decoder, row.copies);
  return Declare(row, decoder, &whole);
}

int64_t CopiesOf(const ir::Global& weight) { return weight.index ? weight.index->count : 1; }

// The names of all of a weight's tensors.
std::vector<std::string> AllSourceNames(const ir::Global& weight) {
  std::vector<std::string> names;
  for (int64_t copy = 0; copy < CopiesOf(weight); ++copy) {
    for (std::string& name : ir::SourceNames(weight, copy)) names.push_back(std::move(name));
  }
  return names;
}

// The shape of each of a weight's tensors.
std::vector<int64_t> TensorShape(const ir::Global& weight) {
  std::vector<int64_t> shape;
  for (const ir::Axis& axis : weight.type.axes) shape.push_back(axis.extent.value);
  if (ir::IsStacked(weight)) shape.erase(shape.begin());
  return shape;
}

// A weight, and the dtype that its tensors have: one for each layer, or one in all. Beside it the dtype that
// they are quantised to, if they are.
struct Found {
  const WeightRow* row;
  ir::Global weight;  // of the first tensor's dtype
  std::vector<ir::DType> dtypes;
  std::vector<std::optional<ir::DType>> quantised;

  bool is_matrix() const { return row->axes[1] != nullptr; }
  bool IsMixed() const {
    return std::any_of(dtypes.begin(), dtypes.end(),
                       [&](ir::DType dtype) { return dtype != dtypes[0]; });
  }
};

// What a tensor of this weight is quantised to: floats with rows of whole blocks are.
std::optional<ir::DType> QuantisedTo(const Found& found, const std::string& tensor, ir::DType dtype,
                                     const ImportOptions& options) {
  if (!found.is_matrix() || !ir::IsFloat(dtype)) return std::nullopt;
  const auto own = options.tensor_weights.find(tensor);
  const std::optional<ir::DType> to =
      own == options.tensor_weights.end() ? options.weights : own->second;
  if (!to) return std::nullopt;
  const int64_t columns = found.weight.type.axes.back().extent.value;
  return columns % ir::EncodingOf(*to).elements == 0 ? to : std::nullopt;
}

absl::StatusOr<Found> FindWeight(const WeightRow& row, const Decoder& decoder,
                                 const ImportOptions& options) {
  Found found{&row, Declare(row, decoder), {}, {}};
  ir::Global& weight = found.weight;
  for (int64_t copy = 0; copy < CopiesOf(weight); ++copy) {
    std::optional<ir::DType> dtype;
    const std::vector<std::string> names = ir::SourceNames(weight, copy);
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(TensorInfo info, RequireTensor(options.find_tensor, options.checkpoint_name,
                                                      name, TensorShape(weight)));
      if (dtype && info.dtype != dtype) {
        return absl::UnimplementedError(absl::StrCat(
            options.checkpoint_name, ": tensor '", name, "' is ", info.dtype_name,
            ", others of that layer's experts are ", absl::AsciiStrToUpper(ir::DTypeName(*dtype))));
      }
      dtype = info.dtype;
    }
    found.dtypes.push_back(*dtype);
    found.quantised.push_back(QuantisedTo(found, names[0], *dtype, options));
  }
  weight.type.dtype = found.dtypes[0];
  return found;
}

// All that the module of these options reads.
absl::StatusOr<std::vector<Found>> FindWeights(const Decoder& decoder,
                                               const ImportOptions& options) {
  std::vector<Found> all;
  for (const WeightRow& row : kWeights) {
    const bool is_needless = row.member == &Weights::lm_head &&
                             (decoder.tie_word_embeddings || options.result == StepResult::kHidden);
    if (is_needless || !row.has(decoder)) continue;
    ASSIGN_OR_RETURN(Found found, FindWeight(row, decoder, options));
    all.push_back(std::move(found));
  }
  return all;
}

// The same of the group's layers alone.
Found InGroup(const Found& all, const LayerGroup& group, const Decoder& decoder) {
  const LayerGroup whole = WholeGroup(decoder, group.copies);
  Found found{all.row, Declare(*all.row, decoder, &group), {}, {}};
  for (const int64_t layer : group.layers) {
    const auto copy = static_cast<size_t>(CopyOf(whole, layer));
    found.dtypes.push_back(all.dtypes[copy]);
    found.quantised.push_back(all.quantised[copy]);
  }
  found.weight.type.dtype = found.dtypes[0];
  return found;
}

// A weight, and where it is put once it is declared.
struct Declared {
  Found found;
  Weights* weights;
};

// Which of these layers are alike in the dtypes of what they have in blocks, or will have: a number for
// each. Floats are one kind, as a cast makes them one dtype.
std::vector<int> KindsOfLayers(const LayerGroup& whole, const std::vector<Found>& weights) {
  std::map<std::vector<std::optional<ir::DType>>, int> known;
  std::vector<int> kinds;
  for (size_t layer = 0; layer < whole.layers.size(); ++layer) {
    std::vector<std::optional<ir::DType>> dtypes;
    for (const Found& found : weights) {
      if (found.row->copies != whole.copies) continue;
      const ir::DType dtype = found.dtypes[layer];
      dtypes.push_back(ir::IsBlock(dtype) ? std::make_optional(dtype) : std::nullopt);
      dtypes.push_back(found.quantised[layer]);
    }
    kinds.push_back(known.try_emplace(dtypes, static_cast<int>(known.size())).first->second);
  }
  return kinds;
}

// The groups that these layers are in. Where activations are recorded and layers are not alike, each is
// a group, so that its functions know which layer they record.
std::vector<LayerGroup> GroupLayers(const LayerGroup& whole, const std::vector<Found>& weights,
                                    const ImportOptions& options) {
  std::vector<int> kinds = KindsOfLayers(whole, weights);
  const bool differ = std::any_of(kinds.begin(), kinds.end(), [](int kind) { return kind > 0; });
  if (differ && (options.record_activations || options.record_inputs)) {
    std::iota(kinds.begin(), kinds.end(), 0);
  }
  return SplitByKind(whole, kinds);
}

// Layers that have the same dtypes, one behind the other.
struct Run {
  int64_t begin = 0;
  int64_t end = 0;
};

std::vector<Run> RunsOf(const std::vector<const Declared*>& weights, int64_t layers) {
  std::vector<Run> runs = {{0, 1}};
  for (int64_t layer = 1; layer < layers; ++layer) {
    const auto index = static_cast<size_t>(layer);
    const bool same = std::all_of(weights.begin(), weights.end(), [&](const Declared* declared) {
      const std::vector<ir::DType>& dtypes = declared->found.dtypes;
      return dtypes[index] == dtypes[index - 1];
    });
    if (!same) runs.push_back({layer, layer});
    runs.back().end = layer + 1;
  }
  return runs;
}

// Does the load block put the weight's rows in another order? See Decoder::paired_rows.
bool HasPairedRows(const WeightRow& row, const Decoder& decoder) {
  const auto is_one_of = [&](auto... members) { return ((row.member == members) || ...); };
  return decoder.paired_rows && is_one_of(&Weights::wq, &Weights::bq, &Weights::wk, &Weights::bk);
}

constexpr char kHead[] = "head";
constexpr char kPair[] = "pair";
constexpr char kHalf[] = "half";

// The weight's rows by head, half of a pair and pair.
ir::Value* SeparatePairs(const std::string& name, const Operand& weight, const Decoder& decoder,
                         ir::Builder* b) {
  const std::vector<ir::Axis>& axes = weight.type().axes;
  const int64_t heads = axes[0].extent.value / decoder.head_dim;
  ir::Value* paired = b->Split(absl::StrCat(name, "_paired"), weight, axes[0].name,
                               {{kHead, ir::Extent::Constant(heads)},
                                {kPair, ir::Extent::Constant(decoder.head_dim / 2)},
                                {kHalf, ir::Extent::Constant(2)}});
  std::vector<std::string> order = {kHead, kHalf, kPair};
  for (size_t i = 1; i < axes.size(); ++i) order.push_back(axes[i].name);
  return b->Permute(absl::StrCat(name, "_halves"), paired, std::move(order));
}

// Defines `loaded` as its source, with the rows in order and cast to its dtype. Values in between are
// called `name` and what was done.
void DefineLoaded(const std::string& name, const Operand& source, bool has_paired_rows,
                  const Decoder& decoder, ir::Global* loaded, ir::Builder* b) {
  const std::string& index = source.index;
  ir::Attrs cast;
  cast.out = loaded->type.dtype;
  if (!has_paired_rows) {
    b->Define(ir::Opcode::kCast, loaded, index, {source}, cast);
    return;
  }
  ir::Value* halves = SeparatePairs(name, source, decoder, b);
  const std::vector<std::string> axes = {kHead, kHalf, kPair};
  if (source.type().dtype == loaded->type.dtype) {
    ir::Attrs merge;
    merge.axes = axes;
    merge.result_axes = {loaded->type.axes[0]};
    b->Define(ir::Opcode::kMerge, loaded, index, {halves}, merge);
    return;
  }
  ir::Value* rows = b->Merge(absl::StrCat(name, "_rows"), halves, axes, loaded->type.axes[0]);
  b->Define(ir::Opcode::kCast, loaded, index, {rows}, cast);
}

// The dtype that such a weight has once it is loaded. Blocks stay what they are; floats are rounded
// like any other matrix, but not where they go into blocks afterwards.
ir::DType LoadedDType(const Found& found, const ImportOptions& options) {
  if (ir::IsBlock(found.weight.type.dtype)) return found.weight.type.dtype;
  const bool is_rounded = found.is_matrix() && options.precision == Precision::kBF16;
  if (is_rounded && !found.quantised[0]) return ir::DType::kBF16;
  return found.IsMixed() ? ir::DType::kF32 : found.weight.type.dtype;
}

// Weights, all of one index, that the load block brings into another form: their rows into order, or
// their layers, where these are floats that differ, to one dtype. There is one weight for each dtype,
// of which only the layers that have it are read, and a global that the load block makes of them.
// Matrices become what matmuls read; the rest of several dtypes is widened to f32, which loses nothing.
void AddLoaded(const std::vector<const Declared*>& all, const Decoder& decoder,
               const ImportOptions& options, ir::Module* module) {
  if (all.empty()) return;
  std::map<std::pair<const Found*, ir::DType>, ir::Global*> sources;
  for (const Declared* declared : all) {
    const Found& found = declared->found;
    for (const ir::DType dtype : found.dtypes) {
      ir::Global*& source = sources[{&found, dtype}];
      if (source != nullptr) continue;
      ir::Global weight = found.weight;
      absl::StrAppend(&weight.name, "_", ir::DTypeName(dtype));
      weight.type.dtype = dtype;
      source = module->AddGlobal(std::move(weight));
    }
    ir::Global loaded = found.weight;
    loaded.kind = ir::Global::Kind::kLoaded;
    loaded.source.clear();
    loaded.type.dtype = LoadedDType(found, options);
    declared->weights->*found.row->member = module->AddGlobal(std::move(loaded));
  }
  const ir::Index index = *all[0]->found.weight.index;
  const std::vector<Run> runs = RunsOf(all, index.count);
  for (const Run& run : runs) {
    ir::Op* loop = module->load.Append(ir::Opcode::kFor);
    loop->loop_index = index.name;
    loop->attrs.begin = run.begin;
    loop->attrs.end = run.end;
    loop->body = std::make_unique<ir::Block>(module, nullptr, loop);
    ir::Builder body(loop->body.get());
    for (const Declared* declared : all) {
      const Found& found = declared->found;
      ir::Global* source = sources[{&found, found.dtypes[static_cast<size_t>(run.begin)]}];
      // A name is used once in the load block, and a weight may be read by several loops.
      const std::string name =
          runs.size() == 1 ? source->name : absl::StrCat(source->name, "_", run.begin);
      DefineLoaded(name, {source, index.name}, HasPairedRows(*found.row, decoder), decoder,
                   declared->weights->*found.row->member, &body);
    }
    CHECK(body.status().ok()) << body.status();
  }
}

// Takes those that have this index out of `all`.
std::vector<const Declared*> WithIndex(const std::optional<ir::Index>& index,
                                       std::vector<const Declared*>* all) {
  const auto others = std::stable_partition(
      all->begin(), all->end(),
      [&](const Declared* declared) { return !(declared->found.weight.index == index); });
  std::vector<const Declared*> group(others, all->end());
  all->erase(others, all->end());
  return group;
}

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
      absl::StrCat(options.checkpoint_name, ": the importance matrix has ", known, " of the ",
                   names.size(), " layers that it should have: '", *missing, "' is not there"));
}

// Puts the matrices that are to be quantised into blocks. InvalidArgument where all should be and none
// can be.
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
    std::vector<Operand> operands = {{weight, index}};
    ASSIGN_OR_RETURN(ir::Global * importance, AddImportance(found, dtype, options, module));
    if (importance != nullptr) operands.emplace_back(importance, index);
    ir::Builder(in).Define(ir::Opcode::kQuantizeBlocks, quantised, index, operands, attrs);
    weight = quantised;
    ++count;
  }
  if (count > 0 || !options.weights) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(options.checkpoint_name, ": no matrix of floats has rows of whole blocks of ",
                   ir::EncodingOf(*options.weights).elements, " elements, which ",
                   ir::DTypeName(*options.weights), " needs"));
}

}  // namespace

ir::Axis ModelAxis(const Decoder& decoder, absl::string_view name) {
  const Experts experts = decoder.experts.value_or(Experts());
  const std::pair<absl::string_view, int64_t> sizes[] = {
      {"vocab", decoder.vocab_size},
      {"hid", decoder.hidden_size},
      {"ff", decoder.intermediate_size},
      {"q", decoder.query_size()},
      {"kd", decoder.key_value_size()},
      {"vd", decoder.key_value_size()},
      {"qkv", decoder.query_size() + 2 * decoder.key_value_size()},
      {"gu", 2 * decoder.intermediate_size},
      {"expert", experts.count},
      {"top", experts.top},
      {"xf", experts.intermediate_size},
      {"sf", experts.shared_size},
      {"one", 1},
      {"kv", decoder.num_key_value_heads},
      {"rep", decoder.num_attention_heads / decoder.num_key_value_heads},
      {"dim", decoder.head_dim},
      {"pair", decoder.rotated_dim() / 2},
      {"rest", decoder.head_dim - decoder.rotated_dim()},
  };
  for (const auto& [axis, size] : sizes) {
    if (axis == name) return {std::string(name), ir::Extent::Constant(size)};
  }
  LOG(FATAL) << "the model has no axis " << name;
}

absl::StatusOr<std::vector<Matrix>> FloatMatrices(const Decoder& decoder,
                                                  const ImportOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<Found> all, FindWeights(decoder, options));
  std::vector<Matrix> matrices;
  for (const Found& found : all) {
    if (!found.is_matrix()) continue;
    const std::vector<int64_t> layers = LayersOf(decoder, found.row->copies);
    const std::vector<ir::Axis>& axes = found.weight.type.axes;
    Matrix matrix;
    matrix.weight = found.row->name;
    matrix.rows = 1;
    for (size_t i = 0; i + 1 < axes.size(); ++i) matrix.rows *= axes[i].extent.value;
    matrix.columns = axes.back().extent.value;
    for (size_t copy = 0; copy < found.dtypes.size(); ++copy) {
      if (!ir::IsFloat(found.dtypes[copy])) continue;
      if (found.row->copies != kOne) matrix.layer = layers[copy];
      matrix.tensors = ir::SourceNames(found.weight, static_cast<int64_t>(copy));
      matrices.push_back(matrix);
    }
  }
  return matrices;
}

std::vector<std::string> TensorNames(const Decoder& decoder) {
  std::vector<std::string> names;
  for (const WeightRow& row : kWeights) {
    if (!row.has(decoder)) continue;
    for (std::string& name : AllSourceNames(Declare(row, decoder))) {
      names.push_back(std::move(name));
    }
  }
  if (decoder.audio) {
    for (encoder::NamedShape& tensor : encoder::TensorsOf(*decoder.audio)) {
      names.push_back(std::move(tensor.name));
    }
  }
  return names;
}

TensorLookup TensorsOf(const Decoder& decoder) {
  const std::pair<absl::string_view, ir::DType> dtypes[] = {
      {"float32", ir::DType::kF32},
      {"bfloat16", ir::DType::kBF16},
      {"float16", ir::DType::kF16},
  };
  TensorInfo info;
  info.dtype_name = decoder.dtype;
  for (const auto& [name, dtype] : dtypes) {
    if (name == decoder.dtype) info.dtype = dtype;
  }
  absl::flat_hash_map<std::string, TensorInfo> tensors;
  for (const WeightRow& row : kWeights) {
    if (!row.has(decoder)) continue;
    const ir::Global weight = Declare(row, decoder);
    info.shape = TensorShape(weight);
    for (const std::string& name : AllSourceNames(weight)) tensors[name] = info;
  }
  if (decoder.audio) {
    for (const encoder::NamedShape& tensor : encoder::TensorsOf(*decoder.audio)) {
      info.shape = tensor.shape;
      tensors[tensor.name] = info;
    }
  }
  return [tensors = std::move(tensors)](absl::string_view name) -> std::optional<TensorInfo> {
    const auto it = tensors.find(name);
    if (it == tensors.end()) return std::nullopt;
    return it->second;
  };
}

absl::Status AddWeights(const Decoder& decoder, const ImportOptions& options, ir::Module* module,
                        Weights* weights, std::vector<LayerGroup>* groups) {
  ASSIGN_OR_RETURN(std::vector<Found> all, FindWeights(decoder, options));
  for (const Copies copies : kCopiesOfLayers) {
    if (LayersOf(decoder, copies).empty()) continue;
    for (LayerGroup& group : GroupLayers(WholeGroup(decoder, copies), all, options)) {
      groups->push_back(std::move(group));
    }
  }
  std::vector<Declared> declared;
  for (Found& found : all) {
    for (LayerGroup& group : *groups) {
      if (group.copies != found.row->copies) continue;
      declared.push_back({InGroup(found, group, decoder), &group.weights});
    }
    if (found.row->copies == kOne) declared.push_back({std::move(found), weights});
  }
  std::vector<const Declared*> loaded;
  for (const Declared& each : declared) {
    if (each.found.IsMixed() || HasPairedRows(*each.found.row, decoder)) {
      loaded.push_back(&each);
    } else {
      each.weights->*each.found.row->member = module->AddGlobal(each.found.weight);
    }
  }
  for (const LayerGroup& group : *groups) {
    AddLoaded(WithIndex(group.index, &loaded), decoder, options, module);
  }
  return QuantiseMatrices(declared, options, module);
}

}  // namespace lluda::frontends::decoder
