// Qwen3-ASR: Qwen3 that hears. Its config nests: `thinker_config` has the text part and the encoder's
// config, which is that of Qwen3-Omni's ears.
#include "base/status_macros.h"
#include "frontends/families/audio_tower.h"
#include "frontends/families/rows/qwen3.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr char kThinkerArchitecture[] = "Qwen3ASRThinkerForConditionalGeneration";
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

// Those of the text part.
constexpr Defaults kDefaults = {128, kRequired};

absl::Status ReadThinker(const base::JsonObject& fields, decoder::Decoder* decoder) {
  ASSIGN_OR_RETURN(const base::JsonObject audio, fields.Object(kAudioConfig));
  ASSIGN_OR_RETURN(decoder->audio, ReadAudioTower(audio, decoder->hidden_size));
  decoder->family = kQwen3Asr.model_type;
  return absl::OkStatus();
}

constexpr Family MakeText() {
  Family family{"qwen3",   "Qwen3ForCausalLM", "Qwen3Model", kQwen3Fields,
                kDefaults, kAllRopeTypes,      ReadQwen3,    /*windows=*/true};
  family.rope_fields = kTextRopeFields;
  return family;
}

constexpr Family MakeThinker() {
  Family family =
      FamilyAround(kQwen3AsrText, "text_config", "qwen3_asr_thinker", kThinkerArchitecture,
                   kThinkerArchitecture, kThinkerFields, kDefaults);
  family.read = ReadThinker;
  return family;
}

}  // namespace

const Family kQwen3AsrText = MakeText();
const Family kQwen3AsrThinker = MakeThinker();
const Family kQwen3Asr = FamilyAround(kQwen3AsrThinker, "thinker_config", "qwen3_asr",
                                      "Qwen3ASRForConditionalGeneration",
                                      "Qwen3ASRForConditionalGeneration", kFields, kDefaults);

}  // namespace lluda::frontends::families
