// The weights of a decoder's checkpoint as globals of a module: which role each of them has, and
// what its tensors are called.
//
// Example: of a 28-layer model, weights.wq is
//   weight @wq[layer < 28] : bf16 q[2048] hid[1024] from
//   "model.layers.{layer}.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHT_TABLE_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "frontends/checkpoint/tensor_info.h"
#include "frontends/decoder/description.h"
#include "frontends/decoder/import.h"
#include "ir/graph.h"

namespace lluda::frontends::decoder {

// The name of the index that layers have.
inline constexpr char kLayer[] = "layer";

// How often there is a function or a weight: once, for each layer, or for each layer whose MLP is of
// one of two kinds.
enum class Copies : uint8_t { kOne, kLayers, kDense, kSparse };
// The layers that have a copy, in order: its index in this list is the copy's.
std::vector<int64_t> LayersOf(const Decoder& decoder, Copies copies);
// Nothing for kOne. Where all layers have a copy its name is kLayer, else that of the kind.
std::optional<ir::Index> IndexOf(const Decoder& decoder, Copies copies);

// Owned by the module. Null: the decoder has no such weight.
struct Weights {
  ir::Global* embed = nullptr;
  ir::Global *attn_norm = nullptr, *attn_post_norm = nullptr;
  ir::Global* wqkv = nullptr;
  ir::Global *wq = nullptr, *bq = nullptr;
  ir::Global *wk = nullptr, *bk = nullptr;
  ir::Global *wv = nullptr, *bv = nullptr;
  ir::Global *wo = nullptr, *bo = nullptr;
  ir::Global *q_norm = nullptr, *k_norm = nullptr;
  ir::Global *mlp_norm = nullptr, *mlp_post_norm = nullptr;
  ir::Global* wgu = nullptr;
  ir::Global *wg = nullptr, *bg = nullptr;
  ir::Global *wu = nullptr, *bu = nullptr;
  ir::Global *wd = nullptr, *bd = nullptr;
  ir::Global *moe_norm = nullptr, *router = nullptr;
  ir::Global *eg = nullptr, *eu = nullptr, *ed = nullptr;  // of all experts
  ir::Global *sg = nullptr, *su = nullptr, *sd = nullptr;  // of the shared one
  ir::Global* shared_gate = nullptr;
  ir::Global* final_norm = nullptr;
  ir::Global* lm_head = nullptr;  // null when it is the embedding
};

// The rows that a matrix holds for one of several results, from `begin` on: as many as `axis` is
// long.
struct RowRange {
  const char* name;
  int64_t begin;
  const char* axis;
};

// A matrix of Weights, or some of its rows, and the bias that belongs to it.
struct LinearWeight {
  ir::Global* matrix = nullptr;
  ir::Global* bias = nullptr;
  std::optional<RowRange> rows{};
};

// The axis of that name in the weights: "hid" is hid[decoder.hidden_size].
ir::Axis ModelAxis(const Decoder& decoder, absl::string_view name);

// Declares all weights, each checked against the checkpoint. Errors as ImportDecoder says.
absl::Status AddWeights(const Decoder& decoder, const ImportOptions& options, ir::Module* module,
                        Weights* weights);

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHT_TABLE_H_
