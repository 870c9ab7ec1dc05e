// Mixtral: Mistral with experts in all layers, as large as its MLP would be, and no window by default.
#include <cstdint>
#include <optional>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/experts.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kOwnFields[] = {
    {"sliding_window", FieldUse::kUsed},
    {"router_jitter_noise", FieldUse::kIgnored},
};
constexpr auto kFields = Joined(kOwnFields, kExpertFields);

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  ASSIGN_OR_RETURN(decoder::Experts experts, ReadExperts(fields, {8, 2}));
  experts.intermediate_size = decoder->intermediate_size;
  experts.renormalise = true;
  experts.names = decoder::ExpertNames::kNumbered;
  decoder->experts = experts;
  for (decoder::Layer& layer : decoder->layers) layer.experts = true;
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, std::nullopt));
  return SetWindows(fields, window, [](int64_t) { return true; }, decoder);
}

}  // namespace

const Family kMixtral = {"mixtral", "MixtralForCausalLM", "MixtralModel",
                         kFields,   {0, 8, 1e-5, 1e6},    kAllRopeTypes,
                         Read};

}  // namespace lluda::frontends::families
