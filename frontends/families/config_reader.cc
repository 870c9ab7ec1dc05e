#include "frontends/families/config_reader.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/families/config_fields.h"
#include "frontends/families/rope_reader.h"

namespace lluda::frontends::families {
namespace {

using decoder::Decoder;

constexpr int64_t kMaxVocabulary = int64_t{1} << 24;
constexpr int64_t kMaxLayers = 1 << 12;
constexpr base::IntRange kHeadRange = {1, 1 << 12};

struct IntField {
  const char* key;
  int64_t Decoder::* member;
  int64_t max;
};

// The limits are some ten times what the largest models have. Any three multiplied fit int64_t.
constexpr IntField kIntFields[] = {
    {"vocab_size", &Decoder::vocab_size, kMaxVocabulary},
    {"hidden_size", &Decoder::hidden_size, 1 << 18},
    {"intermediate_size", &Decoder::intermediate_size, 1 << 20},
    {"num_attention_heads", &Decoder::num_attention_heads, kHeadRange.max},
    {"max_position_embeddings", &Decoder::max_position_embeddings, 1 << 30},
};

// How torch calls the dtypes, and other names that it takes for them.
constexpr std::pair<absl::string_view, absl::string_view> kDTypes[] = {
    {"float32", "float32"}, {"bfloat16", "bfloat16"}, {"float16", "float16"},
    {"float", "float32"},   {"half", "float16"},
};

// The one kind of layer, which transformers once called otherwise.
const absl::string_view kLayerTypes[] = {kFullAttention, "attention"};

// What transformers takes for fields about windows that are absent.
constexpr int64_t kDefaultMaxWindowLayers = 28;

bool IsNull(const base::JsonObject& fields, absl::string_view key) {
  return fields.Has(key) && !fields.HasValue(key);
}

absl::Status CheckArchitectures(const Family& family, const base::JsonObject& fields) {
  if (!fields.HasValue("architectures")) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> architectures, fields.Strings("architectures"));
  for (const std::string& name : architectures) {
    if (name == family.architecture || name == family.headless) continue;
    return UnsupportedName(fields, "architectures", name);
  }
  return absl::OkStatus();
}

absl::Status CheckLayerTypes(const base::JsonObject& fields, const Decoder& decoder) {
  if (!fields.HasValue("layer_types")) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> layers, fields.Strings("layer_types"));
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string& name = layers[i];
    const auto* end = std::end(kLayerTypes);
    if (std::find(std::begin(kLayerTypes), end, name) != end) continue;
    return UnsupportedName(fields, absl::StrCat("layer_types[", i, "]"), name);
  }
  if (layers.size() != decoder.layers.size()) {
    return fields.FieldError("layer_types",
                             absl::StrCat("must have an item for each of num_hidden_layers, ",
                                          decoder.layers.size(), ", has ", layers.size()));
  }
  return absl::OkStatus();
}

absl::Status ReadHeadDim(const Family& family, const base::JsonObject& fields, Decoder* decoder) {
  const int64_t absent = family.defaults.head_dim;
  if (fields.HasValue("head_dim") || (fields.Has("head_dim") && absent != 0)) {
    ASSIGN_OR_RETURN(int64_t dim, fields.Int("head_dim", kHeadRange));
    decoder->head_dim = dim;
  } else if (absent != 0) {
    decoder->head_dim = absent;
  } else if (decoder->hidden_size % decoder->num_attention_heads != 0) {
    return fields.FieldError(
        "hidden_size", absl::StrCat("must be a multiple of num_attention_heads, ",
                                    decoder->num_attention_heads, ", is ", decoder->hidden_size));
  } else {
    decoder->head_dim = decoder->hidden_size / decoder->num_attention_heads;
  }
  if (decoder->head_dim % 2 != 0) {
    return fields.FieldError(
        "head_dim", absl::StrCat("must be even for rotary embedding, is ", decoder->head_dim));
  }
  return absl::OkStatus();
}

absl::Status ReadKeyValueHeads(const Family& family, const base::JsonObject& fields,
                               Decoder* decoder) {
  // Null stands for one key-value head per attention head.
  const bool is_null = IsNull(fields, "num_key_value_heads");
  int64_t heads = is_null ? 0 : family.defaults.num_key_value_heads;
  if (fields.HasValue("num_key_value_heads") || heads == kRequired) {
    ASSIGN_OR_RETURN(int64_t read, fields.Int("num_key_value_heads", kHeadRange));
    heads = read;
  }
  decoder->num_key_value_heads = heads == 0 ? decoder->num_attention_heads : heads;
  if (decoder->num_attention_heads % decoder->num_key_value_heads == 0) return absl::OkStatus();
  return fields.FieldError(
      "num_key_value_heads",
      absl::StrCat("must divide num_attention_heads, ", decoder->num_attention_heads, ", is ",
                   decoder->num_key_value_heads));
}

