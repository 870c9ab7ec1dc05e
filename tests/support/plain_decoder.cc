#include "tests/support/plain_decoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lluda::tests {
namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

class Evaluation {
 public:
  explicit Evaluation(const PlainDecoder& decoder) : d_(decoder) {}

  Row Run(const std::vector<int32_t>& ids) {
    Rows x;
    for (const int32_t id : ids) x.push_back(EmbeddingOf(id));
    for (int64_t layer = 0; layer < d_.layers; ++layer) {
      prefix_ = absl::StrCat("model.layers.", layer, ".");
      const auto at = static_cast<size_t>(layer);
      rotates_ = d_.without_rope.empty() || !d_.without_rope[at];
      window_ = d_.windows.empty() ? 0 : d_.windows[at];
      const bool own = window_ != 0 && !d_.window_frequencies.empty();
      frequencies_ = own ? &d_.window_frequencies : &d_.frequencies;
      const auto attention = [&](const Rows& rows) { return Attention(rows); };
      const auto mlp = [&](const Rows& rows) { return Mlp(rows); };
      if (d_.norms_around) {
        AddBlock(&x, attention, "input_layernorm", "post_attention_layernorm");
        AddBlock(&x, mlp, "pre_feedforward_layernorm", "post_feedforward_layernorm");
      } else if (d_.norms_behind) {
        AddBlock(&x, attention, "", "post_attention_layernorm");
        AddBlock(&x, mlp, "", "post_feedforward_layernorm");
      } else {
        AddBlock(&x, attention, "input_layernorm", "");
        AddBlock(&x, mlp, "post_attention_layernorm", "");
      }
    }
    prefix_ = "";
    const Row last = Norm(x.back(), Find("model.norm.weight"), 0, d_.hidden);
    const bool tied = d_.tensors.count("lm_head.weight") == 0;
    Row logits = Product(Find(tied ? "model.embed_tokens.weight" : "lm_head.weight"), last);
    for (double& logit : logits) logit = Capped(logit / d_.logits_divisor, d_.logits_cap);
    return logits;
  }

 private:
  bool Has(const std::string& name) const { return d_.tensors.count(prefix_ + name) != 0; }
  const std::vector<float>& Find(const std::string& name) const {
    return d_.tensors.at(prefix_ + name);
  }

  static double Capped(double x, double cap) { return cap == 0 ? x : std::tanh(x / cap) * cap; }

  Row EmbeddingOf(int32_t id) const {
    const std::vector<float>& table = d_.tensors.at("model.embed_tokens.weight");
    Row row;
    for (int64_t i = 0; i < d_.hidden; ++i) {
      row.push_back(table[static_cast<size_t>(id * d_.hidden + i)] * d_.embedding_scale);
    }
    return row;
  }

  static Row Product(const std::vector<float>& matrix, const Row& x) {
    Row y(matrix.size() / x.size(), 0);
    for (size_t i = 0; i < y.size(); ++i) {
      for (size_t j = 0; j < x.size(); ++j) y[i] += matrix[i * x.size() + j] * x[j];
    }
    return y;
  }

  Row Linear(const std::string& name, const Row& x) const {
    Row y = Product(Find(name + ".weight"), x);
    if (!Has(name + ".bias")) return y;
    const std::vector<float>& bias = Find(name + ".bias");
    for (size_t i = 0; i < y.size(); ++i) y[i] += bias[i];
    return y;
  }

  // The `count` numbers from `begin` on of what the matrix `fused` makes of x; without that matrix,
  // what `name` makes.
  Row Part(const std::string& fused, int64_t begin, int64_t count, const std::string& name,
           const Row& x) const {
    if (!Has(fused + ".weight")) return Linear(name, x);
    const Row all = Linear(fused, x);
    return Row(all.begin() + begin, all.begin() + begin + count);
  }

