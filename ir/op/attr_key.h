// The `{key = value}` attributes by name, in the order they are printed.
//
// Example: `{eps = 1e-06, style = half}` sets AttrKey::kEps and AttrKey::kStyle; an op whose keys are
// KeyBit(AttrKey::kEps) takes the first of them only.
#ifndef LLUDA_IR_OP_ATTR_KEY_H_
#define LLUDA_IR_OP_ATTR_KEY_H_

#include <cstdint>

namespace lluda::ir {

enum class AttrKey : uint8_t {
  kAfter,
  kBase,
  kBefore,
  kBy,
  kEpilogue,
  kEps,
  kMask,
  kOut,
  kRing,
  kScale,
  kSoftcap,
  kStep,
  kStride,
  kStyle,
  kTile,
  kValues,
  kWindow,
  kCount,
};

// AttrKey as a bit, so that a table row can name several.
constexpr uint32_t KeyBit(AttrKey key) { return 1u << static_cast<int>(key); }

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_ATTR_KEY_H_
