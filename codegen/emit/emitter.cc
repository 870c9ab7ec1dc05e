#include "codegen/emit/emitter.h"

#include <algorithm>

#include "glog/logging.h"
#include "ir/type/encoding.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

// Offsets of KernelArgs' fields; runtime/kernel_abi.h asserts them.
constexpr int64_t kBuffers = 0;
constexpr int64_t kDims = 8;
constexpr int64_t kScratch = 16;
constexpr int64_t kBegin = 24;
constexpr int64_t kEnd = 32;
constexpr int64_t kParts = 40;
constexpr int64_t kWorkspace = 48;
constexpr int64_t kComputed = 56;

// A value as what varies, nullptr for nothing, and a constant.
struct ConstantSum {
  Value* varying = nullptr;
  int64_t constant = 0;
};

// Of an i64, whose sums wrap around: (k + 2) * 16 is k * 16 and 32. Writes nothing if there is no
// constant to split off.
ConstantSum SplitConstant(llvm::IRBuilder<>& b, Value* value) {
  if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(value)) {
    return {nullptr, constant->getSExtValue()};
  }
  const auto* op = llvm::dyn_cast<llvm::BinaryOperator>(value);
  if (op == nullptr || !value->getType()->isIntegerTy(64)) return {value, 0};
  if (op->getOpcode() == llvm::Instruction::Mul) {
    const auto* factor = llvm::dyn_cast<llvm::ConstantInt>(op->getOperand(1));
    if (factor == nullptr) return {value, 0};
    ConstantSum sum = SplitConstant(b, op->getOperand(0));
    if (sum.constant == 0) return {value, 0};
    if (sum.varying != nullptr) sum.varying = b.CreateMul(sum.varying, op->getOperand(1));
    return {sum.varying, sum.constant * factor->getSExtValue()};
  }
  if (op->getOpcode() != llvm::Instruction::Add) return {value, 0};
  const ConstantSum left = SplitConstant(b, op->getOperand(0));
  const ConstantSum right = SplitConstant(b, op->getOperand(1));
  if (left.constant == 0 && right.constant == 0) return {value, 0};
  if (left.varying == nullptr) return {right.varying, left.constant + right.constant};
  if (right.varying == nullptr) return {left.varying, left.constant + right.constant};
  return {b.CreateAdd(left.varying, right.varying), left.constant + right.constant};
}

}  // namespace

int LanesOf(Value* value) {
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return type != nullptr ? static_cast<int>(type->getNumElements()) : 1;
}

Emitter::Emitter(llvm::Module* module, const Target& target, const std::string& name,
                 const std::vector<std::string>& symbols)
    : builder_(module->getContext()), target_(target), symbols_(symbols) {
  auto* pointer = llvm::PointerType::getUnqual(context());
  function_ =
      llvm::Function::Create(llvm::FunctionType::get(builder_.getVoidTy(), {pointer}, false),
                             llvm::Function::ExternalLinkage, name, module);
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  if (!target.tune.empty()) function_->addFnAttr("tune-cpu", target.tune);
  args_ = function_->getArg(0);
  args_->setName("args");
  function_->addParamAttr(0, llvm::Attribute::NoAlias);
  BeginBody();
}

Emitter::Emitter(llvm::Function* function, const Target& target,
                 const std::vector<std::string>& symbols, const std::vector<Value*>& buffers,
                 const std::vector<Value*>& dims)
    : builder_(function->getContext()),
      target_(target),
      symbols_(symbols),
      function_(function),
      aligned_(true) {
  SetBuffers(buffers);
  for (size_t i = 0; i < dims.size(); ++i) dims_[symbols[i]] = dims[i];
  BeginBody();
}

void Emitter::SetBuffers(const std::vector<Value*>& buffers) {
  buffers_.clear();
  for (size_t i = 0; i < buffers.size(); ++i) buffers_[static_cast<int>(i)] = buffers[i];
}

void Emitter::BeginBody() {
  entry_ = llvm::BasicBlock::Create(context(), "entry", function_);
  auto* body = llvm::BasicBlock::Create(context(), "body", function_);
  builder_.SetInsertPoint(entry_);
  builder_.CreateBr(body);
  builder_.SetInsertPoint(body);
}

