// Layers that share functions and weights.
//
// All layers do, or those whose MLP is of one kind; but not where their matrices are in different
// block dtypes. Files mix these: of 28 layers, 14 may have values and `down` in q6_k, others all in
// q4_k. Each of the two groups then has functions and weights of its own:
//
//   weight @wv[attn < 14] : q6_k vd[1024] hid[1024] from "model.layers.{attn: 0 1 2 5 8 ...}...."
//   weight @wv_2[attn_2 < 14] : q4_k vd[1024] hid[1024] from "model.layers.{attn_2: 3 4 6 ...}...."
//   func @attn[attn < 14](...)
//   func @attn_2[attn_2 < 14](...)
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_LAYER_GROUPS_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_LAYER_GROUPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "frontends/decoder/description/description.h"
#include "frontends/decoder/weights/weights.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The name of the index that all layers have.
inline constexpr char kLayer[] = "layer";

// How often there is a function or a weight: once, for the attention of each layer, or for each layer
// whose MLP is of one of two kinds.
enum class Copies : uint8_t { kOne, kLayers, kDense, kSparse };
inline constexpr Copies kCopiesOfLayers[] = {Copies::kLayers, Copies::kDense, Copies::kSparse};

// The layers that have a copy, in order.
std::vector<int64_t> LayersOf(const Decoder& decoder, Copies copies);

struct LayerGroup {
  Copies copies = Copies::kLayers;
  ir::Index index;
  std::vector<int64_t> layers;  // copy i is that of layer layers[i]
  std::string suffix{};         // of the names of functions and weights
  Weights weights{};            // that their functions read

  // Whether copies are counted as layers are.
  bool has_all_layers() const { return index.name == kLayer; }
};

// All layers that have a copy. There has to be one.
LayerGroup WholeGroup(const Decoder& decoder, Copies copies);

// The layers of `whole`, one group for each of their `kinds`, in the order of their first layers. If
// all are of one kind, that is `whole` itself.
std::vector<LayerGroup> SplitByKind(const LayerGroup& whole, const std::vector<int>& kinds);

// A layer's copy, in the group that has it; -1 where the group does not.
int64_t CopyOf(const LayerGroup& group, int64_t layer);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_LAYER_GROUPS_H_
