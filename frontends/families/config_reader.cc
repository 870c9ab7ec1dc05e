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
#include "frontends/families/windows.h"

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
  int64_t Defaults::* absent;
};

// The limits are some ten times what the largest models have. Any three multiplied fit int64_t.
constexpr IntField kIntFields[] = {
    {"vocab_size", &Decoder::vocab_size, kMaxVocabulary, &Defaults::vocab_size},
    {"hidden_size", &Decoder::hidden_size, 1 << 18, &Defaults::hidden_size},
    {"intermediate_size", &Decoder::intermediate_size, 1 << 20, &Defaults::intermediate_size},
    {"num_attention_heads", &Decoder::num_attention_heads, kHeadRange.max,
     &Defaults::num_attention_heads},
    {"max_position_embeddings", &Decoder::max_position_embeddings, 1 << 30,
     &Defaults::max_position_embeddings},
};

// How torch calls the dtypes, and other names that it takes for them.
constexpr std::pair<absl::string_view, absl::string_view> kDTypes[] = {
    {"float32", "float32"}, {"bfloat16", "bfloat16"}, {"float16", "float16"},
    {"float", "float32"},   {"half", "float16"},
};

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

// What an absent field stands for may be nothing: then it is required.
absl::StatusOr<int64_t> ReadSize(const base::JsonObject& fields, absl::string_view key,
                                 base::IntRange range, int64_t absent) {
  if (absent != 0 && !fields.Has(key)) return absent;
  return fields.Int(key, range);
}

absl::Status ReadSizes(const Family& family, const base::JsonObject& fields, Decoder* decoder) {
  for (const IntField& field : kIntFields) {
    ASSIGN_OR_RETURN(decoder->*field.member,
                     ReadSize(fields, field.key, {1, field.max}, family.defaults.*field.absent));
  }
  ASSIGN_OR_RETURN(int64_t layers, ReadSize(fields, "num_hidden_layers", {1, kMaxLayers},
                                            family.defaults.num_hidden_layers));
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

// Of a model that has other parts, too.
absl::StatusOr<Decoder> ReadTextPart(const Family& family, const base::JsonObject& fields) {
  ASSIGN_OR_RETURN(const base::JsonObject text, fields.Object(family.text_object));
  if (text.HasValue("model_type")) {
    ASSIGN_OR_RETURN(const std::string type, text.String("model_type"));
    if (type != family.text->model_type) return UnsupportedName(text, "model_type", type);
  }
  ASSIGN_OR_RETURN(Decoder decoder, ReadConfig(*family.text, text));
  if (!text.HasValue("dtype") && !text.HasValue("torch_dtype")) {
    RETURN_IF_ERROR(ReadDType(fields, &decoder));
  }
  if (family.read != nullptr) {
    RETURN_IF_ERROR(family.read(fields, &decoder));
  }
  return decoder;
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

absl::Status ReadInt(const base::JsonObject& fields, absl::string_view key, base::IntRange range,
                     int64_t* value) {
  if (!fields.HasValue(key)) return absl::OkStatus();
  ASSIGN_OR_RETURN(*value, fields.Int(key, range));
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

absl::StatusOr<Decoder> ReadConfig(const Family& family, const base::JsonObject& fields) {
  Decoder decoder;
  decoder.family = family.model_type;
  RETURN_IF_ERROR(CheckArchitectures(family, fields));
  const std::vector<FieldRow> known = ConfigFields(family);
  RETURN_IF_ERROR(CheckFields(fields, known, MayChangeTheModel));
  if (family.text != nullptr) return ReadTextPart(family, fields);
  RETURN_IF_ERROR(ReadSizes(family, fields, &decoder));
  RETURN_IF_ERROR(CheckLayerTypes(fields, family.windows, decoder));
  RETURN_IF_ERROR(ReadRopes(family, fields, &decoder));
  RETURN_IF_ERROR(ReadDType(fields, &decoder));
  RETURN_IF_ERROR(ReadRest(family, fields, &decoder));
  if (family.read != nullptr) {
    RETURN_IF_ERROR(family.read(fields, &decoder));
  }
  return decoder;
}

}  // namespace lluda::frontends::families
