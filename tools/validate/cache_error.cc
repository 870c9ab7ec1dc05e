#include "tools/validate/cache_error.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/session.h"
#include "tools/validate/bounds.h"
#include "tools/validate/compare.h"

namespace lluda::tools {
namespace {

constexpr int64_t kTokens = 256;

using Next = std::function<absl::Status(absl::Span<const float> logits, std::vector<int32_t>*)>;

// Gives the model of the options one token after the other: `next` gets the logits after the tokens
// so far, and adds a token.
absl::Status Follow(const engine::LoadOptions& options, const ModelLoader& load, int32_t first,
                    const Next& next) {
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, load(options));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Session> session,
                   engine::Session::Create(model.get(), {}));
  const auto most = static_cast<size_t>(std::min(kTokens, session->context()));
  for (std::vector<int32_t> tokens = {first}; tokens.size() <= most;) {
    ASSIGN_OR_RETURN(absl::Span<const float> logits, session->Evaluate(tokens));
    RETURN_IF_ERROR(next(logits, &tokens));
  }
  return absl::OkStatus();
}

}  // namespace

bool CacheError::within_bound() const { return nmse < kInt8CacheNmse; }

absl::StatusOr<CacheError> MeasureCacheError(const engine::LoadOptions& options,
                                             const ModelLoader& load,
                                             absl::Span<const int32_t> start) {
  engine::LoadOptions unquantised = options;
  unquantised.module.kv_cache = engine::KvCache::kPrecision;
  std::vector<int32_t> text(start.begin(), start.end());
  std::vector<std::vector<float>> expected;
  std::optional<engine::Sampler> sampler;
  engine::SamplerScratch scratch;
  const auto draw = [&](absl::Span<const float> logits, std::vector<int32_t>* tokens) {
    expected.emplace_back(logits.begin(), logits.end());
    if (tokens->size() == text.size()) {
      if (!sampler) {
        ASSIGN_OR_RETURN(sampler, engine::Sampler::Create({}, static_cast<int64_t>(logits.size())));
      }
      ASSIGN_OR_RETURN(int32_t drawn, sampler->Sample(logits, &scratch));
      text.push_back(drawn);
    }
    tokens->push_back(text[tokens->size()]);
    return absl::OkStatus();
  };
  absl::Status status = Follow(unquantised, load, start.front(), draw);
  if (!status.ok()) return status;
  CacheError error;
  double difference = 0, norm = 0;
  const auto compare = [&](absl::Span<const float> logits, std::vector<int32_t>* tokens) {
    const std::vector<float>& wanted = expected[tokens->size() - 1];
    const LogitsDistance distance = Compare(logits, wanted);
    difference += distance.mse;
    norm += distance.mean_square;
    error.largest_nmse = std::max(error.largest_nmse, distance.nmse);
    if (ArgMax(logits) == ArgMax(wanted)) ++error.likeliest_equal;
    ++error.tokens;
    tokens->push_back(text[tokens->size()]);
    return absl::OkStatus();
  };
  status = Follow(options, load, start.front(), compare);
  if (!status.ok()) return status;
  error.nmse = difference / norm;
  return error;
}

std::string CacheErrorText(const CacheError& error, absl::string_view unquantised) {
  return absl::StrFormat(
      "logits of %d tokens: NMSE %.1e of %.1e against a %s cache, of a token %.1e at most; "
      "likeliest token equal %d of %d",
      error.tokens, error.nmse, kInt8CacheNmse, unquantised, error.largest_nmse,
      error.likeliest_equal, error.tokens);
}

void AddCacheError(const CacheError& error, base::JsonWriter* json) {
  json->BeginObject();
  json->Key("tokens").Int(error.tokens);
  json->Key("nmse").Number(error.nmse);
  json->Key("nmse_bound").Number(kInt8CacheNmse);
  json->Key("largest_nmse").Number(error.largest_nmse);
  json->Key("likeliest_equal").Int(error.likeliest_equal);
  json->EndObject();
}

}  // namespace lluda::tools