void Emitter::Finish() { builder_.CreateRetVoid(); }

Value* Emitter::EntryLoad(int64_t byte_offset, llvm::Type* type, const char* name) {
  CHECK(args_ != nullptr) << "this device's kernels have no " << name;
  Value*& field = fields_[byte_offset];
  if (field == nullptr) {
    llvm::IRBuilder<> at(entry_->getTerminator());
    Value* pointer = at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), args_, byte_offset);
    field = at.CreateLoad(type, pointer, name);
  }
  return field;
}

Value* Emitter::Buffer(int i) {
  Value*& buffer = buffers_[i];
  if (buffer == nullptr) {
    Value* buffers = EntryLoad(kBuffers, builder_.getPtrTy(), "buffers");
    llvm::IRBuilder<> at(entry_->getTerminator());
    buffer = at.CreateLoad(at.getPtrTy(), at.CreateConstInBoundsGEP1_64(at.getPtrTy(), buffers, i),
                           "buffer" + std::to_string(i));
  }
  return buffer;
}

Value* Emitter::Dim(const std::string& symbol) {
  Value*& dim = dims_[symbol];
  if (dim == nullptr) {
    Value* dims = EntryLoad(kDims, builder_.getPtrTy(), "dims");
    const auto it = std::find(symbols_.begin(), symbols_.end(), symbol);
    CHECK(it != symbols_.end()) << "symbol " << symbol << " is not declared";
    llvm::IRBuilder<> at(entry_->getTerminator());
    dim = at.CreateLoad(at.getInt64Ty(),
                        at.CreateConstInBoundsGEP1_64(at.getInt64Ty(), dims, it - symbols_.begin()),
                        symbol);
  }
  return dim;
}

Value* Emitter::Scratch() { return EntryLoad(kScratch, builder_.getPtrTy(), "scratch"); }
Value* Emitter::Begin() { return EntryLoad(kBegin, builder_.getInt64Ty(), "begin"); }
Value* Emitter::End() { return EntryLoad(kEnd, builder_.getInt64Ty(), "end"); }
Value* Emitter::Parts() { return EntryLoad(kParts, builder_.getInt64Ty(), "parts"); }
Value* Emitter::Workspace() { return EntryLoad(kWorkspace, builder_.getPtrTy(), "workspace"); }
Value* Emitter::Computed() { return EntryLoad(kComputed, builder_.getPtrTy(), "computed"); }

llvm::Type* Emitter::F32(int lanes) {
  llvm::Type* type = builder_.getFloatTy();
  return lanes == 1 ? type : llvm::FixedVectorType::get(type, lanes);
}

llvm::Type* Emitter::F64(int lanes) {
  llvm::Type* type = builder_.getDoubleTy();
  return lanes == 1 ? type : llvm::FixedVectorType::get(type, lanes);
}

llvm::Type* Emitter::Int(int bits, int lanes) {
  llvm::Type* type = builder_.getIntNTy(bits);
  return lanes == 1 ? type : llvm::FixedVectorType::get(type, lanes);
}

llvm::Type* Emitter::BitsOf(ir::DType dtype, int lanes) {
  return Int(ir::ElementBits(dtype), lanes);
}

llvm::Align Emitter::AlignOf(ir::DType dtype) {
  return llvm::Align(static_cast<uint64_t>(ir::BytesOf(dtype, 1)));
}

Value* Emitter::Const(int64_t value) { return builder_.getInt64(value); }

Value* Emitter::ConstF32(float value, int lanes) {
  return llvm::ConstantFP::get(F32(lanes), llvm::APFloat(value));
}

Value* Emitter::ConstF64(double value, int lanes) {
  return llvm::ConstantFP::get(F64(lanes), llvm::APFloat(value));
}

Value* Emitter::ConstInt(int64_t value, int bits, int lanes) {
  return llvm::ConstantInt::get(Int(bits, lanes), static_cast<uint64_t>(value), true);
}

