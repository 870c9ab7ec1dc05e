#include "frontends/quantised/scheme.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace lluda::frontends::quantised {
namespace {

constexpr char kConfig[] = "quantization_config";
constexpr base::IntRange kGroups = {-1, int64_t{1} << 20};

constexpr FieldUse kUsed = FieldUse::kUsed;
constexpr FieldUse kIgnored = FieldUse::kIgnored;
constexpr FieldUse kRefused = FieldUse::kRefused;

constexpr FieldRow kGptqFields[] = {
    {"quant_method", kUsed},
    {"bits", kUsed},
    {"group_size", kUsed},
    {"sym", kUsed},
    {"desc_act", kUsed},
    {"checkpoint_format", kUsed},
    {"modules_to_not_convert", kUsed},
    {"dynamic", kRefused, "{}", "rules of its own for some modules"},
    {"pack_dtype", kRefused, "int32"},
    {"is_marlin_format", kRefused, "false"},
    {"adapter", kRefused, "{}", "an adapter"},
    {"lm_head", kIgnored},
    {"static_groups", kIgnored},
    {"true_sequential", kIgnored},
    {"damp_percent", kIgnored},
    {"damp_auto_increment", kIgnored},
    {"mse", kIgnored},
    {"hyb_act", kIgnored},
    {"act_group_aware", kIgnored},
    {"meta", kIgnored},
    {"quantizer", kIgnored},
    {"model_name_or_path", kIgnored},
    {"model_file_base_name", kIgnored},
    {"model_seqlen", kIgnored},
    {"dataset", kIgnored},
    {"tokenizer", kIgnored},
    {"batch_size", kIgnored},
    {"pad_token_id", kIgnored},
    {"backend", kIgnored},
    {"use_cuda_fp16", kIgnored},
    {"use_exllama", kIgnored},
    {"disable_exllama", kIgnored},
    {"exllama_config", kIgnored},
    {"max_input_length", kIgnored},
    {"cache_block_outputs", kIgnored},
    {"block_name_to_quantize", kIgnored},
    {"module_name_preceding_first_block", kIgnored},
    {"modules_in_block_to_quantize", kIgnored},
};

constexpr FieldRow kAwqFields[] = {
    {"quant_method", kUsed},
    {"bits", kUsed},
    {"group_size", kUsed},
    {"modules_to_not_convert", kUsed},
    {"version", kUsed},
    {"zero_point", kRefused, "true"},
    {"backend", kIgnored},
    {"do_fuse", kIgnored},
    {"fuse_max_seq_len", kIgnored},
    {"modules_to_fuse", kIgnored},
    {"exllama_config", kIgnored},
};

constexpr FieldRow kFp8Fields[] = {
    {"quant_method", kUsed},
    {"weight_block_size", kUsed},
    {"modules_to_not_convert", kUsed},
    {"fmt", kRefused, "e4m3"},
    {"activation_scheme", kRefused, "dynamic"},
    {"scale_fmt", kIgnored},
    {"dequantize", kIgnored},
};

constexpr FieldRow kCompressedFields[] = {
    {"quant_method", kUsed},
    {"format", kUsed},
    {"config_groups", kUsed},
    {"ignore", kUsed},
    {"quantization_status", kRefused, "compressed"},
    {"kv_cache_scheme", kRefused, "{}", "a quantised KV cache"},
    {"sparsity_config", kRefused, "{}", "sparse weights"},
    {"transform_config", kRefused, "{}", "transformed weights"},
    {"global_compression_ratio", kIgnored},
    {"version", kIgnored},
    {"run_compressed", kIgnored},
    {"dequantize", kIgnored},
};

constexpr FieldRow kGroupFields[] = {
    {"targets", kUsed},
    {"weights", kUsed},
    {"input_activations", kUsed},
    {"format", kUsed},
    {"output_activations", kRefused, "{}", "quantised outputs"},
};

constexpr FieldRow kWeightFields[] = {
    {"num_bits", kUsed},       {"type", kUsed},
    {"strategy", kUsed},       {"symmetric", kUsed},
    {"group_size", kUsed},     {"block_structure", kUsed},
    {"actorder", kUsed},       {"dynamic", kRefused, "false"},
    {"observer", kIgnored},    {"observer_kwargs", kIgnored},
    {"scale_dtype", kIgnored}, {"zp_dtype", kIgnored},
};

constexpr FieldRow kActivationFields[] = {
    {"dynamic", kRefused, "true"}, {"num_bits", kIgnored},    {"type", kIgnored},
    {"strategy", kIgnored},        {"symmetric", kIgnored},   {"group_size", kIgnored},
    {"block_structure", kIgnored}, {"actorder", kIgnored},    {"observer", kIgnored},
    {"observer_kwargs", kIgnored}, {"scale_dtype", kIgnored}, {"zp_dtype", kIgnored},
};

constexpr SchemeFields kAllFields[] = {
    {"`quantization_config` of `gptq`", kGptqFields},
    {"`quantization_config` of `awq`", kAwqFields},
    {"`quantization_config` of `fp8`", kFp8Fields},
    {"`quantization_config` of `compressed-tensors`", kCompressedFields},
    {"A group of `config_groups`", kGroupFields},
    {"`weights` of a group", kWeightFields},
    {"`input_activations` of a group", kActivationFields},
};

bool IsUnknownRefused(absl::string_view) { return true; }

absl::Status UnsupportedText(const base::JsonObject& fields, absl::string_view key,
                             absl::string_view text) {
  return UnsupportedField(fields, key, absl::StrCat("'", base::QuoteName(text), "'"));
}

absl::Status UnsupportedInt(const base::JsonObject& fields, absl::string_view key, int64_t value) {
  return UnsupportedField(fields, key, absl::StrCat(value));
}

// What an absent or null field stands for.
absl::StatusOr<std::string> StringOr(const base::JsonObject& fields, absl::string_view key,
                                     const char* absent) {
  if (!fields.HasValue(key)) return std::string(absent);
  return fields.String(key);
}
absl::StatusOr<bool> BoolOr(const base::JsonObject& fields, absl::string_view key, bool absent) {
  if (!fields.HasValue(key)) return absent;
  return fields.Bool(key);
}

absl::Status ReadKept(const base::JsonObject& fields, absl::string_view key, Scheme* scheme) {
  if (!fields.HasValue(key)) return absl::OkStatus();
  ASSIGN_OR_RETURN(scheme->kept, fields.Strings(key));
  return absl::OkStatus();
}

// -1 and, of what has groups at all, null are the whole row.
absl::Status ReadGroup(const base::JsonObject& fields, Scheme* scheme) {
  if (!fields.HasValue("group_size")) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t group, fields.Int("group_size", kGroups));
  if (group == 0) return fields.FieldError("group_size", "must be -1 or positive, is 0");
  scheme->group = std::max<int64_t>(0, group);
  return absl::OkStatus();
}

