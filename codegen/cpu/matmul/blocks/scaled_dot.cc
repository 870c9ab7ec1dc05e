#include "codegen/cpu/matmul/blocks/scaled_dot.h"

#include "base/align.h"
#include "codegen/cpu/matmul/blocks/block_group.h"
#include "codegen/cpu/matmul/blocks/block_pairs.h"
#include "codegen/emit/block_values.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

const llvm::Align kLine(base::kCacheLine);

Value* VectorAt(Emitter& e, Value* base, Value* number) {
  return e.Address(base, Integer(e, number) * kLanes, ir::DType::kF32);
}

// The products of a step's elements, or the elements, in two chains.
class Chains {
 public:
  Chains(Emitter& e, int lanes) : e_(e), sums_{e.ConstF32(0, lanes), e.ConstF32(0, lanes)} {}
  Value*& Of(int64_t i) { return sums_[i % 2]; }
  Value* Total() { return e_.b().CreateFAdd(sums_[0], sums_[1]); }

 private:
  Emitter& e_;
  Value* sums_[2];
};

}  // namespace

const TileRow* ScaledTile(const Target& target, ir::DType a, ir::DType b) {
  return ir::IsBlock(b) && a == ir::DType::kBF16 ? machine::FindScaledTile(target.isa) : nullptr;
}

int64_t StepOf(ir::DType b) { return ir::BlockFormatOf<BlockValues>(b).scaled; }
bool HasTerm(ir::DType b) { return ir::BlockFormatOf<BlockValues>(b).has_term(); }

int64_t ScaleBytes(ir::DType b, int64_t depth_total) {
  return ir::BytesOf(ir::DType::kF32, depth_total / StepOf(b) * kLanes);
}

void EmitExpandScaled(Emitter& e, ir::DType b, int64_t depth_total, Value* from,
                      const ScaledPanel& to) {
  const int64_t elements = ir::EncodingOf(b).elements, of_step = StepOf(b);
  e.Loop(e.Const(0), e.Const(depth_total), elements, [&](Value* k) {
    Value* group = BlockGroupAt(e, b, from, k);
    for (int64_t first = 0; first < elements; first += of_step) {
      BlockValues values(e, b, group, kLanes, kLanes);
      BlockPairs pairs(e, b, group);
      const Integer step = (Integer(e, k) + first) / of_step;
      const auto store = [&](Value* value, Value* base) {
        e.b().CreateAlignedStore(value, VectorAt(e, base, step), kLine);
      };
      store(values.Scale(first), to.scales);
      if (to.terms != nullptr) store(values.Term(first), to.terms);
      for (int64_t i = 0; i < of_step; i += 2) {
        const Integer pair = (Integer(e, k) + (first + i)) / 2;
        e.b().CreateAlignedStore(pairs.Numbers(first + i), VectorAt(e, to.numbers, pair), kLine);
      }
    }
  });
}

void EmitWidenRow(Emitter& e, ir::DType dtype, int64_t depth_total, Value* row,
                  const WidenedRow& to) {
  auto& b = e.b();
  const int64_t of_step = StepOf(dtype);
  Value* exponent = e.ConstInt(0x7F800000, 32, kLanes);
  Value* none = e.ConstInt(0, 32, kLanes);
  const auto element = [&](Value* k) { return e.Address(to.elements, k, ir::DType::kF32); };
  e.Loop(e.Const(0), e.Const(depth_total), kLanes, [&](Value* k) {
    Value* wide = e.Load(e.Address(row, k, ir::DType::kBF16), ir::DType::kBF16, kLanes);
    Value* bits = b.CreateBitCast(wide, e.Int(32, kLanes));
    Value* is_normal = b.CreateICmpNE(b.CreateAnd(bits, exponent), none);
    b.CreateAlignedStore(b.CreateSelect(is_normal, wide, e.ConstF32(0, kLanes)), element(k), kLine);
  });
  if (to.sums == nullptr) return;
  e.Loop(e.Const(0), e.Const(depth_total / of_step), 1, [&](Value* step) {
    Chains chains(e, 1);
    for (int64_t i = 0; i < of_step; ++i) {
      Value* x = e.Load(element(Integer(e, step) * of_step + i), ir::DType::kF32, 1);
      chains.Of(i) = b.CreateFAdd(chains.Of(i), x);
    }
    b.CreateAlignedStore(chains.Total(), e.Address(to.sums, step, ir::DType::kF32), llvm::Align(4));
  });
}

std::vector<Value*> EmitScaledDot(Emitter& e, const ScaledDot& dot, const WidenedRow& row,
                                  const std::vector<Value*>& panels) {
  const ir::Encoding& encoding = ir::EncodingOf(dot.b);
  const int64_t of_step = StepOf(dot.b);
  const Emitter::Carried zeros(panels.size(), e.ConstF32(0.0f, kLanes));
  const auto number = [&](Value* base, Value* at) {
    Value* x = e.Load(e.Address(base, at, ir::DType::kF32), ir::DType::kF32, 1);
    return e.Splat(x, kLanes);
  };
  return e.Loop(e.Const(0), e.Const(dot.depth_total), encoding.elements, zeros,
                [&](Value* block, const Emitter::Carried& before) {
                  Emitter::Carried sums = before;
                  std::vector<Value*> groups;
                  for (Value* panel : panels) {
                    groups.push_back(BlockGroupAt(e, dot.b, panel, block));
                  }
                  for (int64_t first = 0; first < encoding.elements; first += of_step) {
                    const Integer k = Integer(e, block) + first;
                    std::vector<BlockValues> values;
                    std::vector<Chains> chains;
                    for (Value* group : groups) {
                      PrefetchShare(e, dot.b, group, first, first + of_step, dot.prefetch_bytes);
                      values.emplace_back(e, dot.b, group, kLanes, kLanes);
                      chains.emplace_back(e, kLanes);
                    }
                    for (int64_t i = 0; i < of_step; ++i) {
                      Value* a = number(row.elements, k + i);
                      for (size_t panel = 0; panel < panels.size(); ++panel) {
                        Value*& sum = chains[panel].Of(i);
                        sum = e.MulAdd(values[panel].Number(first + i), a, sum);
                      }
                    }
                    Value* ones = row.sums == nullptr ? nullptr : number(row.sums, k / of_step);
                    for (size_t panel = 0; panel < panels.size(); ++panel) {
                      Value*& sum = sums[panel];
                      sum = e.MulAdd(chains[panel].Total(), values[panel].Scale(first), sum);
                      if (ones != nullptr) sum = e.MulAdd(values[panel].Term(first), ones, sum);
                    }
                  }
                  return sums;
                });
}

}  // namespace lluda::codegen
