// Qwen3-ASR: Qwen3 that hears. Its config nests: `thinker_config` has the text part and the encoder's
// config, which is that of Qwen3-Omni's ears.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/encoder/description.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/qwen3.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr char kAudioConfig[] = "audio_config";

constexpr FieldRow kFields[] = {
    {"thinker_config", FieldUse::kUsed},
    {"support_languages", FieldUse::kIgnored},
    {"tie_word_embeddings", FieldUse::kRefused, "true"},
};

constexpr FieldRow kThinkerFields[] = {
    {"text_config", FieldUse::kUsed},
    {kAudioConfig, FieldUse::kUsed},
    {"audio_token_id", FieldUse::kIgnored},
    {"audio_start_token_id", FieldUse::kIgnored},
    {"audio_end_token_id", FieldUse::kIgnored},
    {"tie_word_embeddings", FieldUse::kRefused, "true"},
    {"vision_config", FieldUse::kRefused, "", "images"},
};

// How positions in space and time are shared out among pairs. Those of text and sound are equal,
// whichever a pair turns by.
constexpr FieldRow kTextRopeFields[] = {
    {"mrope_section", FieldUse::kIgnored},
    {"mrope_interleaved", FieldUse::kIgnored},
    {"interleaved", FieldUse::kIgnored},  // how older files spell it
};

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

// Those of the text part.
constexpr Defaults kDefaults = {128, kRequired};

constexpr int64_t kMostWindowFrames = 100 * 1000;

absl::Status ReadThinker(const base::JsonObject& fields, decoder::Decoder* decoder) {
  ASSIGN_OR_RETURN(const base::JsonObject audio, fields.Object(kAudioConfig));
  RETURN_IF_ERROR(CheckFields(audio, kAudioFields, [](absl::string_view) { return false; }));
  encoder::AudioTower tower;
  for (const IntField& field : kSizes) {
    ASSIGN_OR_RETURN(tower.*field.member, audio.Int(field.key, {1, field.max}));
  }
  if (tower.hidden_size % 2 != 0 || tower.hidden_size % tower.heads != 0 || tower.hidden_size < 4) {
    return audio.FieldError(
        "d_model", absl::StrCat("must be even and a multiple of ", "encoder_attention_heads, ",
                                tower.heads, ", is ", tower.hidden_size));
  }
  if (tower.output_size != decoder->hidden_size) {
    return audio.FieldError(
        "output_dim", absl::StrCat("must be the text part's hidden_size, ", decoder->hidden_size,
                                   ", is ", tower.output_size));
  }
  ASSIGN_OR_RETURN(const int64_t frames, audio.Int("n_window_infer", {1, kMostWindowFrames}));
  if (frames % encoder::kChunkFrames != 0) {
    return audio.FieldError("n_window_infer", absl::StrCat("must be a multiple of ",
                                                           encoder::kChunkFrames, ", is ", frames));
  }
  tower.window_chunks = frames / encoder::kChunkFrames;
  decoder->audio = tower;
  decoder->family = kQwen3Asr.model_type;
  return absl::OkStatus();
}

}  // namespace

const Family kQwen3AsrText = {"qwen3",          "Qwen3ForCausalLM",
                              "Qwen3Model",     kQwen3Fields,
                              kDefaults,        kAllRopeTypes,
                              ReadQwen3,
                              /*windows=*/true, {},
                              "longrope",       0,
                              nullptr,          nullptr,
                              kTextRopeFields};

const Family kQwen3AsrThinker = {"qwen3_asr_thinker",
                                 "Qwen3ASRThinkerForConditionalGeneration",
                                 "Qwen3ASRThinkerForConditionalGeneration",
                                 kThinkerFields,
                                 kDefaults,
                                 kAllRopeTypes,
                                 ReadThinker,
                                 /*windows=*/false,
                                 {},
                                 "longrope",
                                 0,
                                 "text_config",
                                 &kQwen3AsrText};

const Family kQwen3Asr = {"qwen3_asr",
                          "Qwen3ASRForConditionalGeneration",
                          "Qwen3ASRForConditionalGeneration",
                          kFields,
                          kDefaults,
                          kAllRopeTypes,
                          nullptr,
                          /*windows=*/false,
                          {},
                          "longrope",
                          0,
                          "thinker_config",
                          &kQwen3AsrThinker};

}  // namespace lluda::frontends::families
