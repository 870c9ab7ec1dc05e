#include "frontends/families/audio_tower.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kAudioFields[] = {
    {"num_mel_bins", FieldUse::kUsed},
    {"downsample_hidden_size", FieldUse::kUsed},
    {"d_model", FieldUse::kUsed},
    {"encoder_layers", FieldUse::kUsed},
    {"encoder_attention_heads", FieldUse::kUsed},
    {"encoder_ffn_dim", FieldUse::kUsed},
    {"n_window_infer", FieldUse::kUsed},
    {"output_dim", FieldUse::kUsed},
    // The frames of half a chunk: a second's 13 rows are written into the processor.
    {"n_window", FieldUse::kRefused, "50"},
    {"scale_embedding", FieldUse::kRefused, "false"},
    {"activation_function", FieldUse::kRefused, "gelu"},
};

struct IntField {
  const char* key;
  int64_t encoder::AudioTower::* member;
  int64_t max;
};

constexpr IntField kSizes[] = {
    {"num_mel_bins", &encoder::AudioTower::mel_bins, 1 << 10},
    {"downsample_hidden_size", &encoder::AudioTower::conv_channels, 1 << 14},
    {"d_model", &encoder::AudioTower::hidden_size, 1 << 16},
    {"encoder_layers", &encoder::AudioTower::layers, 1 << 12},
    {"encoder_attention_heads", &encoder::AudioTower::heads, 1 << 12},
    {"encoder_ffn_dim", &encoder::AudioTower::intermediate_size, 1 << 18},
    {"output_dim", &encoder::AudioTower::output_size, 1 << 18},
};

constexpr int64_t kMostWindowFrames = 100 * 1000;

}  // namespace

absl::StatusOr<encoder::AudioTower> ReadAudioTower(const base::JsonObject& audio,
                                                   int64_t hidden_size) {
  RETURN_IF_ERROR(CheckFields(audio, kAudioFields, [](absl::string_view) { return false; }));
  encoder::AudioTower tower;
  for (const IntField& field : kSizes) {
    ASSIGN_OR_RETURN(tower.*field.member, audio.Int(field.key, {1, field.max}));
  }
  if (tower.hidden_size % 2 != 0 || tower.hidden_size % tower.heads != 0 || tower.hidden_size < 4) {
    return audio.FieldError("d_model",
                            absl::StrCat("must be even and a multiple of encoder_attention_heads, ",
                                         tower.heads, ", is ", tower.hidden_size));
  }
  if (tower.output_size != hidden_size) {
    return audio.FieldError("output_dim", absl::StrCat("must be the text part's hidden_size, ",
                                                       hidden_size, ", is ", tower.output_size));
  }
  ASSIGN_OR_RETURN(const int64_t frames, audio.Int("n_window_infer", {1, kMostWindowFrames}));
  if (frames % encoder::kChunkFrames != 0) {
    return audio.FieldError("n_window_infer", absl::StrCat("must be a multiple of ",
                                                           encoder::kChunkFrames, ", is ", frames));
  }
  tower.window_chunks = frames / encoder::kChunkFrames;
  return tower;
}

}  // namespace lluda::frontends::families
