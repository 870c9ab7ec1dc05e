#include "engine/audio_encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/step_interface.h"

namespace lluda::engine {
namespace {

// What base/step_interface.h says of a chunk: frames, and places behind each of the convolutions.
constexpr int64_t kFrames = 100;
constexpr int64_t kPlaces1 = 50;
constexpr int64_t kPlaces2 = 25;
constexpr int64_t kRows = 13;

// How many places a convolution of stride 2 leaves.
int64_t Halved(int64_t places) { return (places + 1) / 2; }

int64_t FloatsOf(const runtime::Tensor& tensor) {
  return tensor.factor / static_cast<int64_t>(sizeof(float));
}

// Whether the entries have the inputs and results that are given and taken here: a module may come
// from anywhere.
bool TakeSound(const runtime::Entry& chunk, const runtime::Entry& window) {
  if (!chunk.HasInputs(step_interface::kAudioChunkInputs) ||
      !window.HasInputs(step_interface::kAudioInputs)) {
    return false;
  }
  const int64_t width = FloatsOf(window.inputs[0]);
  return FloatsOf(chunk.inputs[0]) % kFrames == 0 && FloatsOf(chunk.inputs[1]) == kPlaces1 &&
         FloatsOf(chunk.inputs[2]) == kPlaces2 && FloatsOf(chunk.result) == kRows * width &&
         FloatsOf(window.inputs[1]) == 1 && window.inputs[1].below == kRows &&
         chunk.result.symbols.empty() && window.result.symbols == window.inputs[0].symbols &&
         window.inputs[0].symbols.size() == 1;
}

bool AreFinite(absl::Span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

// 1 for the first `count` places, 0 for the others.
std::vector<float> MaskOf(int64_t count, int64_t places) {
  std::vector<float> mask(static_cast<size_t>(places), 0.0f);
  std::fill_n(mask.begin(), std::min(count, places), 1.0f);
  return mask;
}

}  // namespace

int64_t AudioEncoder::RowsOf(int64_t frames) {
  return kRows * (frames / kFrames) + Halved(Halved(Halved(frames % kFrames)));
}

std::vector<int64_t> AudioEncoder::WindowsOf(int64_t frames) const {
  std::vector<int64_t> windows;
  const int64_t most = kRows * window_chunks_;
  for (int64_t left = RowsOf(frames); left > 0; left -= most) {
    windows.push_back(std::min(left, most));
  }
  return windows;
}

absl::StatusOr<std::unique_ptr<AudioEncoder>> AudioEncoder::Create(Model* model) {
  const runtime::Program& program = model->executable()->program();
  std::unique_ptr<AudioEncoder> encoder(new AudioEncoder(model->executable()));
  encoder->chunk_ = program.FindEntry(step_interface::kAudioChunk);
  encoder->window_ = program.FindEntry(step_interface::kAudio);
  if (encoder->chunk_ == nullptr || encoder->window_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(model->folder(), ": the model does not hear"));
  }
  const auto symbol = std::find_if(
      program.symbols.begin(), program.symbols.end(),
      [](const runtime::SymbolRange& range) { return range.name == step_interface::kSoundCount; });
  if (symbol == program.symbols.end() || !TakeSound(*encoder->chunk_, *encoder->window_)) {
    return absl::InvalidArgumentError(absl::StrCat(
        model->folder(), ": its entries for sound are not ", step_interface::kAudioChunk, " and ",
        step_interface::kAudio, " as they should be"));
  }
  for (const runtime::SymbolRange& range : program.symbols) encoder->dims_.push_back(range.min);
  encoder->rows_symbol_ = static_cast<int>(symbol - program.symbols.begin());
  encoder->mel_bins_ = FloatsOf(encoder->chunk_->inputs[0]) / kFrames;
  encoder->row_width_ = FloatsOf(encoder->window_->inputs[0]);
  encoder->width_ = FloatsOf(encoder->window_->result);
  encoder->window_chunks_ = std::max<int64_t>(1, symbol->max / kRows);
  encoder->mel_.resize(static_cast<size_t>(kFrames * encoder->mel_bins_));
  encoder->chunk_rows_.resize(static_cast<size_t>(kRows * encoder->row_width_));
  return encoder;
}

absl::Status AudioEncoder::AddChunk(absl::Span<const float> features, int64_t frames, int64_t first,
                                    std::vector<float>* rows) {
  const int64_t count = std::min(kFrames, frames - first);
  std::fill(mel_.begin(), mel_.end(), 0.0f);
  for (int64_t frame = 0; frame < count; ++frame) {
    for (int64_t bin = 0; bin < mel_bins_; ++bin) {
      mel_[static_cast<size_t>(frame * mel_bins_ + bin)] =
          features[static_cast<size_t>(bin * frames + first + frame)];
    }
  }
  // A last second is filled up with zeros, but a sound that is shorter than one ends where it does.
  const int64_t convolved = frames < kFrames ? frames : kFrames;
  const std::vector<float> mask1 = MaskOf(Halved(convolved), kPlaces1);
  const std::vector<float> mask2 = MaskOf(Halved(Halved(convolved)), kPlaces2);
  const void* inputs[] = {mel_.data(), mask1.data(), mask2.data()};
  RETURN_IF_ERROR(executable_->Run(*chunk_, runtime::States(), dims_, inputs, chunk_rows_.data()));
  const int64_t counted = Halved(Halved(Halved(count)));
  rows->insert(rows->end(), chunk_rows_.begin(), chunk_rows_.begin() + counted * row_width_);
  return absl::OkStatus();
}

absl::Status AudioEncoder::AddWindow(const std::vector<float>& rows, std::vector<float>* values) {
  const int64_t count = static_cast<int64_t>(rows.size()) / row_width_;
  std::vector<int32_t> places;
  for (int64_t row = 0; row < count; ++row) places.push_back(static_cast<int32_t>(row % kRows));
  dims_[static_cast<size_t>(rows_symbol_)] = count;
  const size_t before = values->size();
  values->resize(before + static_cast<size_t>(count * width_));
  const void* inputs[] = {rows.data(), places.data()};
  return executable_->Run(*window_, runtime::States(), dims_, inputs, values->data() + before);
}

absl::StatusOr<std::shared_ptr<const MediaRows>> AudioEncoder::Encode(
    absl::Span<const float> features, int64_t frames, const EncodeOptions& options) {
  if (frames < 1) return absl::InvalidArgumentError("the sound has no frame");
  if (features.size() != static_cast<size_t>(frames * mel_bins_)) {
    return absl::InvalidArgumentError(absl::StrCat(features.size(), " features are not ", mel_bins_,
                                                   " times ", frames, " frames"));
  }
  if (!AreFinite(features)) {
    return absl::InvalidArgumentError("the sound has features that are not finite");
  }
  auto media = std::make_shared<MediaRows>();
  media->width = width_;
  std::vector<float> rows;  // of the window so far
  int64_t chunks = 0;       // likewise
  for (int64_t first = 0; first < frames; first += kFrames) {
    if (options.cancel != nullptr && options.cancel->load()) {
      return absl::CancelledError("cancelled");
    }
    RETURN_IF_ERROR(AddChunk(features, frames, first, &rows));
    const int64_t done = std::min(frames, first + kFrames);
    if (++chunks == window_chunks_ || done == frames) {
      RETURN_IF_ERROR(AddWindow(rows, &media->values));
      rows.clear();
      chunks = 0;
    }
    if (options.progress) options.progress(done, frames);
  }
  if (!AreFinite(media->values)) {
    return absl::InternalError("the encoder makes numbers of the sound that are not finite");
  }
  media->identity = base::HexOf(base::Sha256(absl::string_view(
      reinterpret_cast<const char*>(media->values.data()), media->values.size() * sizeof(float))));
  return media;
}

}  // namespace lluda::engine
