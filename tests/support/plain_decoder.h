// A decoder written out in plain loops and double precision, as the papers have it: what compiled
// models are compared with where transformers is not at hand. It shares no code with the frontends
// and takes numbers, not configs.
//
// Example:
//   PlainDecoder plain;
//   plain.hidden = 64; ...
//   plain.tensors["model.norm.weight"] = {...};
//   std::vector<double> logits = plain.Logits({5, 7, 9});
#ifndef LLUDA_TESTS_SUPPORT_PLAIN_DECODER_H_
#define LLUDA_TESTS_SUPPORT_PLAIN_DECODER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lluda::tests {

struct PlainDecoder {
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t intermediate = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  double eps = 1e-6;
  double score_scale = 0;
  double embedding_scale = 1;
  double residual_scale = 1;
  double logits_divisor = 1;
  double scores_cap = 0;  // x becomes tanh(x / cap) * cap; 0: no cap
  double logits_cap = 0;
  double norm_offset = 0;     // is added to a norm's weights
  bool norms_behind = false;  // of attention and MLP, instead of before them
  bool norms_around = false;  // both
  bool gelu = false;          // by its formula with tanh, instead of SiLU
  // Of layers that have a router, mlp.gate or block_sparse_moe.gate: how many experts a token takes,
  // and whether their weights are divided by their sum.
  int64_t top = 0;
  bool renormalise = false;
  // Of each pair of a head, element i and the one so many further on as there are pairs; what lies
  // behind them does not rotate. Cosines and sines are multiplied by rotation_scale.
  std::vector<double> frequencies;
  double rotation_scale = 1;
  std::vector<bool> without_rope;          // by layer; empty: all rotate
  std::vector<int64_t> windows;            // by layer, 0 for none; empty: none has one
  std::vector<double> window_frequencies;  // of layers with a window; empty: as the others
  // By name, row by row. Biases, norms of queries and keys, and the LM head count where they are:
  // norms of head_dim numbers are of each head, longer ones of the row; without a head, the
  // embedding is the head. A matrix may hold the rows of others: qkv_proj, gate_up_proj.
  std::map<std::string, std::vector<float>> tensors;

  // Of the token after `ids`.
  std::vector<double> Logits(const std::vector<int32_t>& ids) const;
};

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_PLAIN_DECODER_H_
