// A decoder, described by data: what its layers compute, in numbers and switches. Families of
// models differ by what they write in here, and the builder (frontends/decoder/layers.h) knows no family.
//
// A layer is an attention and an MLP, each with a residual sum around it:
//
//   x += residual_multiplier * attention(norm(x))
//   x += residual_multiplier * mlp(norm(x))
//
// or with norms behind them, x += residual_multiplier * norm(attention(x)), or with both. The MLP is
// down(activation(gate(x)) * up(x)).
//
// Example: Llama with two layers, biases, and keys shared by pairs of heads.
//   Decoder decoder;
//   decoder.num_attention_heads = 8;
//   decoder.num_key_value_heads = 4;
//   decoder.qkv_bias = decoder.output_bias = true;
//   decoder.layers.resize(2);
#ifndef LLUDA_FRONTENDS_DECODER_DESCRIPTION_DESCRIPTION_H_
#define LLUDA_FRONTENDS_DECODER_DESCRIPTION_DESCRIPTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "frontends/encoder/description.h"

namespace lluda::frontends::decoder {

// Rotary embedding of heads: pair i turns by position * frequency of i.
struct Rope {
  // The frequency is theta^(-2i / rotated_dim), computed by the module.
  double theta = 10000.0;
  // Unless they are given here, one for each pair: a literal of the module.
  std::vector<float> frequencies{};
  // Others for a context of more than so many positions, where there are any.
  std::vector<float> long_frequencies{};
  int64_t short_context = 0;
  // Of cosines and sines.
  double multiplier = 1;

  bool operator==(const Rope& o) const {
    return theta == o.theta && frequencies == o.frequencies &&
           long_frequencies == o.long_frequencies && short_context == o.short_context &&
           multiplier == o.multiplier;
  }
};

// Whether a context of so many positions takes the long frequencies.
inline bool UsesLongFrequencies(const Rope& rope, int64_t context) {
  return !rope.long_frequencies.empty() && context > rope.short_context;
}

// What queries and keys are normalised along: nothing, each head, or all heads as one row.
enum class QkNorm : uint8_t { kNone, kHead, kRow };

// What the names of kinds of attention begin with.
inline constexpr char kAttention[] = "attn";

// One kind of attention, which some of the layers have. It is a function of the module.
struct Attention {
  std::string name = kAttention;
  std::optional<size_t> rope = 0;  // which of the decoder's; none: heads are not rotated
  // How many positions a token sees, its own and those right before it; none: all up to its own.
  std::optional<int64_t> window{};
};

// What a checkpoint calls the tensors of experts: mlp.experts.{e}.gate_proj, up_proj and down_proj, and
// the router mlp.gate; or block_sparse_moe.experts.{e}.w1, w3 and w2, and block_sparse_moe.gate.
enum class ExpertNames : uint8_t { kProjections, kNumbered };

// An MLP that is a mixture of experts. Each of them is an MLP; a router gives each token a number for
// each, and the token takes those `top` with the largest: of softmax(router(h)) the largest are the
// weights of their sum. With a shared expert, sigmoid(gate(h)) * shared(h) is added to it.
struct Experts {
  int64_t count = 0;
  int64_t top = 0;
  int64_t intermediate_size = 0;
  bool renormalise = false;  // the weights are divided by their sum
  int64_t shared_size = 0;   // the shared expert's intermediate size; 0: there is none
  ExpertNames names = ExpertNames::kProjections;
  // The checkpoint has one tensor for all of them, with an axis more; its name lacks their number.
  bool one_tensor = false;
};

// The kinds that a layer is of.
struct Layer {
  size_t attention = 0;  // which of the decoder's
  bool experts = false;  // its MLP is a mixture of the decoder's experts
  bool operator==(const Layer& o) const { return attention == o.attention && experts == o.experts; }
};

// Where a layer's norms stand: before attention and MLP, or behind them, or both.
enum class NormPlace : uint8_t { kBefore, kBehind, kAround };

// Of the MLP's gate. The second is GELU by its formula with tanh.
enum class Activation : uint8_t { kSilu, kGeluTanh };

// Sizes have the names of config.json. All layers have the same weights, in the same shapes, but for
// their MLPs, which are of two kinds at most.
struct Decoder {
  std::string family = "decoder";  // the module's name
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;  // divides num_attention_heads
  int64_t head_dim = 0;             // even; not tied to hidden_size / num_attention_heads
  int64_t rotary_dim = 0;           // so many elements of a head rotate, the first; 0: all
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;  // the LM head is the embedding, transposed
  std::string dtype = "float32";     // what the checkpoint says it was saved in

  double embedding_multiplier = 1;
  double residual_multiplier = 1;
  double logits_divisor = 1;
  std::optional<double> attention_scale{};  // of the scores; not given: 1 / sqrt(head_dim)
  // A softcap of c makes x tanh(x / c) * c: of scaled scores, and of logits.
  std::optional<double> attention_softcap{};
  std::optional<double> logits_softcap{};
  NormPlace norms = NormPlace::kBefore;
  double norm_offset = 0;  // a norm multiplies by weight + norm_offset
  QkNorm qk_norm = QkNorm::kNone;
  bool qkv_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;  // of all three matrices
  // The checkpoint has the rows of a head of queries and keys, and their biases, pair by pair of
  // rotary embedding: 0, dim / 2, 1, dim / 2 + 1, and so on. The load block puts them back.
  bool paired_rows = false;
  // One matrix holds the rows of queries, keys and values, and one those of gate and up.
  bool fused_projections = false;
  Activation activation = Activation::kSilu;
  std::vector<Rope> ropes = {Rope()};
  std::vector<Attention> attentions = {Attention()};
  std::vector<Layer> layers{};
  // Of layers that have experts; norms then stand before attention and MLP.
  std::optional<Experts> experts{};
  // What the model hears with: rows that stand in the places of some tokens' embeddings.
  std::optional<encoder::AudioTower> audio{};

  int64_t layer_count() const { return static_cast<int64_t>(layers.size()); }
  int64_t rotated_dim() const { return rotary_dim == 0 ? head_dim : rotary_dim; }
  // Widths of the attention's projections.
  int64_t query_size() const { return num_attention_heads * head_dim; }
  int64_t key_value_size() const { return num_key_value_heads * head_dim; }
};

}  // namespace lluda::frontends::decoder

#endif  // LLUDA_FRONTENDS_DECODER_DESCRIPTION_DESCRIPTION_H_