absl::Status ReadBits(const base::JsonObject& fields, absl::string_view key,
                      const std::vector<int64_t>& supported, Scheme* scheme) {
  ASSIGN_OR_RETURN(const int64_t bits, fields.Int(key, {1, 64}));
  if (std::find(supported.begin(), supported.end(), bits) == supported.end()) {
    return UnsupportedInt(fields, key, bits);
  }
  scheme->bits = static_cast<int>(bits);
  return absl::OkStatus();
}

absl::Status ReadGptq(const base::JsonObject& fields, Scheme* scheme) {
  scheme->layout = Layout::kGptq;
  RETURN_IF_ERROR(ReadBits(fields, "bits", {4, 8}, scheme));
  if (!fields.HasValue("group_size")) return fields.FieldError("group_size", "is missing");
  RETURN_IF_ERROR(ReadGroup(fields, scheme));
  ASSIGN_OR_RETURN(scheme->symmetric, BoolOr(fields, "sym", true));
  ASSIGN_OR_RETURN(scheme->has_order, BoolOr(fields, "desc_act", false));
  ASSIGN_OR_RETURN(const std::string format, StringOr(fields, "checkpoint_format", "gptq"));
  if (format != "gptq" && format != "gptq_v2") {
    return UnsupportedText(fields, "checkpoint_format", format);
  }
  scheme->zero_less_one = format == "gptq";
  return ReadKept(fields, "modules_to_not_convert", scheme);
}

absl::Status ReadAwq(const base::JsonObject& fields, Scheme* scheme) {
  scheme->layout = Layout::kAwq;
  scheme->symmetric = false;
  RETURN_IF_ERROR(ReadBits(fields, "bits", {4}, scheme));
  if (!fields.HasValue("group_size")) return fields.FieldError("group_size", "is missing");
  RETURN_IF_ERROR(ReadGroup(fields, scheme));
  ASSIGN_OR_RETURN(const std::string version, StringOr(fields, "version", "gemm"));
  if (absl::AsciiStrToLower(version) != "gemm") return UnsupportedText(fields, "version", version);
  return ReadKept(fields, "modules_to_not_convert", scheme);
}

// Two sizes, of outputs and inputs.
absl::Status ReadBlocks(const base::JsonObject& fields, absl::string_view key, Scheme* scheme) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, fields.IntOrInts(key, {1, kGroups.max}));
  if (sizes.size() != 2) {
    return fields.FieldError(key, absl::StrCat("must be two sizes, has ", sizes.size()));
  }
  scheme->group_rows = sizes[0];
  scheme->group = sizes[1];
  return absl::OkStatus();
}

