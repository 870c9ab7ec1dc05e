#include "codegen/emit/block_quantiser.h"

#include "codegen/emit/block_access.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/searched_blocks.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"
#include "llvm/IR/Intrinsics.h"

namespace lluda::codegen {
namespace {

// How blocks of a format, of 32 elements, are found: ir/type/blocks.cc has the same in numbers.
struct Quantiser {
  ir::DType dtype;
  int bits;
  bool has_minimum;
  float divisor;   // of the largest magnitude, the largest element or the range
  bool by_signed;  // the first of the largest magnitude, with its sign
  float rounding;
  // d is an f32, and integers are the nearest ones, of two the even one.
  bool is_wide = false;
};
constexpr Quantiser kQuantisers[] = {
    {ir::DType::kQ8_0, 8, false, 127, false, 0},
    {ir::DType::kQ4_0, 4, false, -8, true, 8.5f},
    {ir::DType::kQ4_1, 4, true, 15, false, 0.5f},
    {ir::DType::kQ5_0, 5, false, -16, true, 16.5f},
    {ir::DType::kQ5_1, 5, true, 31, false, 0.5f},
    {ir::DType::kQ8F32, 8, false, 127, false, 0, true},
};

// Writes the block of 32 numbers, two vectors of them.
class BlockQuantiser {
 public:
  BlockQuantiser(Emitter& e, const Quantiser& quantiser) : e_(e), b_(e.b()), q_(quantiser) {}

  void Emit(Value* low, Value* high, Value* to) {
    Value* least = e_.ConstF32(0, 1);
    Value* d = nullptr;
    if (q_.has_minimum) {
      least = Smallest(low, high);
      Value* range = b_.CreateFSub(e_.MaxLanes(e_.Max(low, high)), least);
      d = Divided(range);
    } else {
      Value* magnitude = e_.MaxLanes(e_.Max(Magnitude(low), Magnitude(high)));
      d = Divided(q_.by_signed ? WithSignOfFirst(low, high, magnitude) : magnitude);
    }
    Value* zero = e_.ConstF32(0, 1);
    Value* inverse =
        b_.CreateSelect(b_.CreateFCmpUNE(d, zero), b_.CreateFDiv(e_.ConstF32(1, 1), d), zero);
    if (q_.is_wide) {
      b_.CreateAlignedStore(d, to, llvm::Align(1));
    } else {
      StoreHalf(d, to, 0);
    }
    if (q_.has_minimum) StoreHalf(least, to, 2);
    const int64_t integers = q_.has_minimum || q_.is_wide ? 4 : 2;
    const auto whole = [&](Value* x) {
      if (q_.has_minimum) x = b_.CreateFSub(x, e_.Splat(least, kLanes));
      return Whole(b_.CreateFMul(x, e_.Splat(inverse, kLanes)));
    };
    Value* const numbers[] = {whole(low), whole(high)};
    if (q_.bits == 8) {
      StoreBytes(numbers[0], to, integers);
      StoreBytes(numbers[1], to, integers + kLanes);
      return;
    }
    if (q_.bits == 5) StoreFifthBits(numbers, to, integers);
    Value* fifteen = e_.ConstInt(15, 32, kLanes);
    Value* upper = b_.CreateShl(b_.CreateAnd(numbers[1], fifteen), 4);
    StoreBytes(b_.CreateOr(b_.CreateAnd(numbers[0], fifteen), upper), to,
               integers + (q_.bits == 5 ? 4 : 0));
  }

 private:
  Value* Divided(Value* x) { return b_.CreateFDiv(x, e_.ConstF32(q_.divisor, 1)); }

  Value* Magnitude(Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }

  Value* Smallest(Value* low, Value* high) {
    Value* negative = e_.MaxLanes(e_.Max(b_.CreateFNeg(low), b_.CreateFNeg(high)));
    return b_.CreateFNeg(negative);
  }

  // The first of the 32 numbers that has this magnitude, which the largest have.
  Value* WithSignOfFirst(Value* low, Value* high, Value* magnitude) {
    const auto mask = [&](Value* x) {
      Value* equal = b_.CreateFCmpOEQ(Magnitude(x), e_.Splat(magnitude, kLanes));
      return b_.CreateZExt(b_.CreateBitCast(equal, b_.getInt16Ty()), b_.getInt32Ty());
    };
    const auto signs = [&](Value* x) {
      Value* negative = b_.CreateFCmpOLT(x, e_.ConstF32(0, kLanes));
      return b_.CreateZExt(b_.CreateBitCast(negative, b_.getInt16Ty()), b_.getInt32Ty());
    };
    Value* where = b_.CreateOr(mask(low), b_.CreateShl(mask(high), 16));
    Value* negative = b_.CreateOr(signs(low), b_.CreateShl(signs(high), 16));
    // The lowest bit that is set.
    Value* first = b_.CreateAnd(where, b_.CreateNeg(where));
    Value* is_negative = b_.CreateICmpNE(b_.CreateAnd(negative, first), b_.getInt32(0));
    return b_.CreateSelect(is_negative, b_.CreateFNeg(magnitude), magnitude);
  }

