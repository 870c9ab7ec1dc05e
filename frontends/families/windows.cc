#include "frontends/families/windows.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "frontends/families/config_reader.h"

namespace lluda::frontends::families {
namespace {

using decoder::Attention;
using decoder::Decoder;

constexpr int64_t kMaxWindow = 1 << 30;
// What transformers takes for fields that are absent.
constexpr int64_t kDefaultMaxWindowLayers = 28;
constexpr int64_t kDefaultWindow = 4096;

// The kind that `kind` is but for the window.
size_t KindWithWindow(size_t kind, int64_t window, Decoder* decoder) {
  Attention wanted = decoder->attentions[kind];
  wanted.name += "_window";
  wanted.window = window;
  if (wanted.rope && decoder->ropes.size() > 1) wanted.rope = 1;
  std::vector<Attention>& kinds = decoder->attentions;
  const auto known = std::find_if(kinds.begin(), kinds.end(), [&](const Attention& other) {
    return other.name == wanted.name;
  });
  if (known != kinds.end()) return static_cast<size_t>(known - kinds.begin());
  kinds.push_back(std::move(wanted));
  return kinds.size() - 1;
}

void DropUnusedKinds(Decoder* decoder) {
  std::vector<Attention> used;
  for (size_t kind = 0; kind < decoder->attentions.size(); ++kind) {
    bool is_used = false;
    for (decoder::Layer& layer : decoder->layers) {
      if (layer.attention != kind) continue;
      is_used = true;
      layer.attention = used.size();
    }
    if (is_used) used.push_back(decoder->attentions[kind]);
  }
  decoder->attentions = std::move(used);
}

}  // namespace

absl::Status CheckLayerTypes(const base::JsonObject& fields, bool windows, const Decoder& decoder) {
  if (!fields.HasValue("layer_types")) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> layers, fields.Strings("layer_types"));
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string& name = layers[i];
    const bool is_known =
        name == kFullAttention || name == "attention" || (windows && name == kSlidingAttention);
    if (!is_known) return UnsupportedName(fields, absl::StrCat("layer_types[", i, "]"), name);
  }
  if (layers.size() == decoder.layers.size()) return absl::OkStatus();
  return fields.FieldError("layer_types",
                           absl::StrCat("must have an item for each of num_hidden_layers, ",
                                        decoder.layers.size(), ", has ", layers.size()));
}

absl::StatusOr<std::optional<int64_t>> ReadWindow(const base::JsonObject& fields,
                                                  std::optional<int64_t> absent) {
  if (!fields.Has("sliding_window")) return absent;
  if (!fields.HasValue("sliding_window")) return std::nullopt;
  ASSIGN_OR_RETURN(int64_t window, fields.Int("sliding_window", {1, kMaxWindow}));
  return window;
}

absl::Status SetWindows(const base::JsonObject& fields, std::optional<int64_t> window,
                        const std::function<bool(int64_t layer)>& by_default, Decoder* decoder) {
  std::vector<std::string> types;
  if (fields.HasValue("layer_types")) {
    ASSIGN_OR_RETURN(types, fields.Strings("layer_types"));
  }
  for (size_t i = 0; i < decoder->layers.size(); ++i) {
    const bool wanted =
        types.empty() ? by_default(static_cast<int64_t>(i)) : types[i] == kSlidingAttention;
    if (!wanted) continue;
    if (!window) {
      if (types.empty()) continue;
      return fields.FieldError(
          absl::StrCat("layer_types[", i, "]"),
          absl::StrCat("is '", kSlidingAttention, "', but the config gives windows no width"));
    }
    const bool sees_all = *window >= decoder->max_position_embeddings;
    if (sees_all && decoder->ropes.size() == 1) continue;
    size_t* kind = &decoder->layers[i].attention;
    *kind = KindWithWindow(*kind, *window, decoder);
  }
  DropUnusedKinds(decoder);
  return absl::OkStatus();
}

absl::Status ReadLaterWindows(const base::JsonObject& fields, Decoder* decoder) {
  bool on = false;
  RETURN_IF_ERROR(ReadBool(fields, "use_sliding_window", &on));
  if (!on) return SetWindows(fields, std::nullopt, [](int64_t) { return false; }, decoder);
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, kDefaultWindow));
  int64_t first = kDefaultMaxWindowLayers;
  RETURN_IF_ERROR(ReadInt(fields, "max_window_layers", {0, 1 << 30}, &first));
  return SetWindows(fields, window, [&](int64_t layer) { return layer >= first; }, decoder);
}

}  // namespace lluda::frontends::families
