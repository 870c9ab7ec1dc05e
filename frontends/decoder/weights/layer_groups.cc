#include "frontends/decoder/weights/layer_groups.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace lluda::frontends::decoder {
namespace {

// What the index of some of the layers is called.
const char* IndexName(Copies copies) {
  switch (copies) {
    case Copies::kLayers:
      return kAttention;
    case Copies::kDense:
      return "dense";
    case Copies::kSparse:
      return "sparse";
    case Copies::kOne:
      break;
  }
  LOG(FATAL) << "what exists once has no index";
}

int64_t CountOf(const std::vector<int64_t>& layers) { return static_cast<int64_t>(layers.size()); }

}  // namespace

std::vector<int64_t> LayersOf(const Decoder& decoder, Copies copies) {
  std::vector<int64_t> layers;
  for (int64_t i = 0; i < decoder.layer_count(); ++i) {
    const bool experts = decoder.layers[static_cast<size_t>(i)].experts;
    if (copies == Copies::kDense && experts) continue;
    if (copies == Copies::kSparse && !experts) continue;
    layers.push_back(i);
  }
  return layers;
}

LayerGroup WholeGroup(const Decoder& decoder, Copies copies) {
  std::vector<int64_t> layers = LayersOf(decoder, copies);
  const int64_t count = CountOf(layers);
  const char* name = count == decoder.layer_count() ? kLayer : IndexName(copies);
  return {copies, {name, count}, std::move(layers)};
}

std::vector<LayerGroup> SplitByKind(const LayerGroup& whole, const std::vector<int>& kinds) {
  std::vector<LayerGroup> groups;
  std::map<int, size_t> places;  // of the kinds' groups
  for (size_t i = 0; i < whole.layers.size(); ++i) {
    const auto [place, is_new] = places.try_emplace(kinds[i], groups.size());
    if (is_new) {
      const std::string suffix = groups.empty() ? "" : absl::StrCat("_", groups.size() + 1);
      const std::string name = absl::StrCat(IndexName(whole.copies), suffix);
      groups.push_back({whole.copies, {name, 0}, {}, suffix});
    }
    LayerGroup& group = groups[place->second];
    group.layers.push_back(whole.layers[i]);
    group.index.count = CountOf(group.layers);
  }
  if (groups.size() > 1) return groups;
  return {whole};
}

int64_t CopyOf(const LayerGroup& group, int64_t layer) {
  const auto at = std::find(group.layers.begin(), group.layers.end(), layer);
  return at == group.layers.end() ? -1 : at - group.layers.begin();
}

}  // namespace lluda::frontends::decoder
