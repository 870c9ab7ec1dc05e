#include "frontends/qwen3/config.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontends/json.h"

namespace lluda::frontends::qwen3 {
namespace {

constexpr int64_t kMaxVocabulary = int64_t{1} << 24;
constexpr NumberRange kThetaRange = {0, 1e12, /*open_min=*/true};

struct IntField {
  const char* key;
  int64_t Config::* member;
  int64_t max;
  bool required;
};

// The limits are some ten times what the largest models have. Any three multiplied fit int64_t.
constexpr IntField kIntFields[] = {
    {"vocab_size", &Config::vocab_size, kMaxVocabulary, true},
    {"hidden_size", &Config::hidden_size, 1 << 18, true},
    {"intermediate_size", &Config::intermediate_size, 1 << 20, true},
    {"num_hidden_layers", &Config::num_hidden_layers, 1 << 12, true},
    {"num_attention_heads", &Config::num_attention_heads, 1 << 12, true},
    {"head_dim", &Config::head_dim, 1 << 12, false},
    {"max_position_embeddings", &Config::max_position_embeddings, 1 << 30, true},
};

// Where a field has one value that this frontend builds. `required` is for the field that says
// which family of models this is.
struct OneValueField {
  const char* key;
  const char* value;
  bool required;
};

constexpr OneValueField kOneValueFields[] = {
    {"model_type", "qwen3", true},
    {"hidden_act", "silu", false},
};

constexpr const char* kMustBeFalse[] = {"attention_bias", "use_sliding_window"};

constexpr absl::string_view kDTypes[] = {"float32", "bfloat16", "float16"};

absl::Status Unsupported(const JsonObject& fields, absl::string_view key, absl::string_view value) {
  return absl::UnimplementedError(
      fields.FieldError(key, absl::StrCat("asks for ", value, ", which is not supported"))
          .message());
}

absl::Status UnsupportedName(const JsonObject& fields, absl::string_view key,
                             absl::string_view name) {
  return Unsupported(fields, key, absl::StrCat("'", QuoteName(name), "'"));
}

// First of all, so that a config of another family is refused for that and not for a field.
absl::Status CheckFamily(const JsonObject& fields) {
  for (const OneValueField& field : kOneValueFields) {
    if (!field.required && !fields.Has(field.key)) continue;
    absl::StatusOr<std::string> value = fields.String(field.key);
    if (!value.ok()) return value.status();
    if (*value != field.value) return UnsupportedName(fields, field.key, *value);
  }
  if (!fields.HasValue("architectures")) return absl::OkStatus();
  absl::StatusOr<std::vector<std::string>> architectures = fields.Strings("architectures");
  if (!architectures.ok()) return architectures.status();
  for (const std::string& name : *architectures) {
    if (name != "Qwen3ForCausalLM") return UnsupportedName(fields, "architectures", name);
  }
  return absl::OkStatus();
}

absl::Status CheckFeatures(const JsonObject& fields, const Config& config) {
  for (const char* key : kMustBeFalse) {
    if (!fields.HasValue(key)) continue;
    absl::StatusOr<bool> value = fields.Bool(key);
    if (!value.ok()) return value.status();
    if (*value) return Unsupported(fields, key, "true");
  }
  if (fields.HasValue("quantization_config")) {
    return Unsupported(fields, "quantization_config", "quantised weights");
  }
  if (!fields.HasValue("layer_types")) return absl::OkStatus();
  absl::StatusOr<std::vector<std::string>> layers = fields.Strings("layer_types");
  if (!layers.ok()) return layers.status();
  for (size_t i = 0; i < layers->size(); ++i) {
    if ((*layers)[i] == "full_attention") continue;
    return UnsupportedName(fields, absl::StrCat("layer_types[", i, "]"), (*layers)[i]);
  }
  if (static_cast<int64_t>(layers->size()) != config.num_hidden_layers) {
    return fields.FieldError("layer_types",
                             absl::StrCat("must have an item for each of num_hidden_layers, ",
                                          config.num_hidden_layers, ", has ", layers->size()));
  }
  return absl::OkStatus();
}

absl::Status ReadSizes(const JsonObject& fields, Config* config) {
  for (const IntField& field : kIntFields) {
    if (!field.required && !fields.Has(field.key)) continue;
    absl::StatusOr<int64_t> value = fields.Int(field.key, {1, field.max});
    if (!value.ok()) return value.status();
    config->*field.member = *value;
  }
  if (config->head_dim % 2 != 0) {
    return fields.FieldError(
        "head_dim", absl::StrCat("must be even for rotary embedding, is ", config->head_dim));
  }
  // Null stands for one key-value head per attention head.
  config->num_key_value_heads = config->num_attention_heads;
  if (fields.Has("num_key_value_heads") && !fields.HasValue("num_key_value_heads")) {
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> heads = fields.Int("num_key_value_heads", {1, 1 << 12});
  if (!heads.ok()) return heads.status();
  if (config->num_attention_heads % *heads != 0) {
    return fields.FieldError("num_key_value_heads",
                             absl::StrCat("must divide num_attention_heads, ",
                                          config->num_attention_heads, ", is ", *heads));
  }
  config->num_key_value_heads = *heads;
  return absl::OkStatus();
}

// Checks rope_scaling or rope_parameters: anything but plain rotary embedding is refused.
absl::Status CheckRope(const JsonObject& rope, bool type_required) {
  bool has_type = false;
  for (const char* key : {"rope_type", "type"}) {  // "type" is how older files spell it
    if (!rope.Has(key)) continue;
    absl::StatusOr<std::string> type = rope.String(key);
    if (!type.ok()) return type.status();
    if (*type != "default") return UnsupportedName(rope, key, *type);
    has_type = true;
  }
  if (type_required && !has_type) return rope.FieldError("rope_type", "is missing");
  return absl::OkStatus();
}

absl::Status CheckWholeRotation(const JsonObject& fields) {
  if (!fields.HasValue("partial_rotary_factor")) return absl::OkStatus();
  absl::StatusOr<double> factor = fields.Number("partial_rotary_factor", {0, 1});
  if (!factor.ok()) return factor.status();
  if (*factor == 1) return absl::OkStatus();
  return Unsupported(fields, "partial_rotary_factor", absl::StrCat(*factor));
}

absl::Status ReadRope(const JsonObject& fields, Config* config) {
  if (absl::Status status = CheckWholeRotation(fields); !status.ok()) return status;
  if (fields.HasValue("rope_scaling")) {
    absl::StatusOr<JsonObject> scaling = fields.Object("rope_scaling");
    if (!scaling.ok()) return scaling.status();
    if (absl::Status status = CheckRope(*scaling, /*type_required=*/true); !status.ok()) {
      return status;
    }
  }
  const bool old_form = fields.Has("rope_theta");
  if (old_form) {
    absl::StatusOr<double> theta = fields.Number("rope_theta", kThetaRange);
    if (!theta.ok()) return theta.status();
    config->rope_theta = *theta;
  }
  if (!fields.HasValue("rope_parameters")) return absl::OkStatus();
  absl::StatusOr<JsonObject> rope = fields.Object("rope_parameters");
  if (!rope.ok()) return rope.status();
  if (absl::Status status = CheckRope(*rope, /*type_required=*/false); !status.ok()) return status;
  if (absl::Status status = CheckWholeRotation(*rope); !status.ok()) return status;
  if (!rope->Has("rope_theta")) return absl::OkStatus();
  absl::StatusOr<double> theta = rope->Number("rope_theta", kThetaRange);
  if (!theta.ok()) return theta.status();
  if (old_form && *theta != config->rope_theta) {
    return rope->FieldError(
        "rope_theta",
        absl::StrCat("is ", *theta, ", but field 'rope_theta' is ", config->rope_theta));
  }
  config->rope_theta = *theta;
  return absl::OkStatus();
}

absl::Status ReadDType(const JsonObject& fields, Config* config) {
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (!fields.HasValue(key)) continue;
    absl::StatusOr<std::string> name = fields.String(key);
    if (!name.ok()) return name.status();
    if (std::find(std::begin(kDTypes), std::end(kDTypes), *name) == std::end(kDTypes)) {
      return UnsupportedName(fields, key, *name);
    }
    config->dtype = *name;
    break;
  }
  return absl::OkStatus();
}

absl::Status ReadRest(const JsonObject& fields, Config* config) {
  if (fields.Has("rms_norm_eps")) {
    absl::StatusOr<double> epsilon = fields.Number("rms_norm_eps", {0, 1, /*open_min=*/true});
    if (!epsilon.ok()) return epsilon.status();
    config->rms_norm_eps = *epsilon;
  }
  if (fields.Has("tie_word_embeddings")) {
    absl::StatusOr<bool> tied = fields.Bool("tie_word_embeddings");
    if (!tied.ok()) return tied.status();
    config->tie_word_embeddings = *tied;
  }
  const IntRange tokens = {0, config->vocab_size - 1};
  if (fields.HasValue("eos_token_id")) {
    absl::StatusOr<std::vector<int64_t>> ids = fields.IntOrInts("eos_token_id", tokens);
    if (!ids.ok()) return ids.status();
    config->eos_token_ids = *std::move(ids);
  }
  if (fields.HasValue("bos_token_id")) {
    absl::StatusOr<int64_t> id = fields.Int("bos_token_id", tokens);
    if (!id.ok()) return id.status();
    config->bos_token_id = *id;
  }
  return absl::OkStatus();
}

absl::StatusOr<Config> ReadConfig(const JsonObject& fields) {
  Config config;
  if (absl::Status status = CheckFamily(fields); !status.ok()) return status;
  if (absl::Status status = ReadSizes(fields, &config); !status.ok()) return status;
  if (absl::Status status = CheckFeatures(fields, config); !status.ok()) return status;
  if (absl::Status status = ReadRope(fields, &config); !status.ok()) return status;
  if (absl::Status status = ReadDType(fields, &config); !status.ok()) return status;
  if (absl::Status status = ReadRest(fields, &config); !status.ok()) return status;
  return config;
}

}  // namespace

absl::StatusOr<Config> LoadConfig(const std::string& folder) {
  absl::StatusOr<JsonDocument> document = JsonDocument::Load(absl::StrCat(folder, "/config.json"));
  if (!document.ok()) return document.status();
  return ReadConfig(document->root());
}

absl::StatusOr<Config> ParseConfig(const std::string& label, absl::string_view text) {
  absl::StatusOr<JsonDocument> document = JsonDocument::Parse(label, text);
  if (!document.ok()) return document.status();
  return ReadConfig(document->root());
}

}  // namespace lluda::frontends::qwen3
