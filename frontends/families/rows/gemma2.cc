// Gemma 2: norms around attention and MLP, softcaps, a window in every other layer.
#include <cstdint>
#include <optional>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/gemma.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kOwnFields[] = {{"attn_logit_softcapping", FieldUse::kUsed}};
constexpr auto kFields = Joined(kGemmaFields, kOwnFields);

constexpr int64_t kDefaultWindow = 4096;
constexpr Defaults kDefaults = {256,  4,    1e-6, 10000, /*tied=*/true, 256000,
                                2304, 9216, 26,   8,     8192};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  RETURN_IF_ERROR(ReadGemma(fields, {50, 30}, decoder));
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, kDefaultWindow));
  return SetWindows(fields, window, [](int64_t layer) { return layer % 2 == 0; }, decoder);
}

}  // namespace

const Family kGemma2 = {"gemma2",  "Gemma2ForCausalLM", "Gemma2Model", kFields,
                        kDefaults, kAllRopeTypes,       Read,          /*windows=*/true};

}  // namespace lluda::frontends::families