Value* Emitter::Splat(Value* scalar, int lanes) {
  return lanes == 1 ? scalar : builder_.CreateVectorSplat(lanes, scalar);
}

Value* Emitter::ExtentValue(const ir::Extent& extent) {
  return extent.is_constant() ? Const(extent.value) : Dim(extent.symbol);
}

Value* Emitter::StrideValue(const ir::Stride& stride) {
  Value* value = Const(stride.factor);
  for (const std::string& symbol : stride.symbols) value = builder_.CreateMul(value, Dim(symbol));
  return value;
}

Value* Emitter::Offset(const std::vector<ir::StridedAxis>& axes, const Indices& indices) {
  Value* offset = Const(0);
  for (const ir::StridedAxis& strided : axes) {
    const auto it = indices.find(strided.axis.name);
    if (it == indices.end()) continue;
    offset =
        builder_.CreateAdd(offset, builder_.CreateMul(it->second, StrideValue(strided.stride)));
  }
  return offset;
}

Value* Emitter::Address(Value* base, Value* elements, ir::DType dtype) {
  // What addresses differ by only is a part of the instruction, and what they share is computed once.
  const ConstantSum sum = SplitConstant(builder_, elements);
  if (sum.constant == 0) return builder_.CreateInBoundsGEP(BitsOf(dtype), base, elements);
  if (sum.varying != nullptr) base = builder_.CreateGEP(BitsOf(dtype), base, sum.varying);
  return builder_.CreateConstGEP1_64(BitsOf(dtype), base, static_cast<uint64_t>(sum.constant));
}

Value* Emitter::MulAdd(Value* a, Value* b, Value* c) {
  if (target_.has_fma()) {
    return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
  }
  return builder_.CreateFAdd(builder_.CreateFMul(a, b), c);
}

Value* Emitter::BF16BitsToF32(Value* bits) {
  const int lanes = LanesOf(bits);
  return builder_.CreateBitCast(builder_.CreateShl(bits, 16), F32(lanes));
}

Value* Emitter::F32ToBF16Bits(Value* value) {
  const int lanes = LanesOf(value);
  Value* bits = builder_.CreateBitCast(value, Int(32, lanes));
  Value* odd = builder_.CreateAnd(builder_.CreateLShr(bits, 16), ConstInt(1, 32, lanes));
  Value* rounded = builder_.CreateLShr(
      builder_.CreateAdd(bits, builder_.CreateAdd(odd, ConstInt(0x7FFF, 32, lanes))), 16);
  Value* quiet = builder_.CreateOr(builder_.CreateLShr(bits, 16), ConstInt(0x40, 32, lanes));
  return builder_.CreateSelect(builder_.CreateFCmpUNO(value, value), quiet, rounded);
}

Value* Emitter::F16BitsToF32(Value* bits) {
  const int lanes = LanesOf(bits);
  if (target_.has_fma()) {  // every row of machine/isa.def that has fma has f16c, too
    Value* narrow = builder_.CreateTrunc(bits, Int(16, lanes));
    llvm::Type* half = F32(lanes)->getWithNewType(builder_.getHalfTy());
    return builder_.CreateFPExt(builder_.CreateBitCast(narrow, half), F32(lanes));
  }
  Value* sign = builder_.CreateShl(builder_.CreateAnd(bits, ConstInt(0x8000, 32, lanes)), 16);
  Value* magnitude = builder_.CreateAnd(bits, ConstInt(0x7FFF, 32, lanes));
  // Placing the half's exponent and fraction in f32's and scaling by 2^112 is exact for normal and
  // subnormal halves alike.
  Value* scaled =
      builder_.CreateFMul(builder_.CreateBitCast(builder_.CreateShl(magnitude, 13), F32(lanes)),
                          ConstF32(0x1p112f, lanes));
  Value* special =
      builder_.CreateOr(builder_.CreateShl(magnitude, 13), ConstInt(0x7F800000, 32, lanes));
  Value* finite = builder_.CreateICmpULT(magnitude, ConstInt(0x7C00, 32, lanes));
  Value* result =
      builder_.CreateSelect(finite, builder_.CreateBitCast(scaled, Int(32, lanes)), special);
  return builder_.CreateBitCast(builder_.CreateOr(result, sign), F32(lanes));
}