absl::Status ReadFp8(const base::JsonObject& fields, Scheme* scheme) {
  scheme->layout = Layout::kFp8;
  scheme->group_rows = scheme->group = 128;  // as in transformers
  if (fields.HasValue("weight_block_size")) {
    RETURN_IF_ERROR(ReadBlocks(fields, "weight_block_size", scheme));
  }
  return ReadKept(fields, "modules_to_not_convert", scheme);
}

struct Format {
  const char* name;
  Layout layout;
  const char* type;
  std::vector<int64_t> bits;
};

const std::vector<Format>& Formats() {
  static const auto& formats = *new std::vector<Format>{
      {"pack-quantized", Layout::kPackQuantized, "int", {4, 8}},
      {"int-quantized", Layout::kIntQuantized, "int", {8}},
      {"float-quantized", Layout::kFloatQuantized, "float", {8}},
  };
  return formats;
}

absl::Status ReadStrategy(const base::JsonObject& weights, Scheme* scheme) {
  ASSIGN_OR_RETURN(const std::string strategy, weights.String("strategy"));
  if (strategy == "group") {
    if (!weights.HasValue("group_size")) return weights.FieldError("group_size", "is missing");
    return ReadGroup(weights, scheme);
  }
  if (strategy == "channel") return absl::OkStatus();
  if (strategy == "tensor") {
    scheme->group_rows = 0;
    return absl::OkStatus();
  }
  if (strategy == "block") return ReadBlocks(weights, "block_structure", scheme);
  return UnsupportedText(weights, "strategy", strategy);
}

absl::Status ReadCompressedWeights(const base::JsonObject& weights, const Format& format,
                                   Scheme* scheme) {
  RETURN_IF_ERROR(CheckFields(weights, kWeightFields, IsUnknownRefused));
  ASSIGN_OR_RETURN(const std::string type, StringOr(weights, "type", "int"));
  if (type != format.type) return UnsupportedText(weights, "type", type);
  RETURN_IF_ERROR(ReadBits(weights, "num_bits", format.bits, scheme));
  ASSIGN_OR_RETURN(scheme->symmetric, BoolOr(weights, "symmetric", true));
  if (!scheme->symmetric && format.layout == Layout::kFloatQuantized) {
    return UnsupportedField(weights, "symmetric", "false");
  }
  if (weights.HasValue("actorder")) {
    // "weight" and its other name "static" leave the groups as they are; true is "group".
    simdjson::dom::element value;
    const bool is_bool = !weights.dom().at_key("actorder").get(value) && value.is_bool();
    if (is_bool) {
      ASSIGN_OR_RETURN(scheme->has_order, weights.Bool("actorder"));
    } else {
      ASSIGN_OR_RETURN(const std::string order, weights.String("actorder"));
      scheme->has_order = order == "group" || order == "dynamic";
      if (!scheme->has_order && order != "weight" && order != "static") {
        return UnsupportedText(weights, "actorder", order);
      }
    }
  }
  return ReadStrategy(weights, scheme);
}

absl::Status ReadCompressed(const base::JsonObject& fields, Scheme* scheme) {
  ASSIGN_OR_RETURN(const std::string name, fields.String("format"));
  const auto format = std::find_if(Formats().begin(), Formats().end(),
                                   [&](const Format& row) { return name == row.name; });
  if (format == Formats().end()) return UnsupportedText(fields, "format", name);
  scheme->layout = format->layout;
  scheme->name = name;
  ASSIGN_OR_RETURN(const base::JsonObject groups, fields.Object("config_groups"));
  if (groups.dom().size() != 1) {
    return UnsupportedField(fields, "config_groups",
                            absl::StrCat(groups.dom().size(), " ways to quantise"));
  }
  const std::string only((*groups.dom().begin()).key);
  ASSIGN_OR_RETURN(const base::JsonObject group, groups.Object(only));
  RETURN_IF_ERROR(CheckFields(group, kGroupFields, IsUnknownRefused));
  ASSIGN_OR_RETURN(const std::string own_format, StringOr(group, "format", name.c_str()));
  if (own_format != name) return UnsupportedText(group, "format", own_format);
  // What else a config calls a target is what its tensors tell.
  RETURN_IF_ERROR(group.Strings("targets").status());
  if (group.HasValue("input_activations")) {
    ASSIGN_OR_RETURN(const base::JsonObject activations, group.Object("input_activations"));
    RETURN_IF_ERROR(CheckFields(activations, kActivationFields, IsUnknownRefused));
  }
  ASSIGN_OR_RETURN(const base::JsonObject weights, group.Object("weights"));
  RETURN_IF_ERROR(ReadCompressedWeights(weights, *format, scheme));
  return ReadKept(fields, "ignore", scheme);
}

