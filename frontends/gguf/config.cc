#include "frontends/gguf/config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/json/json.h"
#include "base/status_macros.h"

namespace lluda::frontends::gguf {
namespace {

constexpr char kArchitectureKey[] = "general.architecture";
constexpr char kTypeKey[] = "general.type";
constexpr int64_t kMostInt = std::numeric_limits<int32_t>::max();
// The base of rotary embedding where a file has none.
constexpr double kDefaultBase = 10000;

absl::Status Unsupported(const Metadata& metadata, absl::string_view key, absl::string_view what) {
  return absl::UnimplementedError(
      metadata.Error(key, absl::StrCat(what, ", which is not supported")).message());
}

// Builds the config field by field.
class ConfigWriter {
 public:
  ConfigWriter(const Metadata& metadata, const Architecture& architecture)
      : metadata_(metadata), architecture_(architecture) {}

  absl::StatusOr<ConfigText> Write(const TensorFacts& facts) {
    RETURN_IF_ERROR(CheckKeys());
    ASSIGN_OR_RETURN(const absl::string_view model_type, ModelType());
    Add("model_type", absl::StrCat("\"", model_type, "\""));
    Add("vocab_size", absl::StrCat(facts.vocabulary));
    Add("tie_word_embeddings", facts.tied_head ? "true" : "false");
    for (absl::Span<const KeyRow> rows : {CommonKeys(), architecture_.keys}) {
      for (const KeyRow& row : rows) {
        if (FindKey(architecture_, row.key) != &row) continue;
        RETURN_IF_ERROR(AddField(row));
      }
    }
    RETURN_IF_ERROR(AddHeads());
    RETURN_IF_ERROR(AddExperts(model_type == architecture_.experts_model_type));
    RETURN_IF_ERROR(facts.short_factors.empty() ? AddRotation() : AddLongRotation(facts));
    RETURN_IF_ERROR(AddWindow());
    return ConfigText{absl::StrCat("{", absl::StrJoin(fields_, ", "), "}"), std::move(keys_)};
  }

 private:
  std::string Key(absl::string_view key) const {
    return absl::StrCat(architecture_.name, ".", key);
  }
  bool Has(absl::string_view key) const { return metadata_.Has(Key(key)); }

  void Add(absl::string_view field, absl::string_view json) {
    fields_.push_back(absl::StrCat("\"", field, "\": ", json));
  }
  void AddFrom(absl::string_view key, absl::string_view field, absl::string_view json) {
    Add(field, json);
    keys_.emplace_back(field, Key(key));
  }

  absl::StatusOr<absl::string_view> ModelType() const {
    int64_t experts = 0;
    if (architecture_.experts_model_type != nullptr && Has("expert_count")) {
      ASSIGN_OR_RETURN(experts, OneInt(Key("expert_count")));
    }
    return experts > 0 ? architecture_.experts_model_type : architecture_.model_type;
  }

  // How many experts a token takes, and how their weights come from what a router gives.
  absl::Status AddExperts(bool has_experts) {
    if (has_experts && !Has("expert_used_count")) {
      return metadata_.Int(Key("expert_used_count"), 0, 0).status();
    }
    constexpr int64_t kSoftmax = 1;
    constexpr char kGating[] = "expert_gating_func", kNorm[] = "expert_weights_norm";
    if (Has(kGating)) {
      ASSIGN_OR_RETURN(const int64_t gating, OneInt(Key(kGating)));
      if (gating != kSoftmax) {
        return Unsupported(metadata_, Key(kGating), absl::StrCat("is ", gating, ", not 1"));
      }
    }
    if (!architecture_.renormalises) return absl::OkStatus();
    bool normalised = *architecture_.renormalises;
    if (Has(kNorm)) {
      ASSIGN_OR_RETURN(normalised, metadata_.Bool(Key(kNorm)));
    }
    AddFrom(kNorm, "norm_topk_prob", normalised ? "true" : "false");
    return absl::OkStatus();
  }

  // Keys of the architecture that no row knows may change what is computed.
  absl::Status CheckKeys() const {
    for (const Entry* entry : metadata_.WithPrefix(Key(""))) {
      const KeyRow* row = FindKey(architecture_, entry->key.substr(Key("").size()));
      if (row == nullptr) {
        return absl::UnimplementedError(
            metadata_.Error(entry->key, "is not known, and may change what is computed").message());
      }
      if (row->use != KeyUse::kRefused) continue;
      const std::string value = DescribeValue(*entry);
      if (value == "0" || value == "-0" || value == "false") continue;
      return Unsupported(metadata_, entry->key, absl::StrCat("asks for ", value));
    }
    return absl::OkStatus();
  }

