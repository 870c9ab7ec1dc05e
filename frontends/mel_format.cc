#include "frontends/mel_format.h"

#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "frontends/field_table.h"
#include "media/log_mel.h"
#include "media/sound.h"

namespace lluda::frontends {
namespace {

// Fields of pictures may stand beside them; what is not here changes no feature.
constexpr FieldRow kFields[] = {
    {"feature_extractor_type", FieldUse::kRefused, "WhisperFeatureExtractor"},
    {"feature_size", FieldUse::kUsed},
    {"sampling_rate", FieldUse::kRefused, "16000"},
    {"n_fft", FieldUse::kRefused, "400"},
    {"hop_length", FieldUse::kRefused, "160"},
    {"dither", FieldUse::kRefused, "0"},
    {"padding_value", FieldUse::kRefused, "0"},
    {"do_normalize", FieldUse::kRefused, "false"},
};
static_assert(media::kSampleRate == 16000 && media::kFrameSamples == 400 &&
              media::kFrameStep == 160);

absl::Status CheckFeatures(const base::JsonObject& features, int64_t mel_bins) {
  RETURN_IF_ERROR(CheckFields(features, kFields, [](absl::string_view) { return false; }));
  if (!features.HasValue("feature_size")) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t bins, features.Int("feature_size", {1, 1 << 20}));
  if (bins == mel_bins) return absl::OkStatus();
  return features.FieldError("feature_size", absl::StrCat("must be the encoder's num_mel_bins, ",
                                                          mel_bins, ", is ", bins));
}

}  // namespace

absl::Status CheckMelFormat(const std::string& folder, int64_t mel_bins) {
  const auto own = base::JsonDocument::Load(absl::StrCat(folder, "/preprocessor_config.json"));
  if (own.ok()) return CheckFeatures(own->root(), mel_bins);
  if (!absl::IsNotFound(own.status())) return own.status();
  const auto joint = base::JsonDocument::Load(absl::StrCat(folder, "/processor_config.json"));
  if (absl::IsNotFound(joint.status())) return absl::OkStatus();
  if (!joint.ok()) return joint.status();
  if (!joint->root().HasValue("feature_extractor")) return absl::OkStatus();
  ASSIGN_OR_RETURN(const base::JsonObject features, joint->root().Object("feature_extractor"));
  return CheckFeatures(features, mel_bins);
}

}  // namespace lluda::frontends
