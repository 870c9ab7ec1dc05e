#include "engine/generate/prompt.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lluda::engine {

absl::StatusOr<Prompt> PlaceMedia(absl::Span<const int32_t> tokens, int32_t pad,
                                  absl::Span<const std::shared_ptr<const MediaRows>> media) {
  const int64_t places = std::count(tokens.begin(), tokens.end(), pad);
  if (places != static_cast<int64_t>(media.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("the prompt has ", places, " places for media, ", media.size(), " are given"));
  }
  Prompt prompt;
  for (const int32_t token : tokens) {
    if (token != pad) {
      prompt.tokens.push_back(token);
      continue;
    }
    const auto& rows = media[prompt.media.size()];
    prompt.media.push_back({static_cast<int64_t>(prompt.tokens.size()), rows});
    prompt.tokens.insert(prompt.tokens.end(), static_cast<size_t>(rows->count()), pad);
  }
  return prompt;
}

absl::Status CheckMedia(absl::Span<const PlacedMedia> media, int64_t tokens, int64_t width) {
  if (media.empty()) return absl::OkStatus();
  if (width == 0) return absl::FailedPreconditionError("the model takes tokens only, no media");
  int64_t taken = 0;
  for (const PlacedMedia& placed : media) {
    if (placed.rows == nullptr || placed.rows->width != width ||
        placed.rows->values.size() != static_cast<size_t>(placed.rows->count() * width)) {
      return absl::InvalidArgumentError(
          absl::StrCat("media rows of another width than the model's, ", width));
    }
    if (placed.first < taken || placed.first >= tokens) {
      return absl::InvalidArgumentError(absl::StrCat("media begin at token ", placed.first,
                                                     ", which has to be one of ", taken, "..",
                                                     tokens - 1));
    }
    taken = placed.end();
  }
  return absl::OkStatus();
}

std::vector<const float*> RowOfEachToken(absl::Span<const PlacedMedia> media, int64_t tokens) {
  std::vector<const float*> rows;
  if (media.empty()) return rows;
  rows.resize(static_cast<size_t>(tokens), nullptr);
  for (const PlacedMedia& placed : media) {
    for (int64_t row = 0; row < placed.rows->count() && placed.first + row < tokens; ++row) {
      rows[static_cast<size_t>(placed.first + row)] =
          placed.rows->values.data() + row * placed.rows->width;
    }
  }
  return rows;
}

std::vector<MediaMark> MarksOf(absl::Span<const PlacedMedia> media) {
  std::vector<MediaMark> marks;
  for (const PlacedMedia& placed : media) {
    marks.push_back({placed.first, placed.rows->count(), placed.rows->identity});
  }
  return marks;
}

}  // namespace lluda::engine
