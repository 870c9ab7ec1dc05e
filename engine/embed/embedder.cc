#include "engine/embed/embedder.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/session/session.h"

namespace lluda::engine {
namespace {

// Texts side by side fill a step; more tokens than this in the cache gain nothing.
constexpr int64_t kMostTogether = 16;
constexpr int64_t kCachedTokens = 8192;

// The texts of this length that are computed together.
int64_t SlotsFor(int64_t longest, size_t texts) {
  const int64_t fit = std::clamp<int64_t>(kCachedTokens / longest, 1, kMostTogether);
  return std::min(fit, static_cast<int64_t>(texts));
}

// The first `dimensions` numbers, divided by their length. Empty if that is not finite, or 0.
std::vector<float> Normalised(absl::Span<const float> hidden, int64_t dimensions) {
  const auto part = hidden.subspan(0, static_cast<size_t>(dimensions));
  double squares = 0;
  for (const float value : part) squares += static_cast<double>(value) * value;
  if (!std::isfinite(squares) || squares == 0) return {};
  const double length = std::sqrt(squares);
  std::vector<float> vector;
  vector.reserve(part.size());
  for (const float value : part) vector.push_back(static_cast<float>(value / length));
  return vector;
}

}  // namespace

std::vector<int32_t> EmbeddingTokens(const tokenizer::Tokenizer& tokenizer,
                                     const std::string& text) {
  tokenizer::EncodeOptions options;
  options.add_special_tokens = true;
  return tokenizer.Encode(text, options);
}

absl::StatusOr<std::unique_ptr<Embedder>> Embedder::Create(Model* model,
                                                           const EmbedderOptions& options) {
  if (model->result() != StepResult::kHidden) {
    return absl::FailedPreconditionError(
        absl::StrCat(model->folder(), ": gives logits; embeddings need a model for hidden states"));
  }
  // Asked for its sizes only: it holds as little as a session may.
  runtime::SessionOptions one;
  one.context = 1;
  ASSIGN_OR_RETURN(const std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(model->executable(), one));
  const int64_t width = session->width();
  if (options.dimensions < 0 || options.dimensions > width) {
    return absl::InvalidArgumentError(absl::StrCat("dimensions is ", options.dimensions,
                                                   ", the model's embeddings have 1 to ", width));
  }
  std::unique_ptr<Embedder> embedder(new Embedder(model));
  embedder->vocabulary_ = session->vocabulary();
  embedder->width_ = width;
  embedder->dimensions_ = options.dimensions == 0 ? width : options.dimensions;
  return embedder;
}

absl::Status Embedder::Check(absl::Span<const int32_t> text) const {
  if (text.empty()) return absl::InvalidArgumentError("has no tokens");
  if (static_cast<int64_t>(text.size()) > model_->context()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", text.size(), " tokens, the context holds ", model_->context()));
  }
  for (const int32_t token : text) {
    if (token >= 0 && token < vocabulary_) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("has the token ", token, ", the model's vocabulary ", vocabulary_));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<float>>> Embedder::Embed(
    absl::Span<const std::vector<int32_t>> texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    if (const absl::Status status = Check(texts[i]); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("text ", i, " ", status.message()));
    }
  }
  std::vector<std::vector<float>> vectors;
  if (texts.empty()) return vectors;
  int64_t longest = 0;
  for (const std::vector<int32_t>& text : texts) {
    longest = std::max(longest, static_cast<int64_t>(text.size()));
  }
  runtime::SessionOptions options;
  options.slots = static_cast<int>(SlotsFor(longest, texts.size()));
  options.context = longest;
  options.max_step = model_->max_step();
  ASSIGN_OR_RETURN(const std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(model_->executable(), options));
  const auto together = static_cast<size_t>(options.slots);
  for (size_t begin = 0; begin < texts.size(); begin += together) {
    std::vector<runtime::Chunk> chunks;
    for (const std::vector<int32_t>& text : texts.subspan(begin, together)) {
      const int slot = static_cast<int>(chunks.size());
      session->Truncate(slot, 0);
      chunks.push_back({slot, text});
    }
    ASSIGN_OR_RETURN(const absl::Span<const float> hidden, session->Evaluate(chunks));
    for (size_t i = 0; i < chunks.size(); ++i) {
      const auto width = static_cast<size_t>(width_);
      vectors.push_back(Normalised(hidden.subspan(i * width, width), dimensions_));
      if (vectors.back().empty()) {
        return absl::FailedPreconditionError(absl::StrCat(
            model_->folder(), ": the hidden state of text ", begin + i, " has no length"));
      }
    }
  }
  return vectors;
}

}  // namespace lluda::engine
