// What is in a family's row.
//
// Example: Llama with nothing but what all families have.
//   const Family kLlama = {"llama", "LlamaForCausalLM", "LlamaModel"};
#ifndef LLUDA_FRONTENDS_FAMILIES_FAMILY_H_
#define LLUDA_FRONTENDS_FAMILIES_FAMILY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {

// What fields that are absent stand for: transformers leaves its defaults out of config.json, and
// each family has its own.
inline constexpr int64_t kRequired = -1;
struct Defaults {
  int64_t head_dim = 0;             // 0: hidden_size / num_attention_heads, and null is the same
  int64_t num_key_value_heads = 0;  // 0: num_attention_heads
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  bool tie_word_embeddings = false;
  // Each 0 where the field is required.
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t max_position_embeddings = 0;
};

// Layers with a window that rotate otherwise than the others: the field with their base, and what it
// is where that is absent.
struct WindowRope {
  const char* theta_field = nullptr;  // null: they rotate as the others do
  double theta = 0;
};

// All types of RoPE that are built.
inline constexpr char kAllRopeTypes[] = "default linear llama3 longrope yarn";

struct Family {
  const char* model_type;
  // The model with its LM head, and the part of it that a checkpoint may hold alone: a tied head is
  // the embedding.
  const char* architecture;
  const char* headless;
  // Fields beside the common ones (config_fields.h), or in their place.
  absl::Span<const FieldRow> fields{};
  Defaults defaults{};
  const char* rope_types = kAllRopeTypes;
  // Reads what the common reader does not. Sizes, RoPE and all else are there already.
  absl::Status (*read)(const base::JsonObject& fields, decoder::Decoder* decoder) = nullptr;
  // Whether layers may have windows, so that layer_types may say sliding_attention.
  bool windows = false;
  WindowRope window_rope{};
  // Those of the rope_types that mean longrope.
  const char* longrope_names = "longrope";
  // What original_max_position_embeddings is where it is absent; 0: nothing.
  int64_t original_context = 0;
  // The object that holds the config of the model's text part, which is of the family `text`. `read`
  // then reads the fields beside it.
  const char* text_object = nullptr;
  const Family* text = nullptr;
  // Fields of rope_parameters and rope_scaling beside the common ones.
  absl::Span<const FieldRow> rope_fields{};
};

// A family whose config nests that of its text part, as models with eyes or ears have it. `defaults`
// are those of the text part.
constexpr Family FamilyAround(const Family& text, const char* text_object, const char* model_type,
                              const char* architecture, const char* headless,
                              absl::Span<const FieldRow> fields, Defaults defaults) {
  Family family{model_type, architecture, headless, fields, defaults};
  family.text_object = text_object;
  family.text = &text;
  return family;
}

// The rows, in alphabetical order.
absl::Span<const Family* const> AllFamilies();

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_FAMILY_H_