struct Method {
  const char* name;
  absl::Span<const FieldRow> fields;
  absl::Status (*read)(const base::JsonObject& fields, Scheme* scheme);
};
constexpr Method kMethods[] = {
    {"gptq", kGptqFields, ReadGptq},
    {"awq", kAwqFields, ReadAwq},
    {"fp8", kFp8Fields, ReadFp8},
    {"compressed-tensors", kCompressedFields, ReadCompressed},
};

absl::StatusOr<Scheme> ReadMethod(const base::JsonObject& fields) {
  ASSIGN_OR_RETURN(const std::string name, fields.String("quant_method"));
  const auto* method = std::find_if(std::begin(kMethods), std::end(kMethods),
                                    [&](const Method& row) { return name == row.name; });
  if (method == std::end(kMethods)) return UnsupportedText(fields, "quant_method", name);
  RETURN_IF_ERROR(CheckFields(fields, method->fields, IsUnknownRefused));
  Scheme scheme;
  scheme.name = name;
  RETURN_IF_ERROR(method->read(fields, &scheme));
  return scheme;
}

constexpr absl::string_view kExpression = "re:";

// What a character of a text has to be.
struct Piece {
  bool is_any;
  char character;
  bool repeats;  // any number of times
};

// Of an expression of characters, dots and stars; nullopt: of more.
std::optional<std::vector<Piece>> PiecesOf(absl::string_view expression) {
  std::vector<Piece> pieces;
  while (!expression.empty()) {
    const bool is_escaped = absl::ConsumePrefix(&expression, "\\");
    if (expression.empty()) return std::nullopt;
    const char character = expression[0];
    expression.remove_prefix(1);
    const bool is_letter = absl::ascii_isalnum(character) || character == '_';
    const bool is_any = character == '.' && !is_escaped;
    const bool is_plain = is_escaped ? !is_letter : is_letter || is_any || character == '-';
    if (!is_plain) return std::nullopt;
    pieces.push_back({is_any, character, absl::ConsumePrefix(&expression, "*")});
  }
  return pieces;
}

// Whether the text begins as a regular expression says; with '$' at its end, whether it is all of that.
bool Matches(absl::string_view expression, absl::string_view text) {
  absl::ConsumePrefix(&expression, "^");
  const bool is_whole = absl::ConsumeSuffix(&expression, "$");
  const std::optional<std::vector<Piece>> pieces = PiecesOf(expression);
  if (!pieces) return false;
  // Which pieces may be next.
  std::vector<bool> next(pieces->size() + 1);
  next[0] = true;
  const auto pass_repeated = [&] {
    for (size_t i = 0; i < pieces->size(); ++i) {
      if (next[i] && (*pieces)[i].repeats) next[i + 1] = true;
    }
  };
  pass_repeated();
  for (const char character : text) {
    if (next.back() && !is_whole) return true;
    std::vector<bool> after(next.size());
    for (size_t i = 0; i < pieces->size(); ++i) {
      const Piece& piece = (*pieces)[i];
      if (!next[i] || (!piece.is_any && piece.character != character)) continue;
      after[piece.repeats ? i : i + 1] = true;
    }
    next = std::move(after);
    pass_repeated();
  }
  return next.back();
}

}  // namespace

absl::StatusOr<std::optional<Scheme>> ReadScheme(const base::JsonObject& root) {
  std::optional<Scheme> scheme;
  if (root.HasValue(kConfig)) {
    ASSIGN_OR_RETURN(const base::JsonObject fields, root.Object(kConfig));
    ASSIGN_OR_RETURN(scheme, ReadMethod(fields));
    return scheme;
  }
  if (!root.HasValue("text_config")) return scheme;
  ASSIGN_OR_RETURN(const base::JsonObject text, root.Object("text_config"));
  if (!text.HasValue(kConfig)) return scheme;
  ASSIGN_OR_RETURN(const base::JsonObject fields, text.Object(kConfig));
  ASSIGN_OR_RETURN(scheme, ReadMethod(fields));
  return scheme;
}

bool IsKept(const Scheme& scheme, absl::string_view module) {
  return std::any_of(scheme.kept.begin(), scheme.kept.end(), [&](const std::string& name) {
    absl::string_view expression = name;
    if (absl::ConsumePrefix(&expression, kExpression)) return Matches(expression, module);
    return module == name || absl::StartsWith(module, name + ".") ||
           absl::EndsWith(module, "." + name);
  });
}

absl::Span<const SchemeFields> AllSchemeFields() { return kAllFields; }

}  // namespace lluda::frontends::quantised
