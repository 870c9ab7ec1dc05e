#include "frontends/tokenizer/decoder.h"

#include <utility>

#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/tokenizer/text/byte_level.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

constexpr std::string_view kReplacementCharacter = "\uFFFD";

// The types' names in a tokenizer.json, in the order of the variant.
constexpr std::string_view kNames[] = {"ByteLevel", "Replace", "ByteFallback",
                                       "Fuse",      "Strip",   "Metaspace"};
static_assert(std::size(kNames) == std::variant_size_v<DecoderStep>);

// What is wrong with a step, wherever it stands; empty if nothing is.
std::string_view Problem(const ReplaceStep& step) {
  return step.pattern.empty() ? "the pattern is empty" : "";
}
std::string_view Problem(const StripStep& step) {
  return base::IsOneCharacter(step.content) ? "" : "the content is not one character";
}
std::string_view Problem(const MetaspaceDecoding& step) {
  return base::IsOneCharacter(step.replacement) ? "" : "the replacement is not one character";
}
template <typename Other>
std::string_view Problem(const Other&) {
  return "";
}

// Whether the step can run on one text that comes in parts, each of whole characters.
bool WorksOnParts(const DecoderStep& step) {
  const auto* replace = std::get_if<ReplaceStep>(&step);
  if (replace != nullptr) return base::IsOneCharacter(replace->pattern);
  return std::holds_alternative<FuseStep>(step) || std::holds_alternative<StripStep>(step);
}

bool Joins(const DecoderStep& step) {
  return std::holds_alternative<ByteLevelDecoding>(step) || std::holds_alternative<FuseStep>(step);
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const base::Utf8Char next = base::ReadUtf8(text);
    if (!next.valid) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

}  // namespace

std::optional<char> ByteOfToken(std::string_view content) {
  if (content.size() != 6 || !StartsWith(content, "<0x") || content[5] != '>') return std::nullopt;
  const std::optional<int> high = HexDigit(content[3]);
  const std::optional<int> low = HexDigit(content[4]);
  if (!high.has_value() || !low.has_value()) return std::nullopt;
  return static_cast<char>(*high * 16 + *low);
}

absl::StatusOr<Decoder> Decoder::Create(const DecoderSteps& steps) {
  Decoder result;
  for (const DecoderStep& step : steps) {
    RETURN_IF_ERROR(result.Add(step));
  }
  return result;
}

absl::Status Decoder::Add(const DecoderStep& step) {
  const std::string_view name = kNames[step.index()];
  const std::string_view problem = std::visit([](const auto& kind) { return Problem(kind); }, step);
  if (!problem.empty()) return absl::InvalidArgumentError(ToAbsl(problem));
  const size_t at = steps_.size();
  const bool sees_one_text = at >= joined_;
  const bool is_byte_fallback = std::holds_alternative<ByteFallbackDecoding>(step);
  if ((sees_one_text && !WorksOnParts(step)) || (is_byte_fallback && has_byte_fallback_) ||
      (std::holds_alternative<ByteLevelDecoding>(step) && at != alone_)) {
    return absl::InvalidArgumentError(
        Concat(name, " after ", kNames[steps_.back().index()], " is not supported"));
  }
  if (std::holds_alternative<ReplaceStep>(step) && at == alone_) ++alone_;
  if (Joins(step) && !sees_one_text) joined_ = at + 1;
  has_byte_fallback_ = has_byte_fallback_ || is_byte_fallback;
  steps_.push_back(step);
  return absl::OkStatus();
}

std::string Decoder::TokenText(std::string_view content) const {
  std::string text(content);
  for (size_t i = 0; i < alone_; ++i) {
    const auto& replace = std::get<ReplaceStep>(steps_[i]);
    text = ReplaceAll(text, replace.pattern, replace.content);
  }
  const bool is_byte_level =
      alone_ < steps_.size() && std::holds_alternative<ByteLevelDecoding>(steps_[alone_]);
  return is_byte_level ? DecodeByteLevel(text) : text;
}

DecoderRun::DecoderRun(const Decoder* decoder) : decoder_(decoder) { Reset(); }

void DecoderRun::Reset() {
  states_.assign(decoder_->steps_.size(), State());
  for (size_t i = 0; i < states_.size(); ++i) {
    const auto* strip = std::get_if<StripStep>(&decoder_->steps_[i]);
    if (strip != nullptr) states_[i].count = strip->start;
  }
}

void DecoderRun::Continue() {
  for (size_t i = 0; i < states_.size(); ++i) {
    const bool counts_tokens = std::holds_alternative<MetaspaceDecoding>(decoder_->steps_[i]);
    states_[i].count = counts_tokens ? 1 : 0;
  }
}

void DecoderRun::Add(std::string_view token_text, std::string* out) {
  Push(decoder_->alone_, std::string(token_text), out);
}

// One step on one text, a token's or a part of the whole. `state` is the step's.
class DecoderRun::Stepper {
 public:
  Stepper(State* state, bool is_part, std::string* text)
      : state_(state), is_part_(is_part), text_(text) {}

  void operator()(const ReplaceStep& step) {
    *text_ = ReplaceAll(*text_, step.pattern, step.content);
  }

  void operator()(const ByteLevelDecoding&) {
    std::string& held = state_->held.append(*text_);
    const size_t complete = base::CompleteUtf8Prefix(held);
    *text_ = base::ReplaceInvalidUtf8(std::string_view(held).substr(0, complete));
    held.erase(0, complete);
  }

  void operator()(const StripStep& step) {
    int64_t left = is_part_ ? state_->count : step.start;
    size_t cut = 0;
    for (; left > 0 && cut < text_->size(); --left) {
      if (!StartsWith(std::string_view(*text_).substr(cut), step.content)) {
        left = 0;
        break;
      }
      cut += step.content.size();
    }
    text_->erase(0, cut);
    if (is_part_) state_->count = left;
  }

  void operator()(const MetaspaceDecoding& step) {
    const bool is_first = state_->count++ == 0;
    *text_ = ReplaceAll(*text_, step.replacement, is_first && step.strips_first ? "" : " ");
  }

  void operator()(const ByteFallbackDecoding&) {}
  void operator()(const FuseStep&) {}

 private:
  State* state_;
  bool is_part_;
  std::string* text_;
};

void DecoderRun::Push(size_t at, std::string text, std::string* out) {
  for (; at < decoder_->steps_.size(); ++at) {
    const DecoderStep& step = decoder_->steps_[at];
    if (std::holds_alternative<ByteFallbackDecoding>(step)) {
      if (const std::optional<char> byte = ByteOfToken(text)) {
        states_[at].held.push_back(*byte);
        return;
      }
      Flush(at, out);
    }
    std::visit(Stepper(&states_[at], at >= decoder_->joined_, &text), step);
  }
  out->append(text);
}

void DecoderRun::Flush(size_t at, std::string* out) {
  if (states_[at].held.empty()) return;
  const std::string held = std::exchange(states_[at].held, std::string());
  if (!std::holds_alternative<ByteFallbackDecoding>(decoder_->steps_[at])) {
    Push(at + 1, base::ReplaceInvalidUtf8(held), out);
  } else if (IsValidUtf8(held)) {
    Push(at + 1, held, out);
  } else {
    for (size_t i = 0; i < held.size(); ++i) Push(at + 1, std::string(kReplacementCharacter), out);
  }
}

void DecoderRun::Finish(std::string* out) {
  for (size_t at = decoder_->alone_; at < states_.size(); ++at) Flush(at, out);
  Reset();
}

}  // namespace lluda::tokenizer