  // One number for all layers, though it may be written for each.
  absl::StatusOr<int64_t> OneInt(const std::string& key) const {
    const Entry* entry = metadata_.Find(key);
    if (entry == nullptr || entry->type != ValueType::kArray) {
      return metadata_.Int(key, 0, kMostInt);
    }
    ASSIGN_OR_RETURN(const std::vector<int64_t> values, metadata_.Ints(key, 0, kMostInt));
    if (values.empty()) return metadata_.Error(key, "is an empty array");
    const bool same = std::all_of(values.begin(), values.end(),
                                  [&](int64_t value) { return value == values[0]; });
    if (same) return values[0];
    return Unsupported(metadata_, key, "differs between layers");
  }

  absl::StatusOr<std::string> NumberText(const std::string& key) const {
    ASSIGN_OR_RETURN(const double value, metadata_.Number(key));
    // Seventeen digits give every double back.
    return absl::StrFormat("%.17g", value);
  }

  absl::Status AddField(const KeyRow& row) {
    if (!Has(row.key)) return absl::OkStatus();
    const std::string key = Key(row.key);
    if (row.use == KeyUse::kInt) {
      ASSIGN_OR_RETURN(const int64_t value, OneInt(key));
      AddFrom(row.key, row.field, absl::StrCat(value));
    } else if (row.use == KeyUse::kNumber) {
      ASSIGN_OR_RETURN(const std::string value, NumberText(key));
      AddFrom(row.key, row.field, value);
    }
    return absl::OkStatus();
  }

  // Sizes of heads, and what stands for those that the file leaves out: a family's config would
  // take its own defaults.
  absl::Status AddHeads() {
    for (const char* required :
         {"attention.head_count", "embedding_length", "block_count", "context_length",
          "feed_forward_length", "attention.layer_norm_rms_epsilon"}) {
      if (!Has(required)) return metadata_.Int(Key(required), 0, 0).status();
    }
    ASSIGN_OR_RETURN(const int64_t heads, OneInt(Key("attention.head_count")));
    ASSIGN_OR_RETURN(const int64_t hidden, OneInt(Key("embedding_length")));
    if (heads == 0) return metadata_.Error(Key("attention.head_count"), "must be positive, is 0");
    if (!Has("attention.head_count_kv")) {
      AddFrom("attention.head_count", "num_key_value_heads", absl::StrCat(heads));
    }
    int64_t head = hidden / heads;
    if (Has("attention.key_length")) {
      ASSIGN_OR_RETURN(head, OneInt(Key("attention.key_length")));
    } else if (hidden % heads != 0) {
      return metadata_.Error(
          Key("attention.head_count"),
          absl::StrCat("must divide ", Key("embedding_length"), ", ", hidden, ", is ", heads));
    } else {
      AddFrom("embedding_length", "head_dim", absl::StrCat(head));
    }
    RETURN_IF_ERROR(CheckSameAsHead("attention.value_length", head));
    RETURN_IF_ERROR(AddScale(heads, hidden, head));
    if (!architecture_.rotates_partly) return CheckSameAsHead("rope.dimension_count", head);
    return AddRotatedShare(head);
  }

  // The root of which number scores are divided by.
  absl::Status AddScale(int64_t heads, int64_t hidden, int64_t head) {
    if (architecture_.gemma == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t layers, OneInt(Key("block_count")));
    const bool is_largest = layers == architecture_.gemma->largest_layers;
    Add("query_pre_attn_scalar", absl::StrCat(is_largest ? hidden / heads : head));
    return absl::OkStatus();
  }

  absl::Status AddRotatedShare(int64_t head) {
    constexpr char kRotated[] = "rope.dimension_count";
    if (!Has(kRotated) || head == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t rotated, OneInt(Key(kRotated)));
    if (rotated == head) return absl::OkStatus();
    if (rotated < 2 || rotated > head || rotated % 2 != 0) {
      return metadata_.Error(Key(kRotated), absl::StrCat("must be even, from 2 to the ", head,
                                                         " elements of a head, is ", rotated));
    }
    // The family's reader cuts head * share to a whole number, and must not end up one below.
    const double share = (static_cast<double>(rotated) + 0.25) / static_cast<double>(head);
    AddFrom(kRotated, "partial_rotary_factor", absl::StrFormat("%.17g", share));
    return absl::OkStatus();
  }