  // `count` numbers of a row from `begin` on, normalised; the others stay.
  Row Norm(Row x, const std::vector<float>& weight, int64_t begin, int64_t count) const {
    double squares = 0;
    const auto at = [&](int64_t i) -> double& { return x[static_cast<size_t>(begin + i)]; };
    for (int64_t i = 0; i < count; ++i) squares += at(i) * at(i);
    const double divisor = std::sqrt(squares / static_cast<double>(count) + d_.eps);
    for (int64_t i = 0; i < count; ++i) {
      at(i) *= (weight[static_cast<size_t>(i)] + d_.norm_offset) / divisor;
    }
    return x;
  }

  template <typename Block>
  void AddBlock(Rows* x, const Block& block, const std::string& before, const std::string& behind) {
    Rows input = *x;
    if (!before.empty()) {
      for (Row& row : input) row = Norm(row, Find(before + ".weight"), 0, d_.hidden);
    }
    Rows output = block(input);
    for (size_t t = 0; t < x->size(); ++t) {
      if (!behind.empty()) output[t] = Norm(output[t], Find(behind + ".weight"), 0, d_.hidden);
      for (size_t i = 0; i < output[t].size(); ++i) {
        (*x)[t][i] += d_.residual_scale * output[t][i];
      }
    }
  }

  // Queries or keys: normalised if there is a weight for it, and rotated.
  Row Heads(Row x, const std::string& norm, size_t position) const {
    const int64_t dim = d_.head_dim;
    const auto size = static_cast<int64_t>(x.size());
    if (Has(norm)) {
      const auto count = static_cast<int64_t>(Find(norm).size());
      for (int64_t i = 0; i < size; i += count) x = Norm(std::move(x), Find(norm), i, count);
    }
    if (!rotates_) return x;
    const auto pairs = static_cast<int64_t>(frequencies_->size());
    for (int64_t head = 0; head < size; head += dim) {
      for (int64_t i = 0; i < pairs; ++i) {
        const double angle =
            static_cast<double>(position) * (*frequencies_)[static_cast<size_t>(i)];
        const double cos = d_.rotation_scale * std::cos(angle);
        const double sin = d_.rotation_scale * std::sin(angle);
        double& a = x[static_cast<size_t>(head + i)];
        double& b = x[static_cast<size_t>(head + i + pairs)];
        const double turned = a * cos - b * sin;
        b = b * cos + a * sin;
        a = turned;
      }
    }
    return x;
  }

  Rows Attention(const Rows& x) const {
    Rows q, k, v, y;
    for (size_t t = 0; t < x.size(); ++t) {
      const int64_t queries = d_.heads * d_.head_dim, keys = d_.kv_heads * d_.head_dim;
      const auto part = [&](int64_t begin, int64_t count, const std::string& name) {
        return Part("self_attn.qkv_proj", begin, count, name, x[t]);
      };
      q.push_back(Heads(part(0, queries, "self_attn.q_proj"), "self_attn.q_norm.weight", t));
      k.push_back(Heads(part(queries, keys, "self_attn.k_proj"), "self_attn.k_norm.weight", t));
      v.push_back(part(queries + keys, keys, "self_attn.v_proj"));
    }
    for (size_t t = 0; t < x.size(); ++t) {
      Row joined;
      for (int64_t head = 0; head < d_.heads; ++head) {
        for (const double value : Attend(q[t], k, v, head, t)) joined.push_back(value);
      }
      y.push_back(Linear("self_attn.o_proj", joined));
    }
    return y;
  }

