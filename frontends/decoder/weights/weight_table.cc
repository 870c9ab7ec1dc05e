#include "frontends/decoder/weights/weight_table.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "frontends/decoder/weights/find_weights.h"
#include "frontends/decoder/weights/load_weights.h"
#include "frontends/decoder/weights/quantise_matrices.h"
#include "ir/op/contraction.h"
#include "ir/type/encoding.h"

namespace lluda::frontends::decoder {
namespace {

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

}  // namespace

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
    if (found.row->copies == Copies::kOne) declared.push_back({std::move(found), weights});
  }
  std::vector<const Declared*> loaded;
  for (const Declared& each : declared) {
    if (IsLoaded(each.found, decoder)) {
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
      if (found.row->copies != Copies::kOne) matrix.layer = layers[copy];
      matrix.tensors = ir::SourceNames(found.weight, static_cast<int64_t>(copy));
      matrices.push_back(matrix);
    }
  }
  return matrices;
}

absl::StatusOr<MatrixCounts> CountMatrices(const Decoder& decoder, const ImportOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<Found> all, FindWeights(decoder, options));
  MatrixCounts counts;
  for (const Found& found : all) {
    if (!found.is_matrix()) continue;
    // Rows of a table are gathered, and experts take their inputs as they are.
    const bool is_table = found.row->member == &Weights::embed && !decoder.tie_word_embeddings;
    const bool meets_activations = !is_table && found.weight.type.axes.size() == 2;
    for (size_t copy = 0; copy < found.dtypes.size(); ++copy) {
      const std::optional<ir::DType> to = found.quantised[copy];
      counts.has_integers |=
          meets_activations && ir::HoldsIntegers(to.value_or(found.dtypes[copy]));
      const std::string tensor = ir::SourceNames(found.weight, static_cast<int64_t>(copy))[0];
      const bool is_asked = options.weights && ir::IsFloat(found.dtypes[copy]) &&
                            options.tensor_weights.count(tensor) == 0;
      if (!is_asked) continue;
      ++counts.to_quantise;
      if (!to) ++counts.plain;
      if (to && to != options.weights) ++counts.other[*to];
    }
  }
  return counts;
}

}  // namespace lluda::frontends::decoder
