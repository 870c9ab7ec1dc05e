#include "frontends/qwen3/config.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "frontends/field_table.h"
#include "frontends/qwen3/config_fields.h"

namespace lluda::frontends::qwen3 {
namespace {

constexpr int64_t kMaxVocabulary = int64_t{1} << 24;
constexpr base::NumberRange kThetaRange = {0, 1e12, /*open_min=*/true};

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

// How torch calls the dtypes, and other names that it takes for them.
constexpr std::pair<absl::string_view, absl::string_view> kDTypes[] = {
    {"float32", "float32"}, {"bfloat16", "bfloat16"}, {"float16", "float16"},
    {"float", "float32"},   {"half", "float16"},
};

// The model with its LM head, and the part of it that a checkpoint may hold alone: a tied head is
// the embedding.
constexpr absl::string_view kArchitectures[] = {"Qwen3ForCausalLM", "Qwen3Model"};

// The one kind of layer, which transformers once called otherwise.
constexpr char kFullAttention[] = "full_attention";
constexpr absl::string_view kLayerTypes[] = {kFullAttention, "attention"};

// What transformers takes for fields about windows that are absent.
constexpr int64_t kDefaultMaxWindowLayers = 28;

template <typename Names>
bool Contains(const Names& names, absl::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

absl::Status UnsupportedName(const base::JsonObject& fields, absl::string_view key,
                             absl::string_view name) {
  return UnsupportedField(fields, key, absl::StrCat("'", base::QuoteName(name), "'"));
}

// First of all, so that a config of another family is refused for that and not for a field.
absl::Status CheckFamily(const base::JsonObject& fields) {
  ASSIGN_OR_RETURN(std::string type, fields.String("model_type"));
  if (type != "qwen3") return UnsupportedName(fields, "model_type", type);
  if (!fields.HasValue("architectures")) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> architectures, fields.Strings("architectures"));
  for (const std::string& name : architectures) {
    if (!Contains(kArchitectures, name)) return UnsupportedName(fields, "architectures", name);
  }
  return absl::OkStatus();
}

absl::Status CheckLayerTypes(const base::JsonObject& fields, const Config& config) {
  ASSIGN_OR_RETURN(std::vector<std::string> layers, fields.Strings("layer_types"));
  for (size_t i = 0; i < layers.size(); ++i) {
    if (Contains(kLayerTypes, layers[i])) continue;
    return UnsupportedName(fields, absl::StrCat("layer_types[", i, "]"), layers[i]);
  }
  if (static_cast<int64_t>(layers.size()) != config.num_hidden_layers) {
    return fields.FieldError("layer_types",
                             absl::StrCat("must have an item for each of num_hidden_layers, ",
                                          config.num_hidden_layers, ", has ", layers.size()));
  }
  return absl::OkStatus();
}

// Windows are in use only if the config turns them on, has a width, does not list its layers' types
// and has layers behind the first max_window_layers. What the fields say is nothing otherwise.
absl::Status CheckWindows(const base::JsonObject& fields, const Config& config) {
  if (fields.HasValue("layer_types")) return CheckLayerTypes(fields, config);
  if (!fields.HasValue("use_sliding_window")) return absl::OkStatus();
  ASSIGN_OR_RETURN(bool on, fields.Bool("use_sliding_window"));
  const bool null_width = fields.Has("sliding_window") && !fields.HasValue("sliding_window");
  if (!on || null_width) return absl::OkStatus();
  int64_t full_layers = kDefaultMaxWindowLayers;
  if (fields.Has("max_window_layers")) {
    ASSIGN_OR_RETURN(full_layers, fields.Int("max_window_layers", {0, 1 << 30}));
  }
  if (full_layers >= config.num_hidden_layers) return absl::OkStatus();
  return UnsupportedField(
      fields, "use_sliding_window",
      absl::StrCat("true (layers ", full_layers, " to ", config.num_hidden_layers - 1, ")"));
}

absl::Status ReadSizes(const base::JsonObject& fields, Config* config) {
  for (const IntField& field : kIntFields) {
    if (!field.required && !fields.Has(field.key)) continue;
    ASSIGN_OR_RETURN(int64_t value, fields.Int(field.key, {1, field.max}));
    config->*field.member = value;
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
  ASSIGN_OR_RETURN(int64_t heads, fields.Int("num_key_value_heads", {1, 1 << 12}));
  if (config->num_attention_heads % heads != 0) {
    return fields.FieldError("num_key_value_heads",
                             absl::StrCat("must divide num_attention_heads, ",
                                          config->num_attention_heads, ", is ", heads));
  }
  config->num_key_value_heads = heads;
  return absl::OkStatus();
}

// The base of rotary embedding in an object or in the config itself. Null is the same as absent.
absl::StatusOr<std::optional<double>> ReadTheta(const base::JsonObject& fields) {
  if (!fields.HasValue("rope_theta")) return std::nullopt;
  ASSIGN_OR_RETURN(double theta, fields.Number("rope_theta", kThetaRange));
  return theta;
}

// Of rope_parameters or rope_scaling, the object that says how the layers rotate: it, or what it
// holds for the one type of layer. Anything but plain rotary embedding is refused, and so is
// whatever has no meaning there.
absl::StatusOr<base::JsonObject> ReadRotation(const base::JsonObject& rope) {
  absl::Span<const FieldRow> known = RopeFields();
  constexpr FieldRow kByLayerType[] = {{kFullAttention, FieldUse::kUsed}};
  const bool nested = rope.Has(kFullAttention);
  if (nested) known = kByLayerType;
  const auto any = [](absl::string_view) { return true; };
  RETURN_IF_ERROR(CheckFields(rope, known, any));
  if (!nested) return rope;
  ASSIGN_OR_RETURN(base::JsonObject rotation, rope.Object(kFullAttention));
  RETURN_IF_ERROR(CheckFields(rotation, RopeFields(), any));
  return rotation;
}

// The base may be said in three places. transformers takes rope_scaling instead of rope_parameters
// if it holds anything, and the field beside them for what the taken one lacks. Where another place
// says another number, some version of it would have taken that one: such a config is refused.
absl::Status ReadRope(const base::JsonObject& fields, Config* config) {
  ASSIGN_OR_RETURN(std::optional<double> beside, ReadTheta(fields));
  std::optional<double> theta;
  bool taken = false;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!fields.HasValue(key)) continue;
    ASSIGN_OR_RETURN(base::JsonObject rope, fields.Object(key));
    if (rope.dom().size() == 0) continue;
    ASSIGN_OR_RETURN(base::JsonObject rotation, ReadRotation(rope));
    ASSIGN_OR_RETURN(std::optional<double> own, ReadTheta(rotation));
    if (!taken) theta = own.has_value() ? own : beside;
    taken = true;
    for (const std::optional<double>& other : {beside, theta}) {
      if (!own.has_value() || !other || *own == *other) continue;
      return rotation.FieldError(
          "rope_theta", absl::StrCat("is ", *own, ", but elsewhere rope_theta is ", *other));
    }
    if (own.has_value() && !theta) {
      return rotation.FieldError("rope_theta", "is passed over, for rope_scaling has none");
    }
  }
  if (!taken) theta = beside;
  if (theta) config->rope_theta = *theta;
  return absl::OkStatus();
}

absl::Status ReadDType(const base::JsonObject& fields, Config* config) {
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (!fields.HasValue(key)) continue;
    ASSIGN_OR_RETURN(std::string name, fields.String(key));
    const auto known = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                    [&](const auto& row) { return row.first == name; });
    if (known == std::end(kDTypes)) return UnsupportedName(fields, key, name);
    config->dtype = std::string(known->second);
    break;
  }
  return absl::OkStatus();
}

