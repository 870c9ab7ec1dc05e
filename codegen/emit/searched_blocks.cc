#include "codegen/emit/searched_blocks.h"

#include <array>
#include <vector>

#include "ir/type/block_search.h"
#include "llvm/IR/Intrinsics.h"

namespace lluda::codegen {
namespace {

// The machine of block_search.h that writes code.
class SearchCode {
 public:
  template <int kCount>
  struct Real {
    SearchCode* code;
    Value* value;

    Real operator+(Real o) const { return {code, code->b_.CreateFAdd(value, o.value)}; }
    Real operator-(Real o) const { return {code, code->b_.CreateFSub(value, o.value)}; }
    Real operator*(Real o) const { return {code, code->b_.CreateFMul(value, o.value)}; }
    Real operator/(Real o) const { return {code, code->b_.CreateFDiv(value, o.value)}; }
  };
  using Scalar = Real<1>;
  using Vector = Real<kLanes>;
  using Bool = Value*;

  SearchCode(Emitter& e, const LoadLanes& load, const LoadLanes& importance, Value* to)
      : e_(e), b_(e.b()), load_(load), importance_(importance), to_(to) {}

  Scalar Number(float value) { return {this, e_.ConstF32(value, 1)}; }
  Vector Splat(Scalar x) { return {this, e_.Splat(x.value, kLanes)}; }
  Vector Load(int64_t i) { return {this, load_(i)}; }
  bool HasImportance() const { return importance_ != nullptr; }
  Vector Importance(int64_t i) { return {this, importance_(i)}; }
  Vector Join(const std::array<Scalar, kLanes>& scalars) {
    Value* joined = llvm::PoisonValue::get(e_.F32(kLanes));
    for (uint64_t i = 0; i < scalars.size(); ++i) {
      joined = b_.CreateInsertElement(joined, scalars[i].value, i);
    }
    return {this, joined};
  }
  Vector Above(Vector x, float limit) {
    Value* is_above = b_.CreateFCmpOGT(x.value, e_.ConstF32(limit, kLanes));
    return {this, b_.CreateSelect(is_above, e_.ConstF32(1, kLanes), e_.ConstF32(0, kLanes))};
  }

  Scalar Sum(Vector x) { return {this, e_.SumLanes(x.value)}; }
  Scalar Most(Vector x) { return {this, e_.MaxLanes(x.value)}; }
  Scalar Least(Vector x) { return {this, b_.CreateFNeg(e_.MaxLanes(b_.CreateFNeg(x.value)))}; }
  Vector Max(Vector x, Vector y) { return Select(b_.CreateFCmpOLT(x.value, y.value), y, x); }
  Vector Min(Vector x, Vector y) { return Select(b_.CreateFCmpOLT(y.value, x.value), y, x); }
  Vector Abs(Vector x) { return {this, b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x.value)}; }
  template <int kCount>
  Real<kCount> Root(Real<kCount> x) {
    return {this, b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x.value)};
  }

  template <int kCount>
  Real<kCount> Nearest(Real<kCount> x) {
    // Of numbers this large the last bit is worth 1.
    Value* large = e_.ConstF32(0x1.8p23f, kCount);
    return {this, b_.CreateFSub(b_.CreateFAdd(x.value, large), large)};
  }
  template <int kCount>
  Real<kCount> Whole(Real<kCount> x) {
    Value* integer = b_.CreateFPToSI(x.value, e_.Int(32, kCount));
    return {this, b_.CreateSIToFP(integer, e_.F32(kCount))};
  }
  Scalar Half(Scalar x) { return {this, e_.F16BitsToF32(e_.F32ToF16Bits(x.value))}; }

  Bool Less(Scalar x, Scalar y) { return b_.CreateFCmpOLT(x.value, y.value); }
  template <int kCount>
  Real<kCount> Select(Bool which, Real<kCount> x, Real<kCount> y) {
    return {this, b_.CreateSelect(which, x.value, y.value)};
  }

  using Founds = std::vector<ir::block_search::Found<SearchCode>>;

  template <typename Body>
  Founds Repeat(int count, const Founds& start, const Body& body) {
    const auto founds_of = [&](const Emitter::Carried& carried) {
      Founds founds;
      for (size_t i = 0; i < carried.size(); i += 3) {
        founds.push_back({{this, carried[i]}, {this, carried[i + 1]}, {this, carried[i + 2]}});
      }
      return founds;
    };
    const auto carried_of = [](const Founds& founds) {
      Emitter::Carried carried;
      for (const auto& found : founds) {
        carried.insert(carried.end(), {found.error.value, found.scale.value, found.minimum.value});
      }
      return carried;
    };
    return founds_of(e_.Loop(e_.Const(0), e_.Const(count), 1, carried_of(start),
                             [&](Value* i, const Emitter::Carried& before) {
                               const Scalar index = {this, b_.CreateSIToFP(i, e_.F32(1))};
                               return carried_of(body(index, founds_of(before)));
                             }));
  }

  void StoreHalf(int64_t at, Scalar x) {
    Value* bits = b_.CreateTrunc(e_.F32ToF16Bits(x.value), b_.getInt16Ty());
    b_.CreateAlignedStore(bits, At(at), llvm::Align(1));
  }
  void StoreByte(int64_t at, Scalar x) { StoreIntegers(at, x.value, 1); }
  void StoreBytes(int64_t at, Vector x) { StoreIntegers(at, x.value, kLanes); }

 private:
  Value* At(int64_t bytes) { return e_.Address(to_, e_.Const(bytes), ir::DType::kI8); }

  void StoreIntegers(int64_t at, Value* x, int count) {
    Value* integers = b_.CreateFPToSI(x, e_.Int(32, count));
    b_.CreateAlignedStore(b_.CreateTrunc(integers, e_.Int(8, count)), At(at), llvm::Align(1));
  }

  Emitter& e_;
  llvm::IRBuilder<>& b_;
  const LoadLanes& load_;
  const LoadLanes& importance_;
  Value* to_;
};

}  // namespace

bool IsSearched(ir::DType dtype) { return ir::FindSearchedEncoder<SearchCode>(dtype) != nullptr; }

void EmitSearchedBlock(Emitter& e, ir::DType dtype, const LoadLanes& load,
                       const LoadLanes& importance, Value* to) {
  SearchCode code(e, load, importance, to);
  ir::FindSearchedEncoder<SearchCode>(dtype)(code);
}

}  // namespace lluda::codegen
