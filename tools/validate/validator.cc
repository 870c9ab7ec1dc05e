#include "tools/validate/validator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "engine/audio_encoder.h"
#include "frontends/tokenizer/tokenizer.h"
#include "tools/validate/bounds.h"

namespace lluda::tools {
namespace {

// Infinite for a NaN, so that it comes first.
double ShareOfBound(const ActivationError& error) {
  if (std::isnan(error.nmse)) return std::numeric_limits<double>::infinity();
  return error.nmse / error.bound;
}

// What stands for a row that is heard, among a prompt's tokens.
constexpr char kAudioPad[] = "<|audio_pad|>";

// Written so that a NaN falls short.
void AddError(ActivationError error, PromptResult* result) {
  if (!(error.nmse < error.bound)) {
    result->shortcomings.push_back(
        absl::StrFormat("%s with %.2e of %.2e", error.name, error.nmse, error.bound));
  }
  result->activations.push_back(std::move(error));
}

}  // namespace

absl::StatusOr<PromptResult> Validator::Run(const ReferencePrompt& reference) {
  PromptResult result;
  tokenizer::EncodeOptions encode;
  encode.add_special_tokens = true;
  if (reference.text && model_->tokenizer() != nullptr &&
      model_->tokenizer()->Encode(*reference.text, encode) != reference.ids) {
    result.shortcomings.push_back("token ids");
  }
  ASSIGN_OR_RETURN(const engine::Prompt prompt, Hear(reference, &result));
  session_->Clear();
  ASSIGN_OR_RETURN(absl::Span<const float> evaluated, session_->Evaluate(prompt));
  const std::vector<float> logits(evaluated.begin(), evaluated.end());
  RETURN_IF_ERROR(CompareLogits(logits, reference, &result));
  RETURN_IF_ERROR(Decode(logits, reference, prompt, &result));
  RETURN_IF_ERROR(Replay(logits, prompt, &result));
  return result;
}

absl::StatusOr<engine::Prompt> Validator::Hear(const ReferencePrompt& reference,
                                               PromptResult* result) {
  engine::Prompt prompt{reference.ids, {}};
  if (reference.sounds.empty()) return prompt;
  std::vector<int32_t> pads;
  if (model_->tokenizer() != nullptr) pads = model_->tokenizer()->Encode(kAudioPad);
  if (pads.size() != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("the prompt has sounds, and the model no token ", kAudioPad));
  }
  ASSIGN_OR_RETURN(auto encoder, engine::AudioEncoder::Create(model_));
  std::vector<float> heard;
  auto place = prompt.tokens.begin();
  for (const ReferenceSound& sound : reference.sounds) {
    ASSIGN_OR_RETURN(auto rows, encoder->Encode(sound.features, sound.frames, {}));
    place = std::find(place, prompt.tokens.end(), pads[0]);
    const auto end =
        std::find_if(place, prompt.tokens.end(), [&](int32_t token) { return token != pads[0]; });
    if (end - place < rows->count()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the reference has ", end - place, " tokens for a sound of ", sound.frames,
                       " frames, which has ", rows->count(), " rows"));
    }
    prompt.media.push_back({place - prompt.tokens.begin(), rows});
    place += rows->count();
    heard.insert(heard.end(), rows->values.begin(), rows->values.end());
  }
  if (result == nullptr || reference.heard.empty()) return prompt;
  if (heard.size() != reference.heard.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the reference has ", reference.heard.size(),
                                                   " values of what is heard, the model ",
                                                   heard.size(), ": it is of another model"));
  }
  ActivationError error;
  error.name = "heard";
  error.nmse = Compare(heard, reference.heard).nmse;
  const auto hf_bf16_nmse = reference.hf_bf16_activation_nmse.find("audio.embeds");
  if (hf_bf16_nmse != reference.hf_bf16_activation_nmse.end()) {
    error.hf_bf16_nmse = hf_bf16_nmse->second;
  }
  error.bound = HeardBound(numbers_.precision, error.hf_bf16_nmse);
  AddError(std::move(error), result);
  return prompt;
}

absl::Status Validator::CompareLogits(const std::vector<float>& logits,
                                      const ReferencePrompt& reference, PromptResult* result) {
  result->next = ArgMax(logits);
  if (reference.next && result->next != *reference.next && IsDecided(reference)) {
    result->shortcomings.push_back("next");
  }
  const int64_t compared = reference.next.value_or(result->next);
  if (compared >= 0 && compared < static_cast<int64_t>(logits.size())) {
    result->next_logit = logits[static_cast<size_t>(compared)];
  }
  for (const int32_t id : Largest(logits, static_cast<int>(reference.top10.size()))) {
    if (absl::c_linear_search(reference.top10, id)) ++result->top10_shared;
  }
  if (reference.logits.empty()) return absl::OkStatus();
  if (reference.logits.size() != logits.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the reference has ", reference.logits.size(),
                                                   " logits, the model ", logits.size(),
                                                   ": it is of another model"));
  }
  result->distance = Compare(logits, reference.logits);
  std::optional<double> hf_bf16_nmse;
  if (reference.hf_bf16_nmse) hf_bf16_nmse = reference.hf_bf16_nmse;
  if (reference.hf_bf16_mse) {
    hf_bf16_nmse = *reference.hf_bf16_mse / result->distance->mean_square;
  }
  result->nmse_bound = LogitsBound(numbers_.precision, hf_bf16_nmse, CoarseNumbersOf(numbers_));
  if (reference.router_margin_min && *reference.router_margin_min < RouterMargin()) {
    result->remark =
        absl::StrFormat("experts are %.1e apart in the prompt: rounding may choose another one",
                        *reference.router_margin_min);
  }
  // Written so that a NaN falls short.
  if (!(result->distance->nmse < result->nmse_bound)) result->shortcomings.push_back("nmse");
  return absl::OkStatus();
}

