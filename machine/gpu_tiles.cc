#include "machine/gpu_tiles.h"

#include "ir/type/encoding.h"

namespace lluda::machine {

bool HasTensorProduct(ir::DType a, ir::DType b, int64_t depth, int64_t head) {
  constexpr int64_t kDepth = 32;  // that a lane's reads of 8 elements come together to
  constexpr int64_t kNarrow = 64, kWide = 128;  // columns of tiles
  const bool blocks = ir::IsBlock(b);
  if (a != ir::DType::kBF16 || depth % kDepth != 0) return false;
  if (b != ir::DType::kBF16 && !blocks) return false;
  if (head == 0) return true;
  // Blocks of threads and heads are whole multiples of one another.
  return head % (blocks ? 16 : 8) == 0 &&
         (kNarrow % head == 0 || head == kWide || head % kWide == 0);
}

}  // namespace lluda::machine
