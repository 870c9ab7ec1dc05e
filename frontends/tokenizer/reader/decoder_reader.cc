#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status_macros.h"
#include "frontends/tokenizer/reader/component.h"
#include "frontends/tokenizer/reader/json_file.h"
#include "frontends/tokenizer/reader/step_readers.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

absl::StatusOr<DecoderStep> ReadByteLevel(const base::JsonValue&) { return ByteLevelDecoding{}; }
absl::StatusOr<DecoderStep> ReadByteFallback(const base::JsonValue&) {
  return ByteFallbackDecoding{};
}
absl::StatusOr<DecoderStep> ReadFuse(const base::JsonValue&) { return FuseStep{}; }
absl::StatusOr<DecoderStep> ReadReplaceStep(const base::JsonValue& json) {
  return ReadReplace(json);
}

absl::StatusOr<DecoderStep> ReadStrip(const base::JsonValue& json) {
  StripStep step;
  ASSIGN_OR_RETURN(const std::string_view content, json.GetString("content"));
  step.content = std::string(content);
  ASSIGN_OR_RETURN(const base::JsonValue start, json.Get("start"));
  ASSIGN_OR_RETURN(step.start, ReadId(start));
  ASSIGN_OR_RETURN(const base::JsonValue stop_json, json.Get("stop"));
  ASSIGN_OR_RETURN(const int32_t stop, ReadId(stop_json));
  if (stop != 0)
    return stop_json.ErrorIn(Concat(stop, " is not supported: the end is not stripped"));
  return step;
}

absl::StatusOr<DecoderStep> ReadMetaspace(const base::JsonValue& json) {
  MetaspaceDecoding step;
  ASSIGN_OR_RETURN(const std::string_view replacement, json.GetString("replacement"));
  step.replacement = std::string(replacement);
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> scheme, json.GetOptional("prepend_scheme"));
  if (!scheme.has_value()) return step;
  ASSIGN_OR_RETURN(const std::string_view name, scheme->String());
  if (name != "always" && name != "first" && name != "never") {
    return scheme->ErrorIn(Concat(base::QuoteForMessage(name), " is not supported"));
  }
  step.strips_first = name != "never";
  return step;
}

struct Kind {
  std::string_view type;
  absl::StatusOr<DecoderStep> (*read)(const base::JsonValue& json);
};
constexpr Kind kKinds[] = {
    {"ByteLevel", ReadByteLevel}, {"Replace", ReadReplaceStep}, {"ByteFallback", ReadByteFallback},
    {"Fuse", ReadFuse},           {"Strip", ReadStrip},         {"Metaspace", ReadMetaspace}};

}  // namespace

absl::StatusOr<Decoder> ReadDecoder(const base::JsonValue& root) {
  Decoder result;
  RETURN_IF_ERROR(root.Get("decoder").status());
  ASSIGN_OR_RETURN(const auto steps, ReadComponent(root, "decoder", "decoders"));
  for (const ComponentStep& step : steps) {
    const Kind* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                    [&](const Kind& known) { return known.type == step.type; });
    if (kind == std::end(kKinds)) return step.Unsupported();
    ASSIGN_OR_RETURN(const DecoderStep read, kind->read(step.json));
    RETURN_IF_ERROR(step.InField(result.Add(read)));
  }
  return result;
}

}  // namespace lluda::tokenizer
