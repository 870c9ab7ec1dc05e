#include "frontends/generation_config.h"

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/field_table.h"

namespace lluda::frontends {
namespace {

constexpr FieldUse kUsed = FieldUse::kUsed;
constexpr FieldUse kIgnored = FieldUse::kIgnored;
constexpr FieldUse kRefused = FieldUse::kRefused;

constexpr FieldRow kFields[] = {
    {"do_sample", kUsed},
    {"temperature", kUsed},
    {"top_k", kUsed},
    {"top_p", kUsed},
    {"min_p", kUsed},
    {"repetition_penalty", kUsed},
    {"eos_token_id", kUsed},

    // Another choice of tokens, or another end.
    {"typical_p", kRefused, "1"},
    {"top_h", kRefused, "1"},
    {"epsilon_cutoff", kRefused, "0"},
    {"eta_cutoff", kRefused, "0"},
    {"no_repeat_ngram_size", kRefused, "0"},
    {"encoder_repetition_penalty", kRefused, "1"},
    {"encoder_no_repeat_ngram_size", kRefused, "0"},
    {"suppress_tokens", kRefused, "[]", "tokens that are never chosen"},
    {"begin_suppress_tokens", kRefused, "[]", "tokens that are never chosen first"},
    {"bad_words_ids", kRefused, "[]", "tokens that are never chosen"},
    {"sequence_bias", kRefused, "[] {}", "biases for tokens"},
    {"forced_bos_token_id", kRefused},
    {"forced_eos_token_id", kRefused, "[]", "tokens that are chosen last"},
    {"exponential_decay_length_penalty", kRefused, "[]", "a penalty for length"},
    {"min_length", kRefused, "0"},
    {"min_new_tokens", kRefused, "0"},
    {"stop_strings", kRefused, "[]", "strings that end the text"},
    {"max_time", kRefused},
    {"num_beams", kRefused, "1"},
    {"num_beam_groups", kRefused, "1"},
    {"num_return_sequences", kRefused, "1"},
    {"penalty_alpha", kRefused, "0"},
    {"dola_layers", kRefused, "[]", "logits of several layers"},
    {"guidance_scale", kRefused, "1"},
    {"watermarking_config", kRefused, "{}", "a watermark"},
    {"constraints", kRefused, "[]", "tokens that have to be chosen"},
    {"force_words_ids", kRefused, "[]", "tokens that have to be chosen"},
    {"token_healing", kRefused, "false"},
    {"assistant_ensemble_weight", kRefused, "0"},

    // Nothing that changes which tokens are chosen.
    {"max_length", kIgnored},
    {"max_new_tokens", kIgnored},
    {"bos_token_id", kIgnored},
    {"pad_token_id", kIgnored},
    {"decoder_start_token_id", kIgnored},
    {"early_stopping", kIgnored},
    {"length_penalty", kIgnored},
    {"diversity_penalty", kIgnored},
    {"low_memory", kIgnored},
    {"renormalize_logits", kIgnored},
    {"remove_invalid_values", kIgnored},
    {"use_cache", kIgnored},
    {"cache_implementation", kIgnored},
    {"cache_config", kIgnored},
    {"max_cache_len", kIgnored},
    {"prefill_chunk_size", kIgnored},
    {"output_attentions", kIgnored},
    {"output_hidden_states", kIgnored},
    {"output_scores", kIgnored},
    {"output_logits", kIgnored},
    {"return_dict_in_generate", kIgnored},
    {"use_mtp", kIgnored},
    {"is_assistant", kIgnored},
    {"num_assistant_tokens", kIgnored},
    {"num_assistant_tokens_schedule", kIgnored},
    {"assistant_confidence_threshold", kIgnored},
    {"prompt_lookup_num_tokens", kIgnored},
    {"max_matching_ngram_size", kIgnored},
    {"assistant_early_exit", kIgnored},
    {"assistant_lookbehind", kIgnored},
    {"target_lookbehind", kIgnored},
    {"speculation_type", kIgnored},
    {"compile_config", kIgnored},
    {"disable_compile", kIgnored},
    {"continuous_batching_config", kIgnored},
    {"transformers_version", kIgnored},
    {"_from_model_config", kIgnored},
    {"_commit_hash", kIgnored},
};

struct NumberField {
  const char* key;
  double GenerationConfig::* member;
  base::NumberRange range;
};

// The upper limits are far beyond use; they keep arithmetic in float finite.
constexpr NumberField kNumberFields[] = {
    {"temperature", &GenerationConfig::temperature, {0, 1e6}},
    {"top_p", &GenerationConfig::top_p, {0, 1}},
    {"min_p", &GenerationConfig::min_p, {0, 1}},
    {"repetition_penalty", &GenerationConfig::repetition_penalty, {0, 1e6, /*open_min=*/true}},
};

absl::Status ReadSampling(const base::JsonObject& fields, GenerationConfig* config) {
  for (const NumberField& field : kNumberFields) {
    if (!fields.HasValue(field.key)) continue;
    ASSIGN_OR_RETURN(double value, fields.Number(field.key, field.range));
    config->*field.member = value;
  }
  // The smallest set that reaches 0 is still one token.
  config->top_p = std::max<double>(config->top_p, std::numeric_limits<float>::min());
  if (fields.HasValue("do_sample")) {
    ASSIGN_OR_RETURN(config->do_sample, fields.Bool("do_sample"));
  }
  if (fields.HasValue("top_k")) {
    // -1 is how other engines write "all".
    ASSIGN_OR_RETURN(int64_t value, fields.Int("top_k", {-1, std::numeric_limits<int32_t>::max()}));
    config->top_k = std::max<int64_t>(value, 0);
  }
  return absl::OkStatus();
}

// The tokens that end a text. One that no vocabulary has, such as -1, ends none.
absl::Status ReadEndTokens(const base::JsonObject& fields, GenerationConfig* config) {
  using Limits = std::numeric_limits<int64_t>;
  ASSIGN_OR_RETURN(std::vector<int64_t> ids,
                   fields.IntOrInts("eos_token_id", {Limits::min(), Limits::max()}));
  for (const int64_t id : ids) {
    if (id < 0 || id > std::numeric_limits<int32_t>::max()) continue;
    config->eos_token_ids.push_back(id);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Span<const FieldRow> GenerationFields() { return kFields; }

absl::StatusOr<GenerationConfig> LoadGenerationConfig(const std::string& folder) {
  GenerationConfig config;
  bool has_end_tokens = false;
  absl::StatusOr<base::JsonDocument> own =
      base::JsonDocument::Load(absl::StrCat(folder, "/generation_config.json"));
  if (own.ok()) {
    const base::JsonObject fields = own->root();
    RETURN_IF_ERROR(ReadSampling(fields, &config));
    const auto none = [](absl::string_view) { return false; };
    for (const RefusedField& field : RefusedFields(fields, kFields, none)) {
      config.notes.push_back(
          std::string(fields
                          .FieldError(field.key, absl::StrCat("asks for ", field.asks_for,
                                                              ", which is ignored"))
                          .message()));
    }
    has_end_tokens = fields.HasValue("eos_token_id");
    if (has_end_tokens) {
      RETURN_IF_ERROR(ReadEndTokens(fields, &config));
    }
  } else if (!absl::IsNotFound(own.status())) {
    return own.status();
  }
  if (has_end_tokens) return config;
  absl::StatusOr<base::JsonDocument> model =
      base::JsonDocument::Load(absl::StrCat(folder, "/config.json"));
  if (model.ok()) {
    if (!model->root().HasValue("eos_token_id")) return config;
    RETURN_IF_ERROR(ReadEndTokens(model->root(), &config));
  } else if (!absl::IsNotFound(model.status())) {
    return model.status();
  }
  return config;
}

}  // namespace lluda::frontends
