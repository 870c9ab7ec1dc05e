#include "codegen/nvptx/words.h"

#include <utility>

#include "glog/logging.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsNVPTX.h"

namespace lluda::codegen {
namespace {

using runtime::kBlockThreads;
using runtime::kBlockWarps;
using runtime::kWarpThreads;

// Offsets of KernelArgs' and SimulatedThread's fields; their headers assert them.
constexpr int64_t kBuffers = 0, kDims = 8, kScratch = 16, kBegin = 24;
constexpr int64_t kIndex = 0, kShared = 8, kBarrier = 16, kShuffle = 24;
// NVPTX's address space of what a block shares (LLVM, User Guide for NVPTX Back-end).
constexpr unsigned kSharedSpace = 3;

llvm::Function* NewFunction(llvm::Module* module, const std::string& name,
                            const std::vector<llvm::Type*>& parameters) {
  auto* type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(module->getContext()), parameters, false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  return function;
}

class PtxEmitter : public GpuEmitter {
 public:
  // The function's parameters are the symbols, the first block and the buffers.
  PtxEmitter(llvm::Function* function, const Target& target,
             const std::vector<std::string>& symbols, const std::vector<Value*>& dims,
             Value* first_block, const std::vector<Value*>& buffers)
      : GpuEmitter(function, target, symbols, buffers, dims), first_block_(first_block) {}

  Value* Thread() override { return Register(llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x); }
  Value* Block() override {
    return b().CreateAdd(first_block_, Register(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x));
  }
  void Barrier() override { b().CreateIntrinsic(llvm::Intrinsic::nvvm_barrier0, {}, {}); }
  Value* ShuffleBits(Value* bits, Value* lane) override {
    return b().CreateIntrinsic(llvm::Intrinsic::nvvm_shfl_sync_idx_i32, {},
                               {b().getInt32(0xFFFFFFFF), bits, lane,
                                b().getInt32(static_cast<uint32_t>(kWarpThreads - 1))});
  }
  Value* Shared(int64_t bytes) override {
    CHECK_LE(bytes, runtime::kMaxSharedBytes);
    llvm::Module* module = function()->getParent();
    auto* type = llvm::ArrayType::get(b().getInt8Ty(), static_cast<uint64_t>(bytes));
    auto* shared = new llvm::GlobalVariable(*module, type, /*isConstant=*/false,
                                            llvm::GlobalValue::InternalLinkage,
                                            llvm::UndefValue::get(type), "shared", nullptr,
                                            llvm::GlobalValue::NotThreadLocal, kSharedSpace);
    shared->setAlignment(llvm::Align(64));
    return b().CreateAddrSpaceCast(shared, b().getPtrTy());
  }

 private:
  Value* Register(llvm::Intrinsic::ID id) {
    return b().CreateZExt(b().CreateIntrinsic(id, {}, {}), b().getInt64Ty());
  }

  Value* first_block_;
};

class SimulatedEmitter : public GpuEmitter {
 public:
  SimulatedEmitter(llvm::Function* function, const Target& target,
                   const std::vector<std::string>& symbols, const std::vector<Value*>& dims,
                   Value* block, Value* thread, const std::vector<Value*>& buffers)
      : GpuEmitter(function, target, symbols, buffers, dims), block_(block), thread_(thread) {}

  Value* Thread() override { return b().CreateLoad(b().getInt64Ty(), Field(kIndex)); }
  Value* Block() override { return block_; }
  void Barrier() override {
    auto* type = llvm::FunctionType::get(b().getVoidTy(), {b().getPtrTy()}, false);
    b().CreateCall(type, b().CreateLoad(b().getPtrTy(), Field(kBarrier)), {thread_});
  }
  Value* ShuffleBits(Value* bits, Value* lane) override {
    llvm::Type* i32 = b().getInt32Ty();
    auto* type = llvm::FunctionType::get(i32, {b().getPtrTy(), i32, i32}, false);
    return b().CreateCall(type, b().CreateLoad(b().getPtrTy(), Field(kShuffle)),
                          {thread_, bits, lane});
  }
  Value* Shared(int64_t bytes) override {
    CHECK_LE(bytes, runtime::kMaxSharedBytes);
    return b().CreateLoad(b().getPtrTy(), Field(kShared));
  }

 private:
  Value* Field(int64_t offset) {
    return b().CreateConstInBoundsGEP1_64(b().getInt8Ty(), thread_, static_cast<uint64_t>(offset));
  }

