#include "frontends/decoder/test_model.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lluda::frontends::decoder {

Decoder ToyDecoder() {
  Decoder decoder;
  decoder.vocab_size = 32;
  decoder.hidden_size = 8;
  decoder.intermediate_size = 12;
  decoder.layers.resize(2);
  decoder.family = "qwen3";
  decoder.qk_norm = QkNorm::kHead;
  decoder.num_attention_heads = 4;
  decoder.num_key_value_heads = 2;
  decoder.head_dim = 4;
  decoder.max_position_embeddings = 100;
  decoder.tie_word_embeddings = true;
  return decoder;
}

std::map<std::string, TensorInfo> ToyTensors(ir::DType dtype) {
  const std::string dtype_name = absl::AsciiStrToUpper(ir::DTypeName(dtype));
  std::map<std::string, TensorInfo> tensors;
  const auto add = [&](absl::string_view name, std::vector<int64_t> shape) {
    tensors[absl::StrCat(name, ".weight")] = {dtype, dtype_name, std::move(shape)};
  };
  add("model.embed_tokens", {32, 8});
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    add(prefix + "input_layernorm", {8});
    add(prefix + "self_attn.q_proj", {16, 8});
    add(prefix + "self_attn.k_proj", {8, 8});
    add(prefix + "self_attn.v_proj", {8, 8});
    add(prefix + "self_attn.o_proj", {8, 16});
    add(prefix + "self_attn.q_norm", {4});
    add(prefix + "self_attn.k_norm", {4});
    add(prefix + "post_attention_layernorm", {8});
    add(prefix + "mlp.gate_proj", {12, 8});
    add(prefix + "mlp.up_proj", {12, 8});
    add(prefix + "mlp.down_proj", {8, 12});
  }
  add("model.norm", {8});
  add("lm_head", {32, 8});
  return tensors;
}

ImportOptions ToyOptions(std::map<std::string, TensorInfo> tensors) {
  ImportOptions options;
  options.max_step_tokens = 16;
  options.max_logit_rows = 16;
  options.max_slots = 4;
  options.checkpoint_name = "toy";
  options.find_tensor =
      [tensors = std::move(tensors)](absl::string_view name) -> std::optional<TensorInfo> {
    const auto it = tensors.find(std::string(name));
    if (it == tensors.end()) return std::nullopt;
    return it->second;
  };
  return options;
}

}  // namespace lluda::frontends::decoder
