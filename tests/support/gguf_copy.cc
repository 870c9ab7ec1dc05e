#include "tests/support/gguf_copy.h"

#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "frontends/gguf/file/ggml_type.h"
#include "frontends/gguf/file/gguf_writer.h"
#include "glog/logging.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::tests {
namespace {

using frontends::gguf::FloatBytes;
using frontends::gguf::GgufWriter;
using frontends::gguf::NumberBytes;

uint32_t TypeOf(ir::DType dtype) {
  for (const frontends::gguf::GgmlType& type : frontends::gguf::GgmlTypes()) {
    if (type.dtype == dtype) return type.id;
  }
  LOG(FATAL) << "files have no " << ir::DTypeName(dtype);
}

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

std::vector<std::byte> Blocks(const std::vector<float>& values, ir::DType dtype) {
  const auto count = static_cast<int64_t>(values.size());
  std::vector<std::byte> blocks(static_cast<size_t>(ir::BytesOf(dtype, count)));
  ir::EncodeBlocks(dtype, values, absl::MakeSpan(blocks));
  return blocks;
}

std::string Bytes(const std::vector<float>& values, ir::DType dtype) {
  std::string bytes;
  if (ir::IsBlock(dtype)) {
    const std::vector<std::byte> blocks = Blocks(values, dtype);
    return {reinterpret_cast<const char*>(blocks.data()), blocks.size()};
  }
  for (const float value : values) {
    absl::StrAppend(
        &bytes, dtype == ir::DType::kF32 ? FloatBytes(value) : NumberBytes(ir::FloatToBF16(value)));
  }
  return bytes;
}

bool IsNorm(absl::string_view name) { return absl::StrContains(name, "norm"); }

bool IsVector(absl::string_view name) { return IsNorm(name) || absl::EndsWith(name, ".bias"); }

// The numbers of a matrix's row.
int64_t ColumnsOf(const PlainDecoder& plain, const std::string& name) {
  if (absl::StrContains(name, "down_proj")) return plain.intermediate;
  return absl::StrContains(name, "o_proj") ? plain.heads * plain.head_dim : plain.hidden;
}

void AddTensor(const GgufCopy& copy, const PlainDecoder& plain, const std::string& name,
               std::vector<float> values, const MatrixDTypes& dtypes, GgufWriter* writer) {
  const bool is_vector = IsVector(name);
  if (IsNorm(name)) {
    for (float& value : values) value += static_cast<float>(plain.norm_offset);
  }
  const int64_t columns = is_vector ? 1 : ColumnsOf(plain, name);
  const bool is_paired = absl::StrContains(name, "q_proj") || absl::StrContains(name, "k_proj");
  if (copy.paired_rows && is_paired) values = InPairs(values, plain.head_dim, columns);
  const int64_t rows = static_cast<int64_t>(values.size()) / columns;
  const std::vector<int64_t> extents =
      is_vector ? std::vector<int64_t>{rows} : std::vector<int64_t>{columns, rows};
  const ir::DType dtype = is_vector ? ir::DType::kF32 : dtypes(name);
  writer->Tensor(NameInFile(plain, name), TypeOf(dtype), extents, Bytes(values, dtype));
}

}  // namespace

MatrixDTypes AllOf(ir::DType dtype) {
  return [dtype](absl::string_view) { return dtype; };
}

PlainDecoder Rounded(const PlainDecoder& plain, const MatrixDTypes& dtypes) {
  PlainDecoder rounded = plain;
  for (auto& [name, values] : rounded.tensors) {
    const ir::DType dtype = IsVector(name) ? ir::DType::kF32 : dtypes(name);
    if (!ir::IsBlock(dtype)) continue;
    ir::DecodeBlocks(dtype, Blocks(values, dtype), absl::MakeSpan(values));
  }
  return rounded;
}

std::string GgufBytes(const GgufCopy& copy, const PlainDecoder& plain, const MatrixDTypes& dtypes) {
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
  for (const auto& [name, values] : plain.tensors) {
    AddTensor(copy, plain, name, values, dtypes, &writer);
  }
  for (const auto& [name, values] : copy.vectors) {
    constexpr ir::DType kF32 = ir::DType::kF32;
    writer.Tensor(name, TypeOf(kF32), {static_cast<int64_t>(values.size())}, Bytes(values, kF32));
  }
  return writer.Bytes();
}

}  // namespace lluda::tests