Value* Emitter::F32ToF16Bits(Value* value) {
  const int lanes = LanesOf(value);
  auto integer = [&](int64_t v) { return ConstInt(v, 32, lanes); };
  Value* bits = builder_.CreateBitCast(value, Int(32, lanes));
  Value* sign = builder_.CreateAnd(builder_.CreateLShr(bits, 16), integer(0x8000));
  Value* magnitude = builder_.CreateAnd(bits, integer(0x7FFFFFFF));
  // Normal halves: rebase the exponent and round the 13 bits that fall off to nearest even.
  Value* odd = builder_.CreateAnd(builder_.CreateLShr(magnitude, 13), integer(1));
  Value* normal = builder_.CreateLShr(
      builder_.CreateAdd(builder_.CreateSub(magnitude, integer(int64_t{112} << 23)),
                         builder_.CreateAdd(odd, integer(0xFFF))),
      13);
  // Subnormal halves: adding 0.5 leaves the multiple of 2^-24, rounded, in the fraction's low bits.
  Value* shifted = builder_.CreateBitCast(
      builder_.CreateFAdd(builder_.CreateBitCast(magnitude, F32(lanes)), ConstF32(0.5f, lanes)),
      Int(32, lanes));
  Value* subnormal = builder_.CreateSub(shifted, integer(0x3F000000));
  Value* finite = builder_.CreateSelect(builder_.CreateICmpULT(magnitude, integer(0x38800000)),
                                        subnormal, normal);
  Value* nan = builder_.CreateICmpUGT(magnitude, integer(0x7F800000));
  Value* overflow = builder_.CreateICmpUGE(magnitude, integer(0x477FF000));
  Value* special = builder_.CreateSelect(nan, integer(0x7E00), integer(0x7C00));
  return builder_.CreateOr(sign, builder_.CreateSelect(overflow, special, finite));
}

Value* Emitter::Load(Value* pointer, ir::DType dtype, int lanes) {
  // A checkpoint's tensors lie wherever its header's length puts them.
  const llvm::Align align = aligned_ ? AlignOf(dtype) : llvm::Align(1);
  if (dtype == ir::DType::kF32) return builder_.CreateAlignedLoad(F32(lanes), pointer, align);
  Value* raw = builder_.CreateAlignedLoad(BitsOf(dtype, lanes), pointer, align);
  if (!ir::IsFloat(dtype)) return builder_.CreateSIToFP(raw, F32(lanes));
  Value* wide = builder_.CreateZExt(raw, Int(32, lanes));
  return dtype == ir::DType::kBF16 ? BF16BitsToF32(wide) : F16BitsToF32(wide);
}

Value* Emitter::LoadIndex(Value* pointer, ir::DType dtype) {
  Value* raw = builder_.CreateAlignedLoad(BitsOf(dtype), pointer, AlignOf(dtype));
  return builder_.CreateSExt(raw, builder_.getInt64Ty());
}

Value* Emitter::LoadStrided(Value* base, Value* first, Value* stride, ir::DType dtype, int lanes) {
  if (lanes == 1) return Load(Address(base, first, dtype), dtype, 1);
  Value* vector = llvm::PoisonValue::get(F32(lanes));
  Value* element = first;
  for (int lane = 0; lane < lanes; ++lane) {
    vector = builder_.CreateInsertElement(vector, Load(Address(base, element, dtype), dtype, 1),
                                          static_cast<uint64_t>(lane));
    element = builder_.CreateAdd(element, stride);
  }
  return vector;
}

void Emitter::Prefetch(Value* pointer, int64_t bytes) {
  EmitPrefetch(builder_.CreateConstGEP1_64(builder_.getInt8Ty(), pointer, bytes), /*write=*/0,
               /*locality=*/3);
}

void Emitter::PrefetchNear(Value* pointer) { EmitPrefetch(pointer, /*write=*/0, /*locality=*/2); }

void Emitter::PrefetchForWrite(Value* pointer) {
  EmitPrefetch(pointer, /*write=*/1, /*locality=*/3);
}

