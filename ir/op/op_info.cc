#include "ir/op/op_info.h"

#include <algorithm>
#include <iterator>

namespace lluda::ir {
namespace {

constexpr uint32_t kKeyAfter = KeyBit(AttrKey::kAfter);
constexpr uint32_t kKeyBase = KeyBit(AttrKey::kBase);
constexpr uint32_t kKeyBefore = KeyBit(AttrKey::kBefore);
constexpr uint32_t kKeyBy = KeyBit(AttrKey::kBy);
constexpr uint32_t kKeyEps = KeyBit(AttrKey::kEps);
constexpr uint32_t kKeyEpilogue = KeyBit(AttrKey::kEpilogue);
constexpr uint32_t kKeyMask = KeyBit(AttrKey::kMask);
constexpr uint32_t kKeyOut = KeyBit(AttrKey::kOut);
constexpr uint32_t kKeyRing = KeyBit(AttrKey::kRing);
constexpr uint32_t kKeyScale = KeyBit(AttrKey::kScale);
constexpr uint32_t kKeySoftcap = KeyBit(AttrKey::kSoftcap);
constexpr uint32_t kKeyStep = KeyBit(AttrKey::kStep);
constexpr uint32_t kKeyStride = KeyBit(AttrKey::kStride);
constexpr uint32_t kKeyStyle = KeyBit(AttrKey::kStyle);
constexpr uint32_t kKeyTile = KeyBit(AttrKey::kTile);
constexpr uint32_t kKeyValues = KeyBit(AttrKey::kValues);
constexpr uint32_t kKeyWindow = KeyBit(AttrKey::kWindow);

constexpr OpInfo kOps[] = {
#define LLUDA_OP(Enum, text, min, max, clause, at, keys) \
  {Opcode::Enum, text, min, max, Clause::clause, at, keys},
#include "ir/op/ops.def"
#undef LLUDA_OP
};
static_assert(std::size(kOps) == static_cast<size_t>(Opcode::kCount));

}  // namespace

absl::Span<const OpInfo> AllOps() { return kOps; }

const OpInfo& Info(Opcode opcode) { return kOps[static_cast<int>(opcode)]; }

std::optional<Opcode> OpcodeFromName(absl::string_view name) {
  const auto it =
      std::lower_bound(std::begin(kOps), std::end(kOps), name,
                       [](const OpInfo& op, absl::string_view n) { return op.name < n; });
  if (it == std::end(kOps) || it->name != name) return std::nullopt;
  return it->opcode;
}

}  // namespace lluda::ir