  absl::Status CheckSameAsHead(absl::string_view key, int64_t head) const {
    if (!Has(key)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t value, OneInt(Key(key)));
    if (value == head) return absl::OkStatus();
    return Unsupported(metadata_, Key(key),
                       absl::StrCat("is ", value, ", but heads have ", head, " elements"));
  }

  absl::Status AddRotation() {
    if (!Has("rope.freq_base")) {
      AddFrom("rope.freq_base", "rope_theta", absl::StrCat(kDefaultBase));
    }
    // Files from before the keys of rope.scaling.
    if (Has("rope.scale_linear") && !Has("rope.scaling.type")) {
      ASSIGN_OR_RETURN(const std::string factor, NumberText(Key("rope.scale_linear")));
      if (factor == "1" || factor == "0") return absl::OkStatus();
      AddFrom("rope.scale_linear", "rope_scaling",
              absl::StrCat("{\"rope_type\": \"linear\", \"factor\": ", factor, "}"));
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CheckContext());
    if (!Has("rope.scaling.type")) return absl::OkStatus();
    ASSIGN_OR_RETURN(const absl::string_view type, metadata_.String(Key("rope.scaling.type")));
    if (type == "none") return absl::OkStatus();
    const bool is_linear = type == "linear";
    if (!is_linear && type != "yarn") {
      return Unsupported(metadata_, Key("rope.scaling.type"),
                         absl::StrCat("asks for '", base::QuoteName(type), "'"));
    }
    ASSIGN_OR_RETURN(const std::string factor, NumberText(Key("rope.scaling.factor")));
    std::string json = absl::StrCat("{\"rope_type\": \"", type, "\", \"factor\": ", factor);
    const std::pair<const char*, const char*> yarn_fields[] = {
        {"rope.scaling.original_context_length", "original_max_position_embeddings"},
        {"rope.scaling.yarn_attn_factor", "attention_factor"},
        {"rope.scaling.yarn_beta_fast", "beta_fast"},
        {"rope.scaling.yarn_beta_slow", "beta_slow"},
    };
    for (const auto& [key, field] : yarn_fields) {
      if (is_linear || !Has(key)) continue;
      ASSIGN_OR_RETURN(const std::string value, NumberText(Key(key)));
      absl::StrAppend(&json, ", \"", field, "\": ", value);
      keys_.emplace_back(absl::StrCat("rope_scaling.", field), Key(key));
    }
    AddFrom("rope.scaling.type", "rope_scaling", json + "}");
    keys_.emplace_back("rope_scaling.factor", Key("rope.scaling.factor"));
    keys_.emplace_back("rope_scaling.rope_type", Key("rope.scaling.type"));
    return absl::OkStatus();
  }

  // Old files of Phi-3 lack the factors that their context needs.
  absl::Status CheckContext() const {
    constexpr char kOriginal[] = "rope.scaling.original_context_length";
    const KeyRow* row = FindKey(architecture_, kOriginal);
    if (!Has(kOriginal) || row->use != KeyUse::kInt) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t original, OneInt(Key(kOriginal)));
    ASSIGN_OR_RETURN(const int64_t context, OneInt(Key("context_length")));
    if (context <= original) return absl::OkStatus();
    return metadata_.Error(
        Key("context_length"),
        absl::StrCat("is ", context, ", more than the ", original,
                     " of rope.scaling.original_context_length, and the file lacks "
                     "rope_factors_long.weight"));
  }

