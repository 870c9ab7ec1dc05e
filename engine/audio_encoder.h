// Hears: what a model's encoder makes of a sound's log-mel features, for prompts.
//
//   ASSIGN_OR_RETURN(auto encoder, AudioEncoder::Create(model.get()));
//   ASSIGN_OR_RETURN(auto rows, encoder->Encode(features, frames, {}));
//   ASSIGN_OR_RETURN(Prompt prompt, PlaceMedia(tokens, audio_pad, {rows}));
//
// A second of sound becomes 13 rows. Chunks of a second are computed by themselves, and windows of
// some of them, 8 in released models: so the rows are the same bits for any number of threads,
// and whatever else a prompt holds.
#ifndef LLUDA_ENGINE_AUDIO_ENCODER_H_
#define LLUDA_ENGINE_AUDIO_ENCODER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/prompt.h"
#include "engine/model.h"
#include "runtime/executable.h"

namespace lluda::engine {

struct EncodeOptions {
  // Told, from the encoding thread, how many frames are done. May be empty.
  std::function<void(int64_t done, int64_t total)> progress;
  // Looked at before each chunk; set, Encode ends with a Cancelled status. May be null.
  const std::atomic<bool>* cancel = nullptr;
};

class AudioEncoder {
 public:
  // `model` must outlive the encoder; one evaluation at a time, sessions' among them.
  // FailedPrecondition for a model that does not hear.
  static absl::StatusOr<std::unique_ptr<AudioEncoder>> Create(Model* model);

  // Of features [mel_bins()][frames], 100 frames a second: as transformers has them as
  // input_features. InvalidArgument for no frame, another number of features, and features that are
  // not finite; Internal for a model that makes such rows of others.
  absl::StatusOr<std::shared_ptr<const MediaRows>> Encode(absl::Span<const float> features,
                                                          int64_t frames,
                                                          const EncodeOptions& options);

  int64_t mel_bins() const { return mel_bins_; }
  // How many rows become of so many frames: 13 of each 100, and one of each 8 or less of the rest.
  static int64_t RowsOf(int64_t frames);
  // How many of them each window has.
  std::vector<int64_t> WindowsOf(int64_t frames) const;

 private:
  explicit AudioEncoder(runtime::Executable* executable) : executable_(executable) {}

  // The rows of the chunk that begins at this frame, behind those in `rows`.
  absl::Status AddChunk(absl::Span<const float> features, int64_t frames, int64_t first,
                        std::vector<float>* rows);
  // What becomes of the window's rows, behind `values`.
  absl::Status AddWindow(const std::vector<float>& rows, std::vector<float>* values);

  runtime::Executable* executable_;
  const runtime::Entry* chunk_ = nullptr;
  const runtime::Entry* window_ = nullptr;
  int rows_symbol_ = 0;  // index of the program's symbol A
  std::vector<int64_t> dims_;
  int64_t mel_bins_ = 0;
  int64_t row_width_ = 0;  // of what the layers compute with
  int64_t width_ = 0;      // of what comes of it
  int64_t window_chunks_ = 0;
  std::vector<float> mel_, chunk_rows_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_AUDIO_ENCODER_H_
