// Gemma 3: norms around attention and MLP, heads normalised, windows in most layers, which rotate by
// a base of their own.
#include <cstdint>
#include <optional>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/gemma.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kOwnFields[] = {
    // transformers has the field and does not cap: what a file means by it is not known.
    {"attn_logit_softcapping", FieldUse::kRefused},
    {"sliding_window_pattern", FieldUse::kUsed},
    {"_sliding_window_pattern", FieldUse::kIgnored},
    {"rope_local_base_freq", FieldUse::kUsed},
};
constexpr auto kFields = Joined(kGemmaFields, kOwnFields);

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  RETURN_IF_ERROR(ReadGemma(fields, {}, decoder));
  decoder->qk_norm = decoder::QkNorm::kHead;
  int64_t pattern = 6;
  RETURN_IF_ERROR(ReadInt(fields, "sliding_window_pattern", {1, 1 << 30}, &pattern));
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, 4096));
  const auto slides = [&](int64_t layer) { return (layer + 1) % pattern != 0; };
  return SetWindows(fields, window, slides, decoder);
}

}  // namespace

const Family kGemma3Text = {"gemma3_text", "Gemma3ForCausalLM", "Gemma3TextModel",
                            kFields,       kGemma3Defaults,     kAllRopeTypes,
                            Read,          /*windows=*/true,    {"rope_local_base_freq", 10000}};

}  // namespace lluda::frontends::families
