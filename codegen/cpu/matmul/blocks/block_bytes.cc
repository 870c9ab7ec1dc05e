#include "codegen/cpu/matmul/blocks/block_bytes.h"

#include <algorithm>
#include <vector>

#include "glog/logging.h"
#include "llvm/ADT/bit.h"
#include "llvm/IR/Constants.h"

namespace lluda::codegen {
namespace {

constexpr int kBytes = BlockBytes::kElements * kLanes;

// The Machine of block_formats.h that only looks at how a number comes about.
struct Parts {
  struct Int {
    NumberParts is;

    Int operator&(int o) const {
      const int bits = llvm::bit_width(static_cast<unsigned>(o));
      return {{true, std::min(is.bits, bits), is.less}};
    }
    Int operator|(Int o) const { return {{true, std::max(is.bits, o.is.bits), is.less}}; }
    Int operator<<(int o) const { return {{true, is.bits + o, is.less}}; }
    Int operator>>(int o) const { return {{true, is.bits - o, is.less}}; }
    Int operator-(int o) const { return {{true, is.bits, o}}; }
  };
  using Real = Int;

  Int Byte(int64_t /*at*/) { return {{false, 8, 0}}; }
  Int SignedByte(int64_t at) { return Byte(at); }
  Real ToReal(Int value) { return value; }
  Real Nibble(Int /*bits*/, int less) { return {{false, 4, less}}; }
  Real Pick(const int8_t (&)[16], Int /*bits*/) { return {{false, 4, 0}}; }
  Real E4M3(Int byte) { return byte; }
  Int FifthBit(int64_t /*at*/, int64_t /*i*/) { return {{true, 5, 0}}; }
};

}  // namespace

NumberParts PartsOf(ir::DType dtype) {
  Parts parts;
  return ir::BlockNumberOf<Parts>(dtype)(parts, 0).is;
}

BlockBytes::BlockBytes(Emitter& e, ir::DType dtype, Value* group)
    : e_(e), number_(ir::BlockNumberOf<BlockBytes>(dtype)), group_(group) {}

Value* BlockBytes::Constant(int64_t value) { return e_.ConstInt(value, 8, kBytes); }

BlockBytes::Int BlockBytes::Byte(int64_t at) {
  Value*& bytes = bytes_[at];
  if (bytes == nullptr) {
    Value* address = e_.Address(group_, e_.Const(at * kLanes), ir::DType::kI8);
    bytes = e_.b().CreateAlignedLoad(e_.Int(8, kBytes), address, llvm::Align(1));
  }
  return {this, bytes};
}

BlockBytes::Int BlockBytes::And(Int a, int b) {
  return {this, e_.b().CreateAnd(a.value, Constant(b))};
}
BlockBytes::Int BlockBytes::Or(Int a, Int b) { return {this, e_.b().CreateOr(a.value, b.value)}; }
BlockBytes::Int BlockBytes::ShiftLeft(Int a, int b) {
  return {this, e_.b().CreateShl(a.value, Constant(b))};
}
BlockBytes::Int BlockBytes::ShiftRight(Int a, int b) {
  return {this, e_.b().CreateLShr(a.value, Constant(b))};
}
BlockBytes::Int BlockBytes::Subtract(Int a, int b) {
  return {this, e_.b().CreateSub(a.value, Constant(b))};
}

BlockBytes::Real BlockBytes::NotPutTogether() {
  CHECK(false) << "such a number is no sooner there as a byte";
  return {};
}

// The four elements' bits are in one byte of each block.
BlockBytes::Int BlockBytes::FifthBit(int64_t at, int64_t i) {
  auto& b = e_.b();
  Value* address = e_.Address(group_, e_.Const((at + i / 8) * kLanes), ir::DType::kI8);
  Value* once = b.CreateAlignedLoad(e_.Int(8, kLanes), address, llvm::Align(1));
  std::vector<int> columns;
  std::vector<llvm::Constant*> bits;
  for (int j = 0; j < kBytes; ++j) {
    columns.push_back(j % kLanes);
    bits.push_back(b.getInt8(static_cast<uint8_t>(1 << (i % 8 + j / kLanes))));
  }
  Value* all = b.CreateShuffleVector(once, columns);
  Value* is_set = b.CreateICmpNE(b.CreateAnd(all, llvm::ConstantVector::get(bits)), Constant(0));
  return {this, b.CreateSelect(is_set, Constant(16), Constant(0))};
}

}  // namespace lluda::codegen