absl::Status ReadSizes(const Family& family, const base::JsonObject& fields, Decoder* decoder) {
  for (const IntField& field : kIntFields) {
    ASSIGN_OR_RETURN(int64_t value, fields.Int(field.key, {1, field.max}));
    decoder->*field.member = value;
  }
  ASSIGN_OR_RETURN(int64_t layers, fields.Int("num_hidden_layers", {1, kMaxLayers}));
  decoder->layers.resize(static_cast<size_t>(layers));
  RETURN_IF_ERROR(ReadHeadDim(family, fields, decoder));
  return ReadKeyValueHeads(family, fields, decoder);
}

absl::Status ReadDType(const base::JsonObject& fields, decoder::Decoder* decoder) {
  for (const char* key : {"dtype", "torch_dtype"}) {
    if (!fields.HasValue(key)) continue;
    ASSIGN_OR_RETURN(std::string name, fields.String(key));
    const auto known = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                    [&](const auto& row) { return row.first == name; });
    if (known == std::end(kDTypes)) return UnsupportedName(fields, key, name);
    decoder->dtype = std::string(known->second);
    break;
  }
  return absl::OkStatus();
}

// rms_norm_eps and tie_word_embeddings may be absent, but not null.
absl::Status ReadRest(const Family& family, const base::JsonObject& fields, Decoder* decoder) {
  decoder->rms_norm_eps = family.defaults.rms_norm_eps;
  if (fields.Has("rms_norm_eps")) {
    ASSIGN_OR_RETURN(double epsilon, fields.Number("rms_norm_eps", {0, 1, /*open_min=*/true}));
    decoder->rms_norm_eps = epsilon;
  }
  decoder->tie_word_embeddings = family.defaults.tie_word_embeddings;
  if (!fields.Has("tie_word_embeddings")) return absl::OkStatus();
  ASSIGN_OR_RETURN(bool tied, fields.Bool("tie_word_embeddings"));
  decoder->tie_word_embeddings = tied;
  return absl::OkStatus();
}

}  // namespace

absl::Status UnsupportedName(const base::JsonObject& fields, absl::string_view key,
                             absl::string_view name) {
  return UnsupportedField(fields, key, absl::StrCat("'", base::QuoteName(name), "'"));
}

absl::Status ReadBool(const base::JsonObject& fields, absl::string_view key, bool* value) {
  if (!fields.HasValue(key)) return absl::OkStatus();
  ASSIGN_OR_RETURN(bool read, fields.Bool(key));
  *value = read;
  return absl::OkStatus();
}

absl::Status ReadNumber(const base::JsonObject& fields, absl::string_view key,
                        base::NumberRange range, double* value) {
  if (!fields.HasValue(key)) return absl::OkStatus();
  ASSIGN_OR_RETURN(double read, fields.Number(key, range));
  *value = read;
  return absl::OkStatus();
}

absl::Status ReadLinearBiases(const base::JsonObject& fields, Decoder* decoder) {
  RETURN_IF_ERROR(ReadBool(fields, "attention_bias", &decoder->qkv_bias));
  decoder->output_bias = decoder->qkv_bias;
  return ReadBool(fields, "mlp_bias", &decoder->mlp_bias);
}

absl::Status CheckLaterWindows(const base::JsonObject& fields, const Decoder& decoder) {
  if (fields.HasValue("layer_types")) return absl::OkStatus();
  bool on = false;
  RETURN_IF_ERROR(ReadBool(fields, "use_sliding_window", &on));
  if (!on || IsNull(fields, "sliding_window")) return absl::OkStatus();
  int64_t full_layers = kDefaultMaxWindowLayers;
  if (fields.Has("max_window_layers")) {
    ASSIGN_OR_RETURN(int64_t value, fields.Int("max_window_layers", {0, 1 << 30}));
    full_layers = value;
  }
  if (full_layers >= decoder.layer_count()) return absl::OkStatus();
  return UnsupportedField(
      fields, "use_sliding_window",
      absl::StrCat("true (layers ", full_layers, " to ", decoder.layer_count() - 1, ")"));
}

absl::StatusOr<Decoder> ReadConfig(const Family& family, const base::JsonObject& fields) {
  Decoder decoder;
  decoder.family = family.model_type;
  RETURN_IF_ERROR(CheckArchitectures(family, fields));
  const std::vector<FieldRow> known = ConfigFields(family);
  RETURN_IF_ERROR(CheckFields(fields, known, MayChangeTheModel));
  RETURN_IF_ERROR(ReadSizes(family, fields, &decoder));
  RETURN_IF_ERROR(CheckLayerTypes(fields, decoder));
  ASSIGN_OR_RETURN(decoder::Rope rope, ReadRope(family, fields, decoder.head_dim));
  decoder.ropes = {std::move(rope)};
  RETURN_IF_ERROR(ReadDType(fields, &decoder));
  RETURN_IF_ERROR(ReadRest(family, fields, &decoder));
  if (family.read != nullptr) {
    RETURN_IF_ERROR(family.read(fields, &decoder));
  }
  return decoder;
}

}  // namespace lluda::frontends::families