  // What one head of token t reads.
  Row Attend(const Row& q, const Rows& k, const Rows& v, int64_t head, size_t t) const {
    const int64_t dim = d_.head_dim;
    const int64_t from_q = head * dim;
    const int64_t from_k = head / (d_.heads / d_.kv_heads) * dim;
    const auto window = static_cast<size_t>(window_);
    const size_t first = window != 0 && t + 1 > window ? t + 1 - window : 0;
    Row scores;
    for (size_t j = first; j <= t; ++j) {
      double score = 0;
      for (int64_t i = 0; i < dim; ++i) {
        score += q[static_cast<size_t>(from_q + i)] * k[j][static_cast<size_t>(from_k + i)];
      }
      scores.push_back(Capped(score * d_.score_scale, d_.scores_cap));
    }
    const double largest = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - largest);
    Row read(static_cast<size_t>(dim), 0);
    for (size_t j = first; j <= t; ++j) {
      for (int64_t i = 0; i < dim; ++i) {
        read[static_cast<size_t>(i)] +=
            scores[j - first] / sum * v[j][static_cast<size_t>(from_k + i)];
      }
    }
    return read;
  }

  double Activation(double x) const {
    if (!d_.gelu) return x / (1 + std::exp(-x));
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }

  // down(activation(gate(x)) * up(x)), of tensors with these names.
  Row Gated(const Row& x, const std::string& gate, const std::string& up,
            const std::string& down) const {
    Row inner = Linear(gate, x);
    const Row factors = Linear(up, x);
    for (size_t i = 0; i < inner.size(); ++i) inner[i] = Activation(inner[i]) * factors[i];
    return Linear(down, inner);
  }

  Row Expert(const Row& x, int64_t expert) const {
    if (Has("mlp.gate.weight")) {
      const std::string name = absl::StrCat("mlp.experts.", expert, ".");
      return Gated(x, name + "gate_proj", name + "up_proj", name + "down_proj");
    }
    const std::string name = absl::StrCat("block_sparse_moe.experts.", expert, ".");
    return Gated(x, name + "w1", name + "w3", name + "w2");
  }

  Row Mixture(const Row& x, const std::string& router) const {
    Row weights = Linear(router, x);
    const double largest = *std::max_element(weights.begin(), weights.end());
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - largest);
    for (double& weight : weights) weight /= sum;
    std::vector<std::pair<double, int64_t>> ranked;
    for (size_t i = 0; i < weights.size(); ++i) {
      ranked.emplace_back(-weights[i], static_cast<int64_t>(i));
    }
    std::sort(ranked.begin(), ranked.end());
    ranked.resize(static_cast<size_t>(d_.top));
    double taken = 0;
    for (const auto& [weight, expert] : ranked) taken -= weight;
    Row y(x.size(), 0);
    for (const auto& [weight, expert] : ranked) {
      const Row part = Expert(x, expert);
      const double share = -weight / (d_.renormalise ? taken : 1);
      for (size_t i = 0; i < y.size(); ++i) y[i] += share * part[i];
    }
    if (!Has("mlp.shared_expert_gate.weight")) return y;
    const std::string shared = "mlp.shared_expert.";
    const Row part = Gated(x, shared + "gate_proj", shared + "up_proj", shared + "down_proj");
    const double share = 1 / (1 + std::exp(-Linear("mlp.shared_expert_gate", x)[0]));
    for (size_t i = 0; i < y.size(); ++i) y[i] += share * part[i];
    return y;
  }

  Rows Mlp(const Rows& x) const {
    Rows y;
    for (const Row& row : x) {
      bool is_mixture = false;
      for (const char* router : {"mlp.gate", "block_sparse_moe.gate"}) {
        if (!Has(absl::StrCat(router, ".weight"))) continue;
        y.push_back(Mixture(row, router));
        is_mixture = true;
      }
      if (is_mixture) continue;
      const int64_t half = d_.intermediate;
      Row gate = Part("mlp.gate_up_proj", 0, half, "mlp.gate_proj", row);
      const Row up = Part("mlp.gate_up_proj", half, half, "mlp.up_proj", row);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = Activation(gate[i]) * up[i];
      y.push_back(Linear("mlp.down_proj", gate));
    }
    return y;
  }

  const PlainDecoder& d_;
  std::string prefix_;
  bool rotates_ = true;
  int64_t window_ = 0;
  const std::vector<double>* frequencies_ = nullptr;
};

}  // namespace

std::vector<double> PlainDecoder::Logits(const std::vector<int32_t>& ids) const {
  return Evaluation(*this).Run(ids);
}

}  // namespace lluda::tests
