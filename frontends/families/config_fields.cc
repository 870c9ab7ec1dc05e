#include "frontends/families/config_fields.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldUse kUsed = FieldUse::kUsed;
constexpr FieldUse kIgnored = FieldUse::kIgnored;
constexpr FieldUse kRefused = FieldUse::kRefused;

// In the order in which they are refused: what family it is comes first.
constexpr FieldRow kCommonFields[] = {
    {"model_type", kUsed},
    {"architectures", kUsed},

    // Sizes and constants.
    {"vocab_size", kUsed},
    {"hidden_size", kUsed},
    {"intermediate_size", kUsed},
    {"num_hidden_layers", kUsed},
    {"num_attention_heads", kUsed},
    {"num_key_value_heads", kUsed},
    {"head_dim", kUsed},
    {"max_position_embeddings", kUsed},
    {"rms_norm_eps", kUsed},
    {"tie_word_embeddings", kUsed},
    {"dtype", kUsed},
    {"torch_dtype", kUsed},
    {"layer_types", kUsed},
    {"rope_parameters", kUsed},
    {"rope_scaling", kUsed},
    {"rope_theta", kUsed},
    {"original_max_position_embeddings", kUsed},
    {"eos_token_id", kUsed},
    {"quantization_config", kUsed},

    // Another computation.
    {"hidden_act", kRefused, "silu swish"},
    {"attention_bias", kRefused, "false"},
    {"use_sliding_window", kRefused, "false"},
    {"sliding_window", kRefused},
    {"partial_rotary_factor", kRefused, "1"},
    {"per_layer_config", kRefused, "{}", "other sizes in some layers"},
    {"compression_config", kRefused, "", "quantised weights"},
    {"quantization", kRefused, "false", "quantised weights"},
    {"is_encoder_decoder", kRefused, "false"},
    {"add_cross_attention", kRefused, "false"},
    {"pruned_heads", kRefused, "{} []", "layers with fewer heads"},
    // Some families' fields, which transformers would pass over in the others' configs.
    {"mlp_bias", kRefused, "false"},
    {"qkv_bias", kRefused, "false"},
    {"lm_head_bias", kRefused, "false"},
    {"use_qk_norm", kRefused, "true"},
    {"attn_logit_softcapping", kRefused},
    {"final_logit_softcapping", kRefused},
    {"query_pre_attn_scalar", kRefused},
    {"attention_multiplier", kRefused},
    {"embedding_multiplier", kRefused, "1"},
    {"residual_multiplier", kRefused, "1"},
    {"logit_scale", kRefused, "1"},
    {"logits_scaling", kRefused, "1"},
    {"num_experts", kRefused, "0", "experts"},
    {"num_local_experts", kRefused, "0", "experts"},

    // Nothing that changes logits.
    {"pad_token_id", kIgnored},
    {"bos_token_id", kIgnored},
    {"sep_token_id", kIgnored},
    {"decoder_start_token_id", kIgnored},
    {"initializer_range", kIgnored},
    {"attention_dropout", kIgnored},
    {"use_cache", kIgnored},
    {"transformers_version", kIgnored},
    {"output_hidden_states", kIgnored},
    {"output_attentions", kIgnored},
    {"return_dict", kIgnored},
    {"tie_last_hidden_states", kIgnored},
    {"chunk_size_feed_forward", kIgnored},
    {"is_decoder", kIgnored},
    {"tie_encoder_decoder", kIgnored},
    {"id2label", kIgnored},
    {"label2id", kIgnored},
    {"num_labels", kIgnored},
    {"problem_type", kIgnored},
    {"finetuning_task", kIgnored},
    {"task_specific_params", kIgnored},
    {"name_or_path", kIgnored},
    {"_name_or_path", kIgnored},
    {"_commit_hash", kIgnored},
    {"attn_implementation", kIgnored},
    {"_attn_implementation", kIgnored},
    {"auto_map", kIgnored},
    {"tokenizer_class", kIgnored},
    {"prefix", kIgnored},
    {"torchscript", kIgnored},
    {"use_bfloat16", kIgnored},
};

constexpr FieldRow kRopeFields[] = {
    {"rope_type", kRefused, "default"},
    {"type", kRefused, "default"},  // how older files spell it
    {"rope_theta", kUsed},
    {"partial_rotary_factor", kRefused, "1"},
    {"factor", kUsed},
    {"low_freq_factor", kUsed},
    {"high_freq_factor", kUsed},
    {"original_max_position_embeddings", kUsed},
    {"attention_factor", kUsed},
    {"beta_fast", kUsed},
    {"beta_slow", kUsed},
    {"mscale", kUsed},
    {"mscale_all_dim", kUsed},
    {"truncate", kUsed},
    {"short_factor", kUsed},
    {"long_factor", kUsed},
};

// The types of rotation that a field speaks of, of those that not all types have.
constexpr std::pair<absl::string_view, absl::string_view> kRopeTypesOf[] = {
    {"factor", "linear llama3 longrope yarn"},
    {"low_freq_factor", "llama3"},
    {"high_freq_factor", "llama3"},
    {"original_max_position_embeddings", "llama3 longrope yarn"},
    {"attention_factor", "longrope yarn"},
    {"beta_fast", "yarn"},
    {"beta_slow", "yarn"},
    {"mscale", "yarn"},
    {"mscale_all_dim", "yarn"},
    {"truncate", "yarn"},
    {"short_factor", "longrope"},
    {"long_factor", "longrope"},
};

}  // namespace

absl::Span<const FieldRow> CommonFields() { return kCommonFields; }
absl::Span<const FieldRow> CommonRopeFields() { return kRopeFields; }

std::vector<FieldRow> ConfigFields(const Family& family) {
  std::vector<FieldRow> fields(CommonFields().begin(), CommonFields().end());
  for (const FieldRow& own : family.fields) {
    const absl::string_view key = own.key;
    const auto common = std::find_if(fields.begin(), fields.end(),
                                     [&](const FieldRow& row) { return key == row.key; });
    if (common == fields.end()) {
      fields.push_back(own);
    } else {
      *common = own;
    }
  }
  return fields;
}

std::vector<FieldRow> RopeFields(const Family& family) {
  std::vector<FieldRow> fields(CommonRopeFields().begin(), CommonRopeFields().end());
  fields.insert(fields.end(), family.rope_fields.begin(), family.rope_fields.end());
  return fields;
}

bool HasMeaning(absl::string_view rope_field, absl::string_view rope_type) {
  for (const auto& [key, types] : kRopeTypesOf) {
    if (key == rope_field) return absl::StrContains(types, rope_type);
  }
  return true;
}

bool MayChangeTheModel(absl::string_view key) {
  constexpr absl::string_view kParts[] = {"rope", "rotary", "quant", "compress"};
  const std::string lower = absl::AsciiStrToLower(key);
  return std::any_of(std::begin(kParts), std::end(kParts),
                     [&](absl::string_view part) { return absl::StrContains(lower, part); });
}

}  // namespace lluda::frontends::families
