// Windows of attention: which layers have one, and how wide it is.
//
// Example: of a config whose sliding_window is 1024, every second layer.
//   ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, 4096));
//   return SetWindows(fields, window, [](int64_t layer) { return layer % 2 == 0; }, decoder);
#ifndef LLUDA_FRONTENDS_FAMILIES_WINDOWS_H_
#define LLUDA_FRONTENDS_FAMILIES_WINDOWS_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/json/json.h"
#include "frontends/decoder/description/description.h"
#include "frontends/field_table.h"

namespace lluda::frontends::families {

// What a layer's type is, and what transformers once called it: one of these.
inline constexpr char kFullAttention[] = "full_attention";
inline constexpr char kSlidingAttention[] = "sliding_attention";

// layer_types has an item for each layer, and none but full_attention and, if `windows`,
// sliding_attention.
absl::Status CheckLayerTypes(const base::JsonObject& fields, bool windows,
                             const decoder::Decoder& decoder);

// sliding_window. Null is none; absent is `absent`.
absl::StatusOr<std::optional<int64_t>> ReadWindow(const base::JsonObject& fields,
                                                  std::optional<int64_t> absent);

// Gives layers the window: those that layer_types calls sliding_attention, which must not be without one;
// where that is absent, those that `by_default` names, if there is a window. They become a kind of
// attention of their own, and rotate by the decoder's second rope if it has one. A window that no
// context exceeds is none, unless it comes with another rope.
absl::Status SetWindows(const base::JsonObject& fields, std::optional<int64_t> window,
                        const std::function<bool(int64_t layer)>& by_default,
                        decoder::Decoder* decoder);

// The windows of Qwen2 and Qwen3: of layers from max_window_layers on, where use_sliding_window is true.
inline constexpr FieldRow kLaterWindowFields[] = {
    {"use_sliding_window", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
    {"max_window_layers", FieldUse::kUsed},
};
absl::Status ReadLaterWindows(const base::JsonObject& fields, decoder::Decoder* decoder);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_WINDOWS_H_
