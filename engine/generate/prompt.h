// A prompt: tokens, and what was heard in the places of some of them.
//
//   // <|audio_start|> <|audio_pad|> <|audio_end|>, and a sound that became three rows
//   ASSIGN_OR_RETURN(Prompt prompt, PlaceMedia(tokens, audio_pad, {rows}));
//   // the pad is there three times, and row i stands for the i-th of them
//
// A placed token has no embedding of its own: the model is given the row. Prompts that have the same
// tokens and other media in some place have nothing in common from there on.
#ifndef LLUDA_ENGINE_GENERATE_PROMPT_H_
#define LLUDA_ENGINE_GENERATE_PROMPT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/prefix/media_mark.h"

namespace lluda::engine {

// What an encoder made of a sound.
struct MediaRows {
  int64_t width = 0;          // numbers of a row: as many as an embedding has
  std::vector<float> values;  // [count()][width]
  std::string identity;       // equal ones are the same rows

  int64_t count() const { return width == 0 ? 0 : static_cast<int64_t>(values.size()) / width; }
};

struct PlacedMedia {
  int64_t first = 0;  // the token that row 0 stands for; the others follow
  std::shared_ptr<const MediaRows> rows;
  int64_t end() const { return first + rows->count(); }
};

struct Prompt {
  std::vector<int32_t> tokens;
  std::vector<PlacedMedia> media;  // in the order of the tokens
};

// Each `pad` among the tokens is the place of one of `media`, in their order, and comes as often as
// that has rows. InvalidArgument for more or fewer places than media.
absl::StatusOr<Prompt> PlaceMedia(absl::Span<const int32_t> tokens, int32_t pad,
                                  absl::Span<const std::shared_ptr<const MediaRows>> media);

// Whether the media begin within so many tokens, one behind the other, and have rows of this width;
// FailedPrecondition if there are any and the width is 0, of a model that takes none. The last may have
// more rows than there are tokens left, which are not used.
absl::Status CheckMedia(absl::Span<const PlacedMedia> media, int64_t tokens, int64_t width);

// Of each of so many tokens the row that stands for it, null where none does; empty without media.
std::vector<const float*> RowOfEachToken(absl::Span<const PlacedMedia> media, int64_t tokens);

// What tells prompts with these media apart.
std::vector<MediaMark> MarksOf(absl::Span<const PlacedMedia> media);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_PROMPT_H_
