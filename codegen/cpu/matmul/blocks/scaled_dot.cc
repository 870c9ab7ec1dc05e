#include "codegen/cpu/matmul/blocks/scaled_dot.h"

#include "base/align.h"
#include "codegen/cpu/matmul/blocks/block_bytes.h"
#include "codegen/cpu/matmul/blocks/block_group.h"
#include "codegen/cpu/matmul/blocks/block_pairs.h"
#include "codegen/cpu/matmul/blocks/step_of_panel.h"
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

// Stores the scale, and the term if there is one, of the step that begins with element `first` of the
// blocks at `group`, as those of step `to_step` of a panel.
void StoreScale(Emitter& e, ir::DType b, Value* group, int64_t first, Value* to_step,
                const ScaledPanel& to) {
  BlockValues values(e, b, group, kLanes, kLanes);
  const auto store = [&](Value* value, Value* base) {
    e.b().CreateAlignedStore(value, VectorAt(e, base, to_step), kLine);
  };
  store(values.Scale(first), to.scales);
  if (to.terms != nullptr) store(values.Term(first), to.terms);
}

// Adds the step whose first element is `k` to the panels' sums.
void AddStep(Emitter& e, ir::DType b, const WidenedRow& row, const Integer& k,
             const std::vector<StepOfPanel>& panels, Emitter::Carried* sums) {
  const auto number = [&](Value* base, Value* at) {
    Value* x = e.Load(e.Address(base, at, ir::DType::kF32), ir::DType::kF32, 1);
    return e.Splat(x, kLanes);
  };
  std::vector<Chains> chains(panels.size(), Chains(e, kLanes));
  for (int64_t i = 0; i < StepOf(b); ++i) {
    Value* a = number(row.elements, k + i);
    for (size_t panel = 0; panel < panels.size(); ++panel) {
      Value*& sum = chains[panel].Of(i);
      sum = e.MulAdd(panels[panel].numbers(i), a, sum);
    }
  }
  Value* ones = row.sums == nullptr ? nullptr : number(row.sums, k / StepOf(b));
  for (size_t panel = 0; panel < panels.size(); ++panel) {
    Value*& sum = (*sums)[panel];
    sum = e.MulAdd(chains[panel].Total(), panels[panel].scale(), sum);
    if (ones != nullptr) sum = e.MulAdd(panels[panel].term(), ones, sum);
  }
}

// Elements of a panel that are decoded before the first of them is multiplied, where K has as many.
constexpr int64_t kDecodedAtOnce = 256;

// A few blocks of a panel in memory, as a panel whose numbers are bytes.
class DecodedPanel {
 public:
  DecodedPanel(Emitter& e, ir::DType b, int64_t depth_total, Value* base)
      : e_(e), b_(b), elements_(Elements(b, depth_total)) {
    const auto at = [&](int64_t byte) { return e.Address(base, e.Const(byte), ir::DType::kI8); };
    const int64_t scales = elements_ * kLanes;
    to_ = {base, at(scales), HasTerm(b) ? at(scales + ScaleBytes(b, elements_)) : nullptr};
  }

  // So many elements at a time, whole blocks, of which K is a multiple.
  static int64_t Elements(ir::DType b, int64_t depth_total) {
    int64_t elements = ir::EncodingOf(b).elements;
    while (elements < kDecodedAtOnce && depth_total % (2 * elements) == 0) elements *= 2;
    return elements;
  }
  static int64_t Bytes(ir::DType b, int64_t depth_total) {
    const int64_t elements = Elements(b, depth_total);
    return elements * kLanes + (HasTerm(b) ? 2 : 1) * ScaleBytes(b, elements);
  }

  // The blocks at `group` and behind.
  void Decode(Value* group) const {
    const ir::Encoding& encoding = ir::EncodingOf(b_);
    e_.Loop(e_.Const(0), e_.Const(elements_), encoding.elements,
            [&](Value* first) { DecodeBlock(BlockGroupAt(e_, b_, group, first), first); });
  }

  // Asks for a step's share of what lies `ahead` bytes behind the blocks at `group`; 0: for nothing.
  void Prefetch(Value* group, const Integer& first, int64_t ahead) const {
    if (ahead == 0) return;
    const ir::Encoding& encoding = ir::EncodingOf(b_);
    const int64_t share = encoding.bytes * kLanes * StepOf(b_) / encoding.elements;
    Value* begin = e_.Address(group, first / StepOf(b_) * share, ir::DType::kI8);
    for (int64_t at = 0; at < share; at += base::kCacheLine) e_.Prefetch(begin, ahead + at);
  }

  // The step whose first element is `first`, counted from the first block's.
  StepOfPanel Step(const Integer& first) const {
    const auto vector = [this, first](Value* base) {
      return e_.b().CreateAlignedLoad(e_.F32(kLanes), VectorAt(e_, base, first / StepOf(b_)),
                                      kLine);
    };
    const auto number = [this, first](int64_t i) {
      Value* bytes =
          e_.b().CreateAlignedLoad(e_.Int(8, kLanes), ByteAt(first + i), llvm::Align(16));
      return e_.b().CreateSIToFP(bytes, e_.F32(kLanes));
    };
    return {number, [=] { return vector(to_.scales); }, [=] { return vector(to_.terms); }};
  }