bool Validator::HasInt8() const {
  return numbers_.kv_cache == engine::KvCache::kInt8 ||
         numbers_.activations == engine::Activations::kInt8;
}

double Validator::Margin() const { return HasInt8() ? kInt8DecidedMargin : kDecidedMargin; }

double Validator::RouterMargin() const {
  return numbers_.precision == engine::Precision::kF32 ? kF32RouterMargin : kBf16RouterMargin;
}

// Whether the token after the prompt has to be the reference's. Without int8 it always has to.
bool Validator::IsDecided(const ReferencePrompt& reference) const {
  return !HasInt8() || DecidedSteps(reference.greedy_margin, 1, Margin()) > 0;
}

// Greedy decoding, up to the first token that is not the reference's.
absl::Status Validator::Decode(const std::vector<float>& logits, const ReferencePrompt& reference,
                               engine::Prompt prompt, PromptResult* result) {
  const auto steps = static_cast<int64_t>(reference.greedy.size());
  if (ContradictsItself(reference)) {
    result->remark = absl::StrCat("the reference's greedy tokens begin with ", reference.greedy[0],
                                  ", its next token is ", *reference.next, ": not judged");
  } else {
    result->greedy_decided =
        std::min(DecidedSteps(reference.greedy_margin, steps, Margin()),
                 DecidedSteps(reference.greedy_router_margin, steps, RouterMargin()));
  }
  int32_t next = ArgMax(logits);
  while (result->greedy_equal < steps && next == reference.greedy[result->greedy_equal]) {
    if (++result->greedy_equal == steps) break;
    prompt.tokens.push_back(next);
    ASSIGN_OR_RETURN(absl::Span<const float> evaluated, session_->Evaluate(prompt));
    next = ArgMax(evaluated);
  }
  if (result->greedy_equal < result->greedy_decided) result->shortcomings.push_back("greedy");
  return absl::OkStatus();
}

// The prompt once more, token by token: gives its likelihood, and has to end with the same bits.
absl::Status Validator::Replay(const std::vector<float>& logits, const engine::Prompt& prompt,
                               PromptResult* result) {
  session_->Clear();
  double nll = 0;
  const absl::Span<const int32_t> ids = prompt.tokens;
  engine::Prompt begun;
  for (size_t i = 1; i <= ids.size(); ++i) {
    begun.tokens.push_back(ids[i - 1]);
    for (const engine::PlacedMedia& placed : prompt.media) {
      if (placed.first == static_cast<int64_t>(i) - 1) begun.media.push_back(placed);
    }
    ASSIGN_OR_RETURN(absl::Span<const float> evaluated, session_->Evaluate(begun));
    if (i < ids.size()) {
      nll += NegativeLogLikelihood(evaluated, ids[i]);
    } else if (!absl::c_equal(evaluated, logits)) {
      result->shortcomings.push_back("token by token");
    }
  }
  if (ids.size() > 1) result->mean_nll = nll / static_cast<double>(ids.size() - 1);
  return absl::OkStatus();
}

absl::Status CompareActivations(const ReferencePrompt& reference,
                                const engine::ModuleOptions& numbers, engine::Session* session,
                                PromptResult* result) {
  for (const ReferenceActivation& expected : reference.activations) {
    ASSIGN_OR_RETURN(absl::Span<const float> ours, session->Activation(expected.name));
    if (ours.size() != expected.values.size()) {
      return absl::InvalidArgumentError(absl::StrCat("the reference has ", expected.values.size(),
                                                     " values of ", expected.name, ", the model ",
                                                     ours.size(), ": it is of another model"));
    }
    ActivationError error;
    error.name = expected.name;
    error.nmse = Compare(ours, expected.values).nmse;
    const auto hf_bf16_nmse = reference.hf_bf16_activation_nmse.find(expected.module);
    if (hf_bf16_nmse != reference.hf_bf16_activation_nmse.end()) {
      error.hf_bf16_nmse = hf_bf16_nmse->second;
    }
    error.bound = ActivationBound(numbers.precision, error.hf_bf16_nmse, CoarseNumbersOf(numbers));
    AddError(std::move(error), result);
  }
  absl::c_stable_sort(result->activations, [](const ActivationError& a, const ActivationError& b) {
    return ShareOfBound(a) > ShareOfBound(b);
  });
  return absl::OkStatus();
}

}  // namespace lluda::tools
