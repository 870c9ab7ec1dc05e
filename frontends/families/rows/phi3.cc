// Phi-3 and Phi-4-mini: q, k and v in one matrix, gate and up in another; a part of a head rotates.
#include <cstdint>
#include <optional>

#include "base/status_macros.h"
#include "frontends/families/config_reader.h"
#include "frontends/families/rows/rows.h"
#include "frontends/families/windows.h"

namespace lluda::frontends::families {
namespace {

constexpr FieldRow kFields[] = {
    {"partial_rotary_factor", FieldUse::kUsed},
    {"sliding_window", FieldUse::kUsed},
    {"resid_pdrop", FieldUse::kIgnored},
    {"embd_pdrop", FieldUse::kIgnored},
};

absl::Status Read(const base::JsonObject& fields, decoder::Decoder* decoder) {
  decoder->fused_projections = true;
  ASSIGN_OR_RETURN(const std::optional<int64_t> window, ReadWindow(fields, std::nullopt));
  return SetWindows(fields, window, [](int64_t) { return true; }, decoder);
}

}  // namespace

const Family kPhi3 = {"phi3",
                      "Phi3ForCausalLM",
                      "Phi3Model",
                      kFields,
                      {0, 0, 1e-5},
                      "default longrope su yarn",
                      Read,
                      /*windows=*/false,
                      {},
                      "longrope su yarn",
                      4096};

}  // namespace lluda::frontends::families