void Emitter::EmitPrefetch(Value* pointer, int write, int locality) {
  builder_.CreateIntrinsic(
      llvm::Intrinsic::prefetch, {builder_.getPtrTy()},
      {pointer, builder_.getInt32(write), builder_.getInt32(locality), builder_.getInt32(1)});
}

void Emitter::Store(Value* pointer, ir::DType dtype, Value* value) {
  const int lanes = LanesOf(value);
  const llvm::Align align = AlignOf(dtype);
  switch (dtype) {
    case ir::DType::kF32:
      builder_.CreateAlignedStore(value, pointer, align);
      return;
    case ir::DType::kBF16:
      builder_.CreateAlignedStore(builder_.CreateTrunc(F32ToBF16Bits(value), Int(16, lanes)),
                                  pointer, align);
      return;
    case ir::DType::kF16:
      builder_.CreateAlignedStore(builder_.CreateTrunc(F32ToF16Bits(value), Int(16, lanes)),
                                  pointer, align);
      return;
    case ir::DType::kI8: {
      // The sum's last digit is worth 1, so that its low byte is the nearest integer.
      Value* shifted = builder_.CreateFAdd(value, ConstF32(0x1.8p23f, lanes));
      builder_.CreateAlignedStore(
          builder_.CreateTrunc(builder_.CreateBitCast(shifted, Int(32, lanes)), Int(8, lanes)),
          pointer, align);
      return;
    }
    default:
      LOG(FATAL) << "kernels compute no " << ir::DTypeName(dtype);
  }
}

Emitter::Carried Emitter::Loop(Value* begin, Value* end, int64_t step, const Carried& init,
                               const std::function<Carried(Value*, const Carried&)>& body) {
  auto* header = llvm::BasicBlock::Create(context(), "loop", function_);
  auto* inside = llvm::BasicBlock::Create(context(), "loop_body", function_);
  auto* after = llvm::BasicBlock::Create(context(), "loop_end", function_);
  auto* before = builder_.GetInsertBlock();
  builder_.CreateBr(header);
  builder_.SetInsertPoint(header);
  auto* i = builder_.CreatePHI(builder_.getInt64Ty(), 2, "i");
  i->addIncoming(begin, before);
  std::vector<llvm::PHINode*> phis;
  Carried carried;
  for (Value* value : init) {
    auto* phi = builder_.CreatePHI(value->getType(), 2);
    phi->addIncoming(value, before);
    phis.push_back(phi);
    carried.push_back(phi);
  }
  builder_.CreateCondBr(builder_.CreateICmpSLT(i, end), inside, after);
  builder_.SetInsertPoint(inside);
  const Carried next = body(i, carried);
  CHECK_EQ(next.size(), phis.size());
  auto* latch = builder_.GetInsertBlock();
  i->addIncoming(builder_.CreateAdd(i, Const(step), "next", true, true), latch);
  for (size_t p = 0; p < phis.size(); ++p) phis[p]->addIncoming(next[p], latch);
  builder_.CreateBr(header);
  builder_.SetInsertPoint(after);
  return carried;
}

void Emitter::Loop(Value* begin, Value* end, int64_t step,
                   const std::function<void(Value*)>& body) {
  Loop(begin, end, step, {}, [&](Value* i, const Carried&) {
    body(i);
    return Carried{};
  });
}

void Emitter::InRounds(int64_t count, const std::function<void(Value* i)>& body) {
  int64_t round = std::min<int64_t>(count, 4);
  while (round > 1 && count % round != 0) --round;
  Loop(Const(0), Const(count), std::max<int64_t>(round, 1), [&](Value* first) {
    for (int64_t i = 0; i < round; ++i) body(builder_.CreateAdd(first, Const(i)));
  });
}

void Emitter::If(Value* condition, const std::function<void()>& then,
                 const std::function<void()>& otherwise) {
  auto* yes = llvm::BasicBlock::Create(context(), "then", function_);
  auto* no = llvm::BasicBlock::Create(context(), "else", function_);
  auto* after = llvm::BasicBlock::Create(context(), "end_if", function_);
  builder_.CreateCondBr(condition, yes, no);
  builder_.SetInsertPoint(yes);
  then();
  builder_.CreateBr(after);
  builder_.SetInsertPoint(no);
  if (otherwise) otherwise();
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
}

