// Gemma 3: norms around attention and MLP, heads normalised, windows in most layers, which rotate by
// a base of their own. With images it is `gemma3`, whose text part is read.
#include <cstdint>
#include <optional>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/gemma.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kOwnTextFields[] = {
    {"sliding_window_pattern", FieldUse::kUsed},
    {"_sliding_window_pattern", FieldUse::kIgnored},
    {"rope_local_base_freq", FieldUse::kUsed},
};
constexpr auto kTextFields = Joined(kGemmaFields, kOwnTextFields);

constexpr FieldRow kFields[] = {
    {"text_config", FieldUse::kUsed},          {"tie_word_embeddings", FieldUse::kRefused, "true"},
    {"vision_config", FieldUse::kIgnored},     {"mm_tokens_per_image", FieldUse::kIgnored},
    {"boi_token_index", FieldUse::kIgnored},   {"eoi_token_index", FieldUse::kIgnored},
    {"image_token_index", FieldUse::kIgnored},
};

constexpr int64_t kDefaultWindow = 4096;
constexpr int64_t kDefaultPattern = 6;
constexpr Defaults kDefaults = {256,  4,    1e-6, 1e6, /*tied=*/true, 262208,
                                2304, 9216, 26,   8,   131072};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  RETURN_IF_ERROR(ReadGemma(fields, {}, decoder));
  decoder->qk_norm = decoder::QkNorm::kHead;
  int64_t pattern = kDefaultPattern;
  if (fields.HasValue("sliding_window_pattern")) {
    ASSIGN_OR_RETURN(pattern, fields.Int("sliding_window_pattern", {1, 1 << 30}));
  }
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, kDefaultWindow));
  return SetWindows(
      fields, window, [&](int64_t layer) { return (layer + 1) % pattern != 0; }, decoder);
}

}  // namespace

const Family kGemma3Text = {"gemma3_text",
                            "Gemma3ForCausalLM",
                            "Gemma3TextModel",
                            kTextFields,
                            kDefaults,
                            kAllRopeTypes,
                            Read,
                            /*windows=*/true,
                            {"rope_local_base_freq", 10000}};

const Family kGemma3 = {"gemma3",         "Gemma3ForConditionalGeneration",
                        "Gemma3Model",    kFields,
                        kDefaults,        kAllRopeTypes,
                        nullptr,
                        /*windows=*/true, {},
                        "longrope",       0,
                        "text_config",    &kGemma3Text};

}  // namespace lluda::frontends::families
