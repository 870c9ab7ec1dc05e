#include "codegen/cpu/matmul/blocks/block_dot.h"

#include "codegen/cpu/matmul/blocks/block_group.h"
#include "codegen/emit/block_values.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Elements that are decoded before the first of them is stored: what they share is then loaded once.
constexpr int64_t kDecodedAtOnce = 16;

// In blocks of at most so many elements each is decoded by code of its own, where it is multiplied.
constexpr int64_t kMostUnrolled = 32;

}  // namespace

bool MultipliesBlocks(ir::DType b) { return ir::EncodingOf(b).elements <= kMostUnrolled; }

std::vector<Value*> EmitBlockDot(Emitter& e, const BlockDot& dot, Value* a_row,
                                 const std::vector<Value*>& panels) {
  const ir::Encoding& encoding = ir::EncodingOf(dot.b);
  const Emitter::Carried zeros(panels.size(), e.ConstF32(0.0f, kLanes));
  return e.Loop(e.Const(0), e.Const(dot.depth_total), encoding.elements, zeros,
                [&](Value* k, const Emitter::Carried& before) {
                  Emitter::Carried sums = before;
                  std::vector<BlockValues> values;
                  for (Value* panel : panels) {
                    Value* group = BlockGroupAt(e, dot.b, panel, k);
                    PrefetchGroup(e, dot.b, group, dot.prefetch_bytes);
                    values.emplace_back(e, dot.b, group, kLanes, kLanes);
                  }
                  for (int64_t i = 0; i < encoding.elements; ++i) {
                    Value* address = e.Address(a_row, Integer(e, k) + i, dot.a);
                    Value* a = e.Splat(e.Load(address, dot.a, 1), kLanes);
                    for (size_t panel = 0; panel < panels.size(); ++panel) {
                      sums[panel] = e.MulAdd(a, values[panel].At(i), sums[panel]);
                    }
                  }
                  return sums;
                });
}

void EmitExpandPanel(Emitter& e, ir::DType b, int64_t depth_total, Value* from, Value* to) {
  const int64_t elements = ir::EncodingOf(b).elements;
  e.Loop(e.Const(0), e.Const(depth_total), elements, [&](Value* k) {
    Value* group = BlockGroupAt(e, b, from, k);
    for (int64_t first = 0; first < elements; first += kDecodedAtOnce) {
      BlockValues values(e, b, group, kLanes, kLanes);
      std::vector<Value*> columns;
      for (int64_t i = 0; i < kDecodedAtOnce; ++i) columns.push_back(values.At(first + i));
      for (int64_t i = 0; i < kDecodedAtOnce; ++i) {
        const Integer at = (Integer(e, k) + (first + i)) * kLanes;
        e.b().CreateAlignedStore(columns[static_cast<size_t>(i)],
                                 e.Address(to, at, ir::DType::kF32), llvm::Align(64));
      }
    }
  });
}

}  // namespace lluda::codegen
