// Mistral, as far as it looks at all positions.
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"sliding_window", FieldUse::kUsed},
};

constexpr int64_t kDefaultWindow = 4096;
constexpr int64_t kMaxWindow = 1 << 30;

// A window that no context of the model exceeds is none. Null is none, absent is not.
absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  const bool is_absent = !fields.Has("sliding_window");
  if (!is_absent && !fields.HasValue("sliding_window")) return absl::OkStatus();
  int64_t window = kDefaultWindow;
  if (!is_absent) {
    ASSIGN_OR_RETURN(int64_t read, fields.Int("sliding_window", {1, kMaxWindow}));
    window = read;
  }
  if (window >= decoder->max_position_embeddings) return absl::OkStatus();
  return UnsupportedField(fields, "sliding_window",
                          absl::StrCat(window, is_absent ? ", as it is absent" : ""));
}

}  // namespace

const Family kMistral = {
    "mistral", "MistralForCausalLM", "MistralModel", kFields, {0, 8}, "default linear llama3",
    Read};

}  // namespace lluda::frontends::families