  Value* block_;
  Value* thread_;
};

std::unique_ptr<GpuEmitter> BeginPtx(llvm::Module* module, const Target& target,
                                     const std::string& name,
                                     const std::vector<std::string>& symbols, int buffers) {
  llvm::LLVMContext& context = module->getContext();
  std::vector<llvm::Type*> types(symbols.size() + 1, llvm::Type::getInt64Ty(context));
  types.resize(types.size() + static_cast<size_t>(buffers), llvm::PointerType::getUnqual(context));
  llvm::Function* function = NewFunction(module, name, types);
  const auto annotate = [&](const char* key, int value) {
    llvm::Type* i32 = llvm::Type::getInt32Ty(context);
    module->getOrInsertNamedMetadata("nvvm.annotations")
        ->addOperand(llvm::MDNode::get(
            context, {llvm::ValueAsMetadata::get(function), llvm::MDString::get(context, key),
                      llvm::ConstantAsMetadata::get(
                          llvm::ConstantInt::get(i32, static_cast<uint64_t>(value)))}));
  };
  annotate("kernel", 1);
  annotate("maxntidx", kBlockThreads);
  std::vector<Value*> values;
  for (llvm::Argument& argument : function->args()) values.push_back(&argument);
  const auto first = values.begin() + static_cast<int64_t>(symbols.size());
  return std::make_unique<PtxEmitter>(function, target, symbols,
                                      std::vector<Value*>(values.begin(), first), *first,
                                      std::vector<Value*>(first + 1, values.end()));
}

std::unique_ptr<GpuEmitter> BeginSimulated(llvm::Module* module, const Target& target,
                                           const std::string& name,
                                           const std::vector<std::string>& symbols, int buffers) {
  llvm::Function* function =
      NewFunction(module, name, {llvm::PointerType::getUnqual(module->getContext())});
  auto* block = llvm::BasicBlock::Create(module->getContext(), "arguments", function);
  llvm::IRBuilder<> at(block);
  const auto load = [&](llvm::Type* type, Value* from, int64_t offset) {
    return at.CreateLoad(
        type, at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), from, static_cast<uint64_t>(offset)));
  };
  Value* args = function->getArg(0);
  Value* places = load(at.getPtrTy(), args, kBuffers);
  Value* symbol_values = load(at.getPtrTy(), args, kDims);
  Value* thread = load(at.getPtrTy(), args, kScratch);
  Value* item = load(at.getInt64Ty(), args, kBegin);
  std::vector<Value*> dims, pointers;
  for (size_t i = 0; i < symbols.size(); ++i) {
    dims.push_back(load(at.getInt64Ty(), symbol_values, 8 * static_cast<int64_t>(i)));
  }
  for (int i = 0; i < buffers; ++i) pointers.push_back(load(at.getPtrTy(), places, 8 * i));
  auto emitter =
      std::make_unique<SimulatedEmitter>(function, target, symbols, dims, item, thread, pointers);
  at.CreateBr(block->getNextNode());
  return emitter;
}

}  // namespace

std::unique_ptr<GpuEmitter> GpuEmitter::Begin(Form form, llvm::Module* module, const Target& target,
                                              const std::string& name,
                                              const std::vector<std::string>& symbols,
                                              int buffers) {
  return form == Form::kPtx ? BeginPtx(module, target, name, symbols, buffers)
                            : BeginSimulated(module, target, name, symbols, buffers);
}

Value* GpuEmitter::Lane() { return b().CreateAnd(Thread(), Const(kWarpThreads - 1)); }

Value* GpuEmitter::Warp() { return b().CreateUDiv(Thread(), Const(kWarpThreads)); }

Value* GpuEmitter::IsFirstLane() { return b().CreateICmpEQ(Lane(), Const(0)); }

Value* GpuEmitter::Shuffle(Value* x, Value* lane) {
  return b().CreateBitCast(ShuffleBits(b().CreateBitCast(x, Int(32, 1)), lane), x->getType());
}

Value* GpuEmitter::Butterfly(Value* x, const std::function<Value*(Value*, Value*)>& combine) {
  Value* own = b().CreateTrunc(Lane(), Int(32, 1));
  for (int distance = kWarpThreads / 2; distance >= 1; distance /= 2) {
    x = combine(x, Shuffle(x, b().CreateXor(own, ConstInt(distance, 32, 1))));
  }
  return x;
}

Value* GpuEmitter::WarpSum(Value* x) {
  return Butterfly(x, [&](Value* a, Value* c) {
    return a->getType()->isFloatTy() ? b().CreateFAdd(a, c) : b().CreateAdd(a, c);
  });
}

Value* GpuEmitter::WarpMax(Value* x) {
  return Butterfly(x, [&](Value* a, Value* c) { return Max(a, c); });
}

void GpuEmitter::ForPart(const std::vector<ir::Axis>& axes, int64_t together, Value* own,
                         const std::function<void(const Indices&)>& body) {
  if (axes.empty()) {
    If(b().CreateICmpEQ(own, Const(0)), [&] { body({}); });
    return;
  }
  Indices indices = IndicesOf(axes, Block(), together);
  Value*& last = indices.at(axes.back().name);
  last = b().CreateAdd(last, own);
  If(b().CreateICmpSLT(last, ExtentValue(axes.back().extent)), [&] { body(indices); });
}

void GpuEmitter::ForElements(const std::vector<ir::Axis>& axes,
                             const std::function<void(const Indices&)>& body) {
  ForPart(axes, kBlockThreads, Thread(), body);
}

void GpuEmitter::ForWarpRows(const std::vector<ir::Axis>& axes,
                             const std::function<void(const Indices&)>& body) {
  ForPart(axes, kBlockWarps, Warp(), body);
}

Emitter::Carried GpuEmitter::ForLanesOfWarp(
    Value* end, const Carried& init, const std::function<Carried(Value* i, const Carried&)>& body) {
  return Loop(Lane(), end, kWarpThreads, init, body);
}

KernelInfo ElementsInfo(std::vector<ir::Axis> axes) {
  KernelInfo info;
  info.work_axes = std::move(axes);
  info.item_rows = kBlockThreads;
  return info;
}

KernelInfo WarpRowsInfo(std::vector<ir::Axis> axes) {
  KernelInfo info;
  info.work_axes = std::move(axes);
  info.item_rows = kBlockWarps;
  return info;
}

}  // namespace lluda::codegen