 private:
  Value* ByteAt(const Integer& element) const {
    return e_.Address(to_.numbers, element * kLanes, ir::DType::kI8);
  }

  void DecodeBlock(Value* group, Value* begin) const {
    const int64_t elements = ir::EncodingOf(b_).elements, of_step = StepOf(b_);
    for (int64_t first = 0; first < elements; first += of_step) {
      const Integer at = Integer(e_, begin) + first;
      // What was loaded is kept for a step: registers have no room for more.
      BlockBytes bytes(e_, b_, group);
      for (int64_t i = 0; i < of_step; i += BlockBytes::kElements) {
        e_.b().CreateAlignedStore(bytes.Numbers(first + i), ByteAt(at + i), kLine);
      }
      StoreScale(e_, b_, group, first, at / of_step, to_);
    }
  }

  Emitter& e_;
  const ir::DType b_;
  const int64_t elements_;
  ScaledPanel to_;
};

std::vector<Value*> EmitDecodedDot(Emitter& e, const ScaledDot& dot, const WidenedRow& row,
                                   const std::vector<Value*>& panels) {
  const int64_t elements = DecodedPanel::Elements(dot.b, dot.depth_total);
  std::vector<DecodedPanel> decoded;
  for (size_t i = 0; i < panels.size(); ++i) {
    const int64_t at = static_cast<int64_t>(i) * DecodedPanel::Bytes(dot.b, dot.depth_total);
    decoded.emplace_back(e, dot.b, dot.depth_total,
                         e.Address(dot.decoded, e.Const(at), ir::DType::kI8));
  }
  const auto add_step = [&](const Integer& k, Value* first, Emitter::Carried sums) {
    std::vector<StepOfPanel> steps;
    for (size_t i = 0; i < panels.size(); ++i) {
      decoded[i].Prefetch(BlockGroupAt(e, dot.b, panels[i], k), {e, first}, dot.prefetch_bytes);
      steps.push_back(decoded[i].Step({e, first}));
    }
    AddStep(e, dot.b, row, k + first, steps, &sums);
    return sums;
  };
  const Emitter::Carried zeros(panels.size(), e.ConstF32(0.0f, kLanes));
  return e.Loop(e.Const(0), e.Const(dot.depth_total), elements, zeros,
                [&](Value* k, const Emitter::Carried& before) {
                  for (size_t i = 0; i < panels.size(); ++i) {
                    decoded[i].Decode(BlockGroupAt(e, dot.b, panels[i], k));
                  }
                  return e.Loop(e.Const(0), e.Const(elements), StepOf(dot.b), before,
                                [&](Value* first, const Emitter::Carried& sums) {
                                  return add_step({e, k}, first, sums);
                                });
                });
}

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
      BlockPairs pairs(e, b, group);
      StoreScale(e, b, group, first, (Integer(e, k) + first) / of_step, to);
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

int64_t DecodedBytes(ir::DType b, int64_t depth_total) {
  return PartsOf(b).several ? DecodedPanel::Bytes(b, depth_total) : 0;
}

std::vector<Value*> EmitScaledDot(Emitter& e, const ScaledDot& dot, const WidenedRow& row,
                                  const std::vector<Value*>& panels) {
  if (PartsOf(dot.b).several) return EmitDecodedDot(e, dot, row, panels);
  const int64_t elements = ir::EncodingOf(dot.b).elements;
  const Emitter::Carried zeros(panels.size(), e.ConstF32(0.0f, kLanes));
  return e.Loop(e.Const(0), e.Const(dot.depth_total), elements, zeros,
                [&](Value* block, const Emitter::Carried& before) {
                  Emitter::Carried sums = before;
                  for (int64_t first = 0; first < elements; first += StepOf(dot.b)) {
                    const Integer k = Integer(e, block) + first;
                    std::vector<BlockValues> values;
                    for (Value* panel : panels) {
                      Value* group = BlockGroupAt(e, dot.b, panel, block);
                      PrefetchShare(e, dot.b, group, first, first + StepOf(dot.b),
                                    dot.prefetch_bytes);
                      values.emplace_back(e, dot.b, group, kLanes, kLanes);
                    }
                    std::vector<StepOfPanel> steps;
                    for (BlockValues& of_panel : values) {
                      steps.push_back({[&, first](int64_t i) { return of_panel.Number(first + i); },
                                       [&, first] { return of_panel.Scale(first); },
                                       [&, first] { return of_panel.Term(first); }});
                    }
                    AddStep(e, dot.b, row, k, steps, &sums);
                  }
                  return sums;
                });
}

}  // namespace lluda::codegen