  // The numbers of longrope that are tensors.
  absl::Status AddLongRotation(const TensorFacts& facts) {
    constexpr char kFactor[] = "rope.scaling.attn_factor";
    constexpr char kOriginal[] = "rope.scaling.original_context_length";
    ASSIGN_OR_RETURN(const int64_t context, OneInt(Key("context_length")));
    ASSIGN_OR_RETURN(const int64_t original, metadata_.Int(Key(kOriginal), 2, kMostInt));
    const auto list = [](const std::vector<float>& factors) {
      return absl::StrJoin(factors, ", ", [](std::string* out, float factor) {
        absl::StrAppend(out, ShortestDecimal(factor));
      });
    };
    if (Has("rope.scaling.type")) {
      ASSIGN_OR_RETURN(const absl::string_view type, metadata_.String(Key("rope.scaling.type")));
      if (type != "longrope" && type != "none") {
        return metadata_.Error(
            Key("rope.scaling.type"),
            absl::StrCat("is '", base::QuoteName(type), "', but the file has factors of longrope"));
      }
    }
    std::string json =
        absl::StrCat("{\"rope_type\": \"longrope\", \"short_factor\": [", list(facts.short_factors),
                     "], \"long_factor\": [", list(facts.long_factors), "]");
    if (Has(kFactor)) {
      // What converters write is mostly what the contexts give; a folder has that in double precision.
      const double stretch = static_cast<double>(context) / static_cast<double>(original);
      const double usual =
          stretch > 1 ? std::sqrt(1 + std::log(stretch) / std::log(static_cast<double>(original)))
                      : 1;
      ASSIGN_OR_RETURN(const double given, metadata_.Number(Key(kFactor)));
      if (static_cast<float>(given) != static_cast<float>(usual)) {
        ASSIGN_OR_RETURN(const std::string factor, NumberText(Key(kFactor)));
        absl::StrAppend(&json, ", \"attention_factor\": ", factor);
      }
    }
    AddFrom("rope.scaling.type", "rope_scaling", json + "}");
    return absl::OkStatus();
  }

  absl::Status AddWindow() {
    constexpr char kWindow[] = "attention.sliding_window";
    if (Has("attention.causal")) {
      ASSIGN_OR_RETURN(const bool causal, metadata_.Bool(Key("attention.causal")));
      if (!causal) return Unsupported(metadata_, Key("attention.causal"), "is false");
    }
    if (!Has(kWindow)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const int64_t window, metadata_.Int(Key(kWindow), 0, kMostInt));
    if (architecture_.windows) {
      AddFrom(kWindow, "sliding_window", window == 0 ? "null" : absl::StrCat(window));
      return absl::OkStatus();
    }
    // A window that no context exceeds is none.
    ASSIGN_OR_RETURN(const int64_t context, OneInt(Key("context_length")));
    if (window == 0 || window >= context) return absl::OkStatus();
    return Unsupported(metadata_, Key(kWindow), absl::StrCat("asks for a window of ", window));
  }

  const Metadata& metadata_;
  const Architecture& architecture_;
  std::vector<std::string> fields_;
  std::vector<std::pair<std::string, std::string>> keys_;
};

}  // namespace

absl::StatusOr<const Architecture*> ArchitectureOf(const Metadata& metadata) {
  if (metadata.Has(kTypeKey)) {
    ASSIGN_OR_RETURN(const absl::string_view type, metadata.String(kTypeKey));
    if (type != "model") {
      return Unsupported(metadata, kTypeKey,
                         absl::StrCat("is '", base::QuoteName(type), "', not 'model'"));
    }
  }
  ASSIGN_OR_RETURN(const absl::string_view name, metadata.String(kArchitectureKey));
  const Architecture* architecture = FindArchitecture(name);
  if (architecture != nullptr) return architecture;
  std::vector<absl::string_view> known;
  for (const Architecture& row : Architectures()) known.push_back(row.name);
  return absl::UnimplementedError(absl::StrCat(
      Unsupported(metadata, kArchitectureKey, absl::StrCat("is '", base::QuoteName(name), "'"))
          .message(),
      "; supported are ", absl::StrJoin(known, ", ")));
}

absl::StatusOr<ConfigText> ConfigOf(const Metadata& metadata, const Architecture& architecture,
                                    const TensorFacts& facts) {
  return ConfigWriter(metadata, architecture).Write(facts);
}

absl::Status InTermsOfKeys(const absl::Status& error, const ConfigText& config) {
  std::vector<std::pair<std::string, std::string>> replacements;
  for (const auto& [field, key] : config.keys) {
    replacements.emplace_back(absl::StrCat("field '", field, "'"),
                              absl::StrCat("key '", key, "':"));
    replacements.emplace_back(field, key);
  }
  return absl::Status(error.code(), absl::StrReplaceAll(error.message(), replacements));
}

}  // namespace lluda::frontends::gguf