  // Of numbers this large the last bit is worth 1: the sum is a whole number, of two the even one.
  Value* Nearest(Value* x) {
    Value* large = e_.ConstF32(0x1.8p23f, kLanes);
    x = b_.CreateFSub(b_.CreateFAdd(Limited(x, -127, 127), large), large);
    return b_.CreateFPToSI(x, e_.Int(32, kLanes));
  }

  Value* Limited(Value* x, float least, float most) {
    Value* limit = e_.ConstF32(most, kLanes);
    x = b_.CreateSelect(b_.CreateFCmpOLT(x, limit), x, limit);
    limit = e_.ConstF32(least, kLanes);
    return b_.CreateSelect(b_.CreateFCmpOGT(x, limit), x, limit);
  }

  // Limits before the cut, so that what is no number is cut to one, too.
  Value* Whole(Value* x) {
    float least = 0, most = static_cast<float>((1 << q_.bits) - 1);
    if (q_.is_wide) return Nearest(x);
    if (q_.bits == 8) {
      // To nearest, halves away from zero: of what is just below 0.5 the sum stays below 1.
      Value* sign = e_.ConstF32(0x1.fffffep-2f, kLanes);
      x = b_.CreateFAdd(x, b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, sign, x));
      least = -127;
      most = 127;
    } else {
      x = b_.CreateFAdd(x, e_.ConstF32(q_.rounding, kLanes));
    }
    return b_.CreateFPToSI(Limited(x, least, most), e_.Int(32, kLanes));
  }

  Value* At(Value* to, int64_t bytes) { return e_.Address(to, e_.Const(bytes), ir::DType::kI8); }

  void StoreHalf(Value* value, Value* to, int64_t bytes) {
    Value* bits = b_.CreateTrunc(e_.F32ToF16Bits(value), b_.getInt16Ty());
    b_.CreateAlignedStore(bits, At(to, bytes), llvm::Align(1));
  }

  void StoreBytes(Value* numbers, Value* to, int64_t bytes) {
    b_.CreateAlignedStore(b_.CreateTrunc(numbers, e_.Int(8, kLanes)), At(to, bytes),
                          llvm::Align(1));
  }

  void StoreFifthBits(Value* const (&numbers)[2], Value* to, int64_t bytes) {
    for (int part = 0; part < 2; ++part) {
      Value* set = b_.CreateICmpUGE(numbers[part], e_.ConstInt(16, 32, kLanes));
      b_.CreateAlignedStore(b_.CreateBitCast(set, b_.getInt16Ty()), At(to, bytes + 2 * part),
                            llvm::Align(1));
    }
  }

  Emitter& e_;
  llvm::IRBuilder<>& b_;
  const Quantiser& q_;
};

const Quantiser* FindQuantiser(ir::DType dtype) {
  for (const Quantiser& row : kQuantisers) {
    if (row.dtype == dtype) return &row;
  }
  return nullptr;
}

bool HasImportance(const KernelSpec& spec) { return spec.operands.size() > 1; }

}  // namespace

absl::Status CheckQuantises(const KernelSpec& spec) {
  const std::string& along = BlockAxis(spec.result).name;
  if (!IsContiguous(spec.operands[0], along)) return NoKernel(spec, "rows are not contiguous");
  if (!IsSearched(spec.result.dtype) && FindQuantiser(spec.result.dtype) == nullptr) {
    return NoKernel(spec, "there is no quantiser for it");
  }
  if (HasImportance(spec) && !IsContiguous(spec.operands[1], along)) {
    return NoKernel(spec, "the importances are not contiguous");
  }
  return absl::OkStatus();
}

void EmitQuantisedBlock(Emitter& e, const KernelSpec& spec, const Indices& at) {
  const TensorSpec& from = spec.operands[0];
  const ir::DType dtype = spec.result.dtype;
  const Integer first(e, ElementOffset(e, from, at));
  const LoadLanes load = [&](int64_t i) {
    return e.Load(e.Address(e.Buffer(0), first + i, from.dtype), from.dtype, kLanes);
  };
  const auto result_buffer = static_cast<int>(spec.operands.size());
  Value* to = BlockAt(e, spec.result, e.Buffer(result_buffer), at).address;
  if (!IsSearched(dtype)) {
    return BlockQuantiser(e, *FindQuantiser(dtype)).Emit(load(0), load(kLanes), to);
  }
  const Integer column(e,
                       HasImportance(spec) ? ElementOffset(e, spec.operands[1], at) : e.Const(0));
  const LoadLanes importance = [&](int64_t i) {
    return e.Load(e.Address(e.Buffer(1), column + i, ir::DType::kF32), ir::DType::kF32, kLanes);
  };
  EmitSearchedBlock(e, dtype, load, HasImportance(spec) ? importance : LoadLanes(), to);
}

}  // namespace lluda::codegen
