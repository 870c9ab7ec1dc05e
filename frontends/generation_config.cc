#include "frontends/generation_config.h"

#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "frontends/json.h"

namespace lluda::frontends {
namespace {

constexpr IntRange kTokenIds = {0, std::numeric_limits<int32_t>::max()};

struct NumberField {
  const char* key;
  double GenerationConfig::* member;
  NumberRange range;
};

// The upper limits are far beyond use; they keep arithmetic in float finite.
constexpr NumberField kNumberFields[] = {
    {"temperature", &GenerationConfig::temperature, {0, 1e6}},
    {"top_p", &GenerationConfig::top_p, {0, 1, /*open_min=*/true}},
    {"min_p", &GenerationConfig::min_p, {0, 1}},
    {"repetition_penalty", &GenerationConfig::repetition_penalty, {0, 1e6, /*open_min=*/true}},
};

absl::Status ReadSampling(const JsonObject& fields, GenerationConfig* config) {
  for (const NumberField& field : kNumberFields) {
    if (!fields.HasValue(field.key)) continue;
    absl::StatusOr<double> value = fields.Number(field.key, field.range);
    if (!value.ok()) return value.status();
    config->*field.member = *value;
  }
  if (fields.HasValue("do_sample")) {
    absl::StatusOr<bool> value = fields.Bool("do_sample");
    if (!value.ok()) return value.status();
    config->do_sample = *value;
  }
  if (fields.HasValue("top_k")) {
    absl::StatusOr<int64_t> value = fields.Int("top_k", {0, std::numeric_limits<int32_t>::max()});
    if (!value.ok()) return value.status();
    config->top_k = *value;
  }
  return absl::OkStatus();
}

absl::Status ReadTokenId(const JsonObject& fields, const char* key, std::optional<int64_t>* id) {
  if (id->has_value() || !fields.HasValue(key)) return absl::OkStatus();
  absl::StatusOr<int64_t> value = fields.Int(key, kTokenIds);
  if (!value.ok()) return value.status();
  *id = *value;
  return absl::OkStatus();
}

// Takes the token ids that `config` does not have yet.
absl::Status ReadTokenIds(const JsonObject& fields, GenerationConfig* config) {
  if (config->eos_token_ids.empty() && fields.HasValue("eos_token_id")) {
    absl::StatusOr<std::vector<int64_t>> ids = fields.IntOrInts("eos_token_id", kTokenIds);
    if (!ids.ok()) return ids.status();
    config->eos_token_ids = *ids;
  }
  absl::Status status = ReadTokenId(fields, "bos_token_id", &config->bos_token_id);
  if (!status.ok()) return status;
  return ReadTokenId(fields, "pad_token_id", &config->pad_token_id);
}

}  // namespace

absl::StatusOr<GenerationConfig> LoadGenerationConfig(const std::string& folder) {
  GenerationConfig config;
  absl::StatusOr<JsonDocument> own =
      JsonDocument::Load(absl::StrCat(folder, "/generation_config.json"));
  if (own.ok()) {
    if (absl::Status status = ReadSampling(own->root(), &config); !status.ok()) return status;
    if (absl::Status status = ReadTokenIds(own->root(), &config); !status.ok()) return status;
  } else if (!absl::IsNotFound(own.status())) {
    return own.status();
  }
  absl::StatusOr<JsonDocument> model = JsonDocument::Load(absl::StrCat(folder, "/config.json"));
  if (model.ok()) {
    if (absl::Status status = ReadTokenIds(model->root(), &config); !status.ok()) return status;
  } else if (!absl::IsNotFound(model.status())) {
    return model.status();
  }
  return config;
}

}  // namespace lluda::frontends
