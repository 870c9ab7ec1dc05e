// A Qwen3 model's config.json: its sizes and constants, checked.
//
// Reads what transformers 4 wrote (torch_dtype, rope_theta, rope_scaling) and what transformers 5
// writes (dtype, rope_parameters). A config that asks for something this frontend does not build
// is refused by name rather than computed wrongly; config_fields.h knows every field:
//
//   config.json: field 'rope_scaling.rope_type' asks for 'yarn', which is not supported
//   config.json: field 'num_key_value_heads' must divide num_attention_heads, 16, is 3
//
// Example:
//   absl::StatusOr<qwen3::Config> config = qwen3::LoadConfig("Qwen3-0.6B");
#ifndef LLUDA_FRONTENDS_QWEN3_CONFIG_H_
#define LLUDA_FRONTENDS_QWEN3_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::frontends::qwen3 {

// Initial values are the defaults of transformers' Qwen3Config, for fields that may be absent.
struct Config {
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;  // divides num_attention_heads
  int64_t head_dim = 128;           // even; not tied to hidden_size / num_attention_heads
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000.0;
  bool tie_word_embeddings = false;  // the LM head is the embedding, transposed
  std::string dtype = "float32";     // what the checkpoint says it was saved in

  // Widths of the attention's projections.
  int64_t query_size() const { return num_attention_heads * head_dim; }
  int64_t key_value_size() const { return num_key_value_heads * head_dim; }
};

// Reads config.json in `folder`: NotFound if there is none, InvalidArgument if it is malformed or
// contradicts itself, Unimplemented if it asks for something unsupported. All products of two sizes
// and of all sizes of one tensor fit int64_t with room to spare.
absl::StatusOr<Config> LoadConfig(const std::string& folder);

// The same from a config's text, which errors call `label`.
absl::StatusOr<Config> ParseConfig(const std::string& label, absl::string_view text);

}  // namespace lluda::frontends::qwen3

#endif  // LLUDA_FRONTENDS_QWEN3_CONFIG_H_