void Emitter::ForItems(const std::function<void(Value*)>& body) { Loop(Begin(), End(), 1, body); }

Indices Emitter::IndicesOf(const std::vector<ir::Axis>& axes, Value* item, int64_t item_rows) {
  Indices indices;
  Value* rest = item;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    Value* index = rest;
    const int64_t together = axis == axes.rbegin() ? item_rows : 1;
    if (axis + 1 != axes.rend()) {
      Value* extent = ExtentValue(axis->extent);
      if (together > 1) {
        extent =
            builder_.CreateUDiv(builder_.CreateAdd(extent, Const(together - 1)), Const(together));
      }
      index = builder_.CreateURem(rest, extent);
      rest = builder_.CreateUDiv(rest, extent);
    }
    indices[axis->name] = builder_.CreateMul(index, Const(together));
  }
  return indices;
}

void Emitter::ForRows(const std::vector<ir::Axis>& axes, const std::function<void(Indices)>& body,
                      int64_t item_rows) {
  ForItems([&](Value* item) { body(IndicesOf(axes, item, item_rows)); });
}

void Emitter::ForLanes(const ir::Extent& extent, const std::function<void(Value*, int)>& body) {
  ForLanes(
      extent, {},
      [&](Value* i, int lanes, const Carried&) {
        body(i, lanes);
        return Carried{};
      },
      [](const Carried&) { return Carried{}; });
}

Emitter::Carried Emitter::ForLanes(const ir::Extent& extent, const Carried& init,
                                   const std::function<Carried(Value*, int, const Carried&)>& body,
                                   const std::function<Carried(const Carried&)>& fold) {
  Value* end = ExtentValue(extent);
  Value* whole = builder_.CreateAnd(end, Const(-kLanes));
  const bool no_vectors = extent.is_constant() && extent.value < kLanes;
  const bool no_rest = extent.is_constant() && extent.value % kLanes == 0;
  Carried carried = init;
  if (!no_vectors) {
    carried = Loop(Const(0), whole, kLanes, carried,
                   [&](Value* i, const Carried& c) { return body(i, kLanes, c); });
  }
  carried = fold(carried);
  if (!no_rest) {
    carried =
        Loop(whole, end, 1, carried, [&](Value* i, const Carried& c) { return body(i, 1, c); });
  }
  return carried;
}

Value* Emitter::Least(Value* a, Value* b) {
  return builder_.CreateSelect(builder_.CreateICmpSLT(a, b), a, b);
}

Value* Emitter::Most(Value* a, Value* b) {
  return builder_.CreateSelect(builder_.CreateICmpSGT(a, b), a, b);
}

Value* Emitter::Max(Value* a, Value* b) {
  return builder_.CreateSelect(builder_.CreateFCmpOGT(a, b), a, b);
}

namespace {

// Folds the upper half of the lanes onto the lower half until one is left.
Value* FoldLanes(llvm::IRBuilder<>& b, Value* vector,
                 const std::function<Value*(Value*, Value*)>& combine) {
  for (int half = LanesOf(vector) / 2; half >= 1; half /= 2) {
    std::vector<int> low(half), high(half);
    for (int i = 0; i < half; ++i) {
      low[i] = i;
      high[i] = half + i;
    }
    vector = combine(b.CreateShuffleVector(vector, low), b.CreateShuffleVector(vector, high));
  }
  return b.CreateExtractElement(vector, uint64_t{0});
}

}  // namespace

Value* Emitter::SumLanes(Value* vector) {
  return FoldLanes(builder_, vector, [&](Value* x, Value* y) { return builder_.CreateFAdd(x, y); });
}

Value* Emitter::MaxLanes(Value* vector) {
  return FoldLanes(builder_, vector, [&](Value* x, Value* y) { return Max(x, y); });
}

}  // namespace lluda::codegen
