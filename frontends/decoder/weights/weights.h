// The weights that functions of a decoder's module read, by their roles.
//
// Example: of a model whose layers are alike, weights.wq is
//   weight @wq[layer < 28] : bf16 q[2048] hid[1024] from
//   "model.layers.{layer}.self_attn.q_proj.weight"
#ifndef LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHTS_H_
#define LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHTS_H_

#include "ir/graph.h"

namespace lluda::frontends::decoder {

// Owned by the module. Null: the decoder has no such weight, or other functions have it.
struct Weights {
  ir::Global *embed = nullptr;
  ir::Global *attn_norm = nullptr, *attn_post_norm = nullptr;
  ir::Global *wqkv = nullptr;
  ir::Global *wq = nullptr, *bq = nullptr;
  ir::Global *wk = nullptr, *bk = nullptr;
  ir::Global *wv = nullptr, *bv = nullptr;
  ir::Global *wo = nullptr, *bo = nullptr;
  ir::Global *q_norm = nullptr, *k_norm = nullptr;
  ir::Global *mlp_norm = nullptr, *mlp_post_norm = nullptr;
  ir::Global *wgu = nullptr;
  ir::Global *wg = nullptr, *bg = nullptr;
  ir::Global *wu = nullptr, *bu = nullptr;
  ir::Global *wd = nullptr, *bd = nullptr;
  ir::Global *moe_norm = nullptr, *router = nullptr;
  ir::Global *eg = nullptr, *eu = nullptr, *ed = nullptr;  // of all experts
  ir::Global *sg = nullptr, *su = nullptr, *sd = nullptr;  // of the shared one
  ir::Global *shared_gate = nullptr;
  ir::Global *final_norm = nullptr;
  ir::Global *lm_head = nullptr;  // null when it is the embedding
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_WEIGHTS_WEIGHTS_H_
