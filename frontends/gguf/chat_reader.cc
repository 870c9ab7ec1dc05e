#include "frontends/gguf/chat_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/gguf/tokenizer_keys.h"

namespace lluda::frontends::gguf {
namespace {

// Variables of templates, and the keys that give their tokens.
constexpr std::pair<const char*, const char*> kRoles[] = {
    {"bos_token", kBosId},     {"eos_token", kEosId},       {"unk_token", kUnknownId},
    {"pad_token", kPaddingId}, {"sep_token", kSeparatorId}, {"mask_token", kMaskId},
};

// Tokens that end a text whatever else the file says.
constexpr const char* kEndKeys[] = {kEosId, kEotId, kEomId};

// Those that models end their turns with, of which files name one at most.
constexpr absl::string_view kEndTexts[] = {
    "<|im_end|>", "<|eot_id|>", "<|end|>", "<|endoftext|>", "<end_of_turn>", "<|end_of_text|>",
    "<|eom_id|>", "</s>",       "<EOT>",   "<|return|>",    "<|call|>",
};

struct SamplingRow {
  const char* key;
  double GenerationConfig::* member;
  double min;
  double max;
};
constexpr SamplingRow kSampling[] = {
    {"general.sampling.temp", &GenerationConfig::temperature, 0, 1e6},
    {"general.sampling.top_p", &GenerationConfig::top_p, 0, 1},
    {"general.sampling.min_p", &GenerationConfig::min_p, 0, 1},
    {"general.sampling.penalty_repeat", &GenerationConfig::repetition_penalty, 1e-6, 1e6},
};
// How hidden states become a vector.
constexpr char kPoolingSuffix[] = ".pooling_type";
constexpr int64_t kMeanPooling = 1;
constexpr int64_t kFirstPooling = 2;
constexpr int64_t kLastPooling = 4;
constexpr char kTopK[] = "general.sampling.top_k";

absl::Status ReadSampling(const Metadata& metadata, GenerationConfig* config) {
  for (const SamplingRow& row : kSampling) {
    if (!metadata.Has(row.key)) continue;
    ASSIGN_OR_RETURN(const double value, metadata.Number(row.key));
    if (value < row.min || value > row.max) {
      return metadata.Error(
          row.key, absl::StrCat("must be from ", row.min, " to ", row.max, ", is ", value));
    }
    config->*row.member = value;
    config->do_sample = true;
  }
  // The smallest set that reaches 0 is still one token.
  config->top_p = std::max<double>(config->top_p, std::numeric_limits<float>::min());
  if (!metadata.Has(kTopK)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t top_k,
                   metadata.Int(kTopK, -1, std::numeric_limits<int32_t>::max()));
  config->top_k = std::max<int64_t>(top_k, 0);
  config->do_sample = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<tokenizer::ChatFormat> ReadChatFormat(const Metadata& metadata) {
  tokenizer::ChatFormat format;
  const auto add = [&](absl::string_view name, const std::string& key) -> absl::Status {
    ASSIGN_OR_RETURN(const absl::string_view source, metadata.String(key));
    format.templates.push_back({std::string(name),
                                absl::StrCat(metadata.label(), ": key '", key, "'"),
                                std::string(source)});
    return absl::OkStatus();
  };
  if (metadata.Has(kTemplate)) {
    RETURN_IF_ERROR(add("default", kTemplate));
  }
  if (metadata.Has(kTemplateNames)) {
    ASSIGN_OR_RETURN(const std::vector<absl::string_view> names, metadata.Strings(kTemplateNames));
    for (const absl::string_view name : names) {
      RETURN_IF_ERROR(add(name, absl::StrCat(kTemplate, ".", name)));
    }
  }
  if (format.templates.empty()) {
    return absl::NotFoundError(
        absl::StrCat(metadata.label(), ": key '", kTemplate, "' is missing"));
  }
  ASSIGN_OR_RETURN(const std::vector<absl::string_view> tokens, metadata.Strings(kTokens));
  for (const auto& [variable, key] : kRoles) {
    if (!metadata.Has(key)) continue;
    ASSIGN_OR_RETURN(const int64_t id,
                     metadata.Int(key, 0, static_cast<int64_t>(tokens.size()) - 1));
    format.special_tokens.emplace_back(variable, tokens[static_cast<size_t>(id)]);
  }
  return format;
}

absl::StatusOr<GenerationConfig> ReadGenerationConfig(const Metadata& metadata) {
  GenerationConfig config;
  RETURN_IF_ERROR(ReadSampling(metadata, &config));
  const auto add = [&](int64_t id) {
    std::vector<int64_t>& ids = config.eos_token_ids;
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  };
  // A file without tokens may be read with another's tokenizer.
  std::vector<absl::string_view> tokens;
  int64_t last = std::numeric_limits<int32_t>::max();
  if (metadata.Has(kTokens)) {
    ASSIGN_OR_RETURN(tokens, metadata.Strings(kTokens));
    last = static_cast<int64_t>(tokens.size()) - 1;
  }
  for (const char* key : kEndKeys) {
    if (!metadata.Has(key)) continue;
    ASSIGN_OR_RETURN(const int64_t id, metadata.Int(key, 0, last));
    add(id);
  }
  if (!metadata.Has(kTemplate) || !metadata.Has(kTokens) || !metadata.Has(kTypes)) return config;
  ASSIGN_OR_RETURN(const absl::string_view source, metadata.String(kTemplate));
  ASSIGN_OR_RETURN(const std::vector<int64_t> types, metadata.Ints(kTypes, 0, kLastType));
  for (size_t id = 0; id < std::min(tokens.size(), types.size()); ++id) {
    const bool ends =
        std::find(std::begin(kEndTexts), std::end(kEndTexts), tokens[id]) != std::end(kEndTexts);
    if (ends && types[id] == kControl && absl::StrContains(source, tokens[id])) {
      add(static_cast<int64_t>(id));
    }
  }
  return config;
}

absl::Status CheckPooling(const Metadata& metadata) {
  for (const Entry* entry : metadata.WithPrefix("")) {
    if (!absl::EndsWith(entry->key, kPoolingSuffix)) continue;
    ASSIGN_OR_RETURN(const int64_t type, metadata.Int(entry->key, 0, kLastPooling));
    if (type != kMeanPooling && type != kFirstPooling) continue;
    return absl::UnimplementedError(
        metadata
            .Error(entry->key,
                   absl::StrCat("asks for the ",
                                type == kMeanPooling ? "mean of all tokens" : "first token",
                                ", which is not supported"))
            .message());
  }
  return absl::OkStatus();
}

}  // namespace lluda::frontends::gguf
