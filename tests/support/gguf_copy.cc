#include "tests/support/gguf_copy.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "frontends/gguf/file/gguf_writer.h"
#include "ir/type/dtype.h"

namespace lluda::tests {
namespace {

using frontends::gguf::FloatBytes;
using frontends::gguf::GgufWriter;
using frontends::gguf::NumberBytes;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kBF16 = 30;

// What the files call a part of a layer; Gemma's norm before the MLP has another name in folders.
const std::map<std::string, std::string>& LayerNames() {
  static const auto* names = new std::map<std::string, std::string>{
      {"input_layernorm", "attn_norm"},
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},
      {"self_attn.qkv_proj", "attn_qkv"},
      {"self_attn.o_proj", "attn_output"},
      {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.k_norm", "attn_k_norm"},
      {"pre_feedforward_layernorm", "ffn_norm"},
      {"post_feedforward_layernorm", "post_ffw_norm"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.gate_up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"},
  };
  return *names;
}

// "model.layers.3.self_attn.q_proj.weight" as "blk.3.attn_q.weight".
std::string NameInFile(const PlainDecoder& plain, const std::string& name) {
  const size_t dot = name.rfind('.');
  const std::string stem = name.substr(0, dot), kind = name.substr(dot);
  if (stem == "model.embed_tokens") return "token_embd" + kind;
  if (stem == "model.norm") return "output_norm" + kind;
  if (stem == "lm_head") return "output" + kind;
  const std::vector<std::string> parts =
      absl::StrSplit(absl::StripPrefix(stem, "model.layers."), absl::MaxSplits('.', 1));
  const bool behind = plain.norms_behind || plain.norms_around;
  const std::string part = parts[1] != "post_attention_layernorm" ? LayerNames().at(parts[1])
                           : behind                               ? "post_attention_norm"
                                                                  : "ffn_norm";
  return absl::StrCat("blk.", parts[0], ".", part, kind);
}

// Of each head row i and row i + half as rows 2i and 2i + 1; a row has `columns` numbers.
std::vector<float> InPairs(const std::vector<float>& values, int64_t head_dim, int64_t columns) {
  std::vector<float> paired;
  const int64_t rows = static_cast<int64_t>(values.size()) / columns;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t head = row / head_dim, within = row % head_dim;
    const int64_t from = head * head_dim + within / 2 + within % 2 * (head_dim / 2);
    paired.insert(paired.end(), values.begin() + from * columns,
                  values.begin() + (from + 1) * columns);
  }
  return paired;
}

std::string Bytes(const std::vector<float>& values, uint32_t type) {
  std::string bytes;
  for (const float value : values) {
    absl::StrAppend(&bytes, type == kF32 ? FloatBytes(value) : NumberBytes(ir::FloatToBF16(value)));
  }
  return bytes;
}

// The numbers of a matrix's row.
int64_t ColumnsOf(const PlainDecoder& plain, const std::string& name) {
  if (absl::StrContains(name, "down_proj")) return plain.intermediate;
  return absl::StrContains(name, "o_proj") ? plain.heads * plain.head_dim : plain.hidden;
}

void AddTensor(const GgufCopy& copy, const PlainDecoder& plain, const std::string& name,
               std::vector<float> values, uint32_t type, GgufWriter* writer) {
  const bool is_norm = absl::StrContains(name, "norm");
  const bool is_vector = is_norm || absl::EndsWith(name, ".bias");
  if (is_norm) {
    for (float& value : values) value += static_cast<float>(plain.norm_offset);
  }
  const int64_t columns = is_vector ? 1 : ColumnsOf(plain, name);
  const bool is_paired = absl::StrContains(name, "q_proj") || absl::StrContains(name, "k_proj");
  if (copy.paired_rows && is_paired) values = InPairs(values, plain.head_dim, columns);
  const int64_t rows = static_cast<int64_t>(values.size()) / columns;
  const std::vector<int64_t> extents =
      is_vector ? std::vector<int64_t>{rows} : std::vector<int64_t>{columns, rows};
  if (is_vector) type = kF32;
  writer->Tensor(NameInFile(plain, name), type, extents, Bytes(values, type));
}

}  // namespace

std::string GgufBytes(const GgufCopy& copy, const SeededFolder& folder, GgufNumbers numbers) {
  const PlainDecoder& plain = folder.plain();
  GgufWriter writer;
  writer.String("general.architecture", copy.architecture);
  const auto key = [&](const std::string& name) { return copy.architecture + "." + name; };
  std::map<std::string, int64_t> ints = {{"context_length", 256},
                                         {"embedding_length", plain.hidden},
                                         {"block_count", plain.layers},
                                         {"feed_forward_length", plain.intermediate},
                                         {"attention.head_count", plain.heads},
                                         {"attention.head_count_kv", plain.kv_heads},
                                         {"attention.key_length", plain.head_dim},
                                         {"attention.value_length", plain.head_dim}};
  for (const auto& [name, value] : copy.ints) ints[name] = value;
  for (const auto& [name, value] : ints) writer.U32(key(name), static_cast<uint32_t>(value));
  writer.F32(key("attention.layer_norm_rms_epsilon"), static_cast<float>(plain.eps));
  writer.F32(key("rope.freq_base"), static_cast<float>(copy.rope_base));
  for (const auto& [name, value] : copy.floats) writer.F32(key(name), static_cast<float>(value));
  for (const auto& [name, value] : copy.strings) writer.String(key(name), value);
  const uint32_t type = numbers == GgufNumbers::kF32 ? kF32 : kBF16;
  for (const auto& [name, values] : plain.tensors) {
    AddTensor(copy, plain, name, values, type, &writer);
  }
  for (const auto& [name, values] : copy.vectors) {
    writer.Tensor(name, kF32, {static_cast<int64_t>(values.size())}, Bytes(values, kF32));
  }
  return writer.Bytes();
}

}  // namespace lluda::tests
