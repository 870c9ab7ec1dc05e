// Gemma 3 with images, of which the text part is read.
#include "frontends/families/rows/gemma.h"
#include "frontends/families/rows/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"text_config", FieldUse::kUsed},          {"tie_word_embeddings", FieldUse::kRefused, "true"},
    {"vision_config", FieldUse::kIgnored},     {"mm_tokens_per_image", FieldUse::kIgnored},
    {"boi_token_index", FieldUse::kIgnored},   {"eoi_token_index", FieldUse::kIgnored},
    {"image_token_index", FieldUse::kIgnored},
};

}  // namespace

const Family kGemma3 =
    FamilyAround(kGemma3Text, "text_config", "gemma3", "Gemma3ForConditionalGeneration",
                 "Gemma3Model", kFields, kGemma3Defaults);

}  // namespace lluda::frontends::families