absl::Status ReadRest(const base::JsonObject& fields, Config* config) {
  if (fields.Has("rms_norm_eps")) {
    ASSIGN_OR_RETURN(config->rms_norm_eps,
                     fields.Number("rms_norm_eps", {0, 1, /*open_min=*/true}));
  }
  if (fields.Has("tie_word_embeddings")) {
    ASSIGN_OR_RETURN(config->tie_word_embeddings, fields.Bool("tie_word_embeddings"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Config> ReadConfig(const base::JsonObject& fields) {
  Config config;
  RETURN_IF_ERROR(CheckFamily(fields));
  absl::Status status = CheckFields(fields, ConfigFields(), MayChangeTheModel);
  if (!status.ok()) return status;
  if (status = ReadSizes(fields, &config); !status.ok()) return status;
  if (status = CheckWindows(fields, config); !status.ok()) return status;
  if (status = ReadRope(fields, &config); !status.ok()) return status;
  if (status = ReadDType(fields, &config); !status.ok()) return status;
  if (status = ReadRest(fields, &config); !status.ok()) return status;
  return config;
}

}  // namespace

absl::StatusOr<Config> LoadConfig(const std::string& folder) {
  ASSIGN_OR_RETURN(base::JsonDocument document,
                   base::JsonDocument::Load(absl::StrCat(folder, "/config.json")));
  return ReadConfig(document.root());
}

absl::StatusOr<Config> ParseConfig(const std::string& label, absl::string_view text) {
  ASSIGN_OR_RETURN(base::JsonDocument document, base::JsonDocument::Parse(label, text));
  return ReadConfig(document.root());
}

}  // namespace lluda::frontends::qwen3
