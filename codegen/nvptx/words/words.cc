#include "codegen/nvptx/words/words.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsNVPTX.h"

namespace lluda::codegen {
namespace {

using runtime::kBlockThreads;
using runtime::kBlockWarps;
using runtime::kWarpThreads;

// Offsets of KernelArgs' and SimulatedThread's fields; their headers assert them.
constexpr int64_t kBuffers = 0, kDims = 8, kScratch = 16, kBegin = 24, kWorkspace = 48;
constexpr int64_t kIndex = 0, kShared = 8, kBarrier = 16, kShuffle = 24, kMultiply = 32,
                  kMultiplyTile = 40;
// NVPTX's address spaces (LLVM, User Guide for NVPTX Back-end): all memory but what a block shares,
// and that.
constexpr unsigned kGlobalSpace = 1, kSharedSpace = 3;

llvm::Function* NewFunction(llvm::Module* module, const std::string& name,
                            const std::vector<llvm::Type*>& parameters) {
  auto* type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(module->getContext()), parameters, false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  return function;
}

void Annotate(llvm::Function* function, const char* key, int value) {
  llvm::LLVMContext& context = function->getContext();
  llvm::Type* i32 = llvm::Type::getInt32Ty(context);
  function->getParent()
      ->getOrInsertNamedMetadata("nvvm.annotations")
      ->addOperand(llvm::MDNode::get(
          context, {llvm::ValueAsMetadata::get(function), llvm::MDString::get(context, key),
                    llvm::ConstantAsMetadata::get(
                        llvm::ConstantInt::get(i32, static_cast<uint64_t>(value)))}));
}

class PtxEmitter : public GpuEmitter {
 public:
  // The function's parameters are the symbols, the first block and the buffers.
  PtxEmitter(const Form& form, llvm::Function* function, const Target& target,
             const std::vector<std::string>& symbols, const std::vector<Value*>& dims,
             Value* first_block, const std::vector<Value*>& buffers, Value* workspace)
      : GpuEmitter(form, function, target, symbols, buffers, dims),
        first_block_(first_block),
        workspace_(workspace) {
    // The next kernel may begin: it waits for this one's end before it reads what this one writes.
    if (form.overlaps) Control("griddepcontrol.launch_dependents;");
  }

  Value* Thread() override { return Register(llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x); }
  void Barrier() override { b().CreateIntrinsic(llvm::Intrinsic::nvvm_barrier0, {}, {}); }
  Value* ShuffleBits(Value* bits, Value* lane) override {
    return b().CreateIntrinsic(llvm::Intrinsic::nvvm_shfl_sync_idx_i32, {},
                               {b().getInt32(0xFFFFFFFF), bits, lane,
                                b().getInt32(static_cast<uint32_t>(kWarpThreads - 1))});
  }
  Value* Shared(int64_t bytes) override {
    const int64_t before = shared_bytes_;
    Share(bytes);
    if (shared_bytes_ > before) Enlarge();
    return b().CreateAddrSpaceCast(shared_, b().getPtrTy());
  }
  Value* Workspace() override { return workspace_; }
  void WaitForEarlier() override {
    if (form_.overlaps) Control("griddepcontrol.wait;");
  }
  std::vector<Value*> Multiply(const std::vector<Value*>& a, const std::vector<Value*>& b_words,
                               const std::vector<Value*>& sums) override {
    std::vector<Value*> operands = a;
    operands.insert(operands.end(), b_words.begin(), b_words.end());
    operands.insert(operands.end(), sums.begin(), sums.end());
    Value* result =
        b().CreateIntrinsic(llvm::Intrinsic::nvvm_mma_m16n8k16_row_col_bf16, {}, operands);
    std::vector<Value*> next;
    for (unsigned i = 0; i < 4; ++i) next.push_back(b().CreateExtractValue(result, i));
    return next;
  }
  // A step is 16 elements, 32 bytes on in each row; the unit of a descriptor's address is 16.
  std::vector<Value*> BeginTile(Value* rows, Value* columns, int64_t count,
                                const std::vector<Value*>& sums) override {
    const auto own = static_cast<size_t>(count / 2);
    std::vector<std::string> outputs;
    for (size_t i = 0; i < own; ++i) outputs.push_back(absl::StrCat("$", i));
    const size_t first_input = own + sums.size();
    std::string text = absl::StrCat(
        "{ .reg .pred first, later; .reg .b64 rows, columns; setp.ne.u32 first, ",
        sums.empty() ? 0 : 1, ", 0; setp.eq.u32 later, 0, 0; mov.b64 rows, $", first_input,
        "; mov.b64 columns, $", first_input + 1, "; wgmma.fence.sync.aligned; ");
    for (int64_t step = 0; step < runtime::kTileRowBytes / 32; ++step) {
      absl::StrAppend(&text, "wgmma.mma_async.sync.aligned.m64n", count, "k16.f32.bf16.bf16 {",
                      absl::StrJoin(outputs, ","), "}, rows, columns, ",
                      step == 0 ? "first" : "later",
                      ", 1, 1, 0, 0; add.s64 rows, rows, 2; add.s64 columns, columns, 2; ");
    }
    absl::StrAppend(&text, "wgmma.commit_group.sync.aligned; }");
    return OfWarpgroup(text, own, sums, {Descriptor(rows), Descriptor(columns)});
  }
  std::vector<Value*> EndTile(const std::vector<Value*>& sums) override {
    return OfWarpgroup("wgmma.wait_group.sync.aligned 0;", sums.size(), sums, {});
  }
  void ShowTiles() override { Control("fence.proxy.async.shared::cta;"); }
  Value* PickBytes(Value* low, Value* high, Value* selector) override {
    return b().CreateIntrinsic(llvm::Intrinsic::nvvm_prmt, {}, {low, high, selector});
  }
  Value* MultiplyAddPairs(Value* x, Value* y, Value* z) override {
    auto* i32 = b().getInt32Ty();
    auto* type = llvm::FunctionType::get(i32, {i32, i32, i32}, false);
    auto* call = b().CreateCall(type,
                                llvm::InlineAsm::get(type, "fma.rn.bf16x2 $0, $1, $2, $3;",
                                                     "=r,r,r,r", /*hasSideEffects=*/false),
                                {x, y, z});
    call->setDoesNotAccessMemory();
    call->setDoesNotThrow();
    call->addFnAttr(llvm::Attribute::WillReturn);
    return call;
  }
  void BeginCopy(Value* shared, Value* from) override {
    b().CreateIntrinsic(llvm::Intrinsic::nvvm_cp_async_cg_shared_global_16, {},
                        {b().CreateAddrSpaceCast(shared, b().getPtrTy(kSharedSpace)),
                         b().CreateAddrSpaceCast(from, b().getPtrTy(kGlobalSpace))});
  }
  void CloseCopies() override {
    b().CreateIntrinsic(llvm::Intrinsic::nvvm_cp_async_commit_group, {}, {});
  }
  void WaitForCopies(int but) override {
    b().CreateIntrinsic(llvm::Intrinsic::nvvm_cp_async_wait_group, {},
                        {b().getInt32(static_cast<uint32_t>(but))});
  }
  void WantBlocks(int blocks) override { Annotate(function(), "minctasm", blocks); }
  // Weaker than membar.gl, which puts all fences of the GPU in one order.
  void Publish() override { Control("fence.acq_rel.gpu;"); }

 protected:
  Value* OwnBlock() override {
    return b().CreateAdd(first_block_, Register(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x));
  }

 private:
  Value* Register(llvm::Intrinsic::ID id) {
    return b().CreateZExt(b().CreateIntrinsic(id, {}, {}), b().getInt64Ty());
  }
  // An instruction that LLVM has no intrinsic for.
  void Control(const char* text) {
    auto* type = llvm::FunctionType::get(b().getVoidTy(), false);
    b().CreateCall(type, llvm::InlineAsm::get(type, text, "~{memory}", /*hasSideEffects=*/true));
  }
  // Memory that the launch brings has no size here (PTX ISA, ".shared" and ".extern").
  void Enlarge() {
    const bool by_launch = LaunchBytes() > 0;
    auto* type =
        llvm::ArrayType::get(b().getInt8Ty(), by_launch ? 0 : static_cast<uint64_t>(shared_bytes_));
    auto* larger = new llvm::GlobalVariable(
        *function()->getParent(), type, /*isConstant=*/false,
        by_launch ? llvm::GlobalValue::ExternalLinkage : llvm::GlobalValue::InternalLinkage,
        by_launch ? nullptr : llvm::UndefValue::get(type), "shared", nullptr,
        llvm::GlobalValue::NotThreadLocal, kSharedSpace);
    larger->setAlignment(llvm::Align(runtime::kTileAlignment));
    if (shared_ != nullptr) {
      shared_->replaceAllUsesWith(larger);
      shared_->eraseFromParent();
    }
    shared_ = larger;
  }
  // Instructions that leave `count` sums where `sums` are, if there are any.
  std::vector<Value*> OfWarpgroup(const std::string& text, size_t count,
                                  const std::vector<Value*>& sums,
                                  const std::vector<Value*>& descriptors) {
    std::vector<std::string> constraints(count, "=f");
    for (size_t i = 0; i < sums.size(); ++i) constraints.push_back(absl::StrCat(i));
    for (size_t i = 0; i < descriptors.size(); ++i) constraints.emplace_back("l");
    constraints.emplace_back("~{memory}");
    std::vector<Value*> operands = sums;
    operands.insert(operands.end(), descriptors.begin(), descriptors.end());
    std::vector<llvm::Type*> types;
    for (Value* operand : operands) types.push_back(operand->getType());
    auto* result =
        llvm::StructType::get(b().getContext(), std::vector<llvm::Type*>(count, b().getFloatTy()));
    auto* type = llvm::FunctionType::get(result, types, false);
    auto* call = b().CreateCall(type,
                                llvm::InlineAsm::get(type, text, absl::StrJoin(constraints, ","),
                                                     /*hasSideEffects=*/true),
                                operands);
    call->addFnAttr(llvm::Attribute::Convergent);
    std::vector<Value*> next;
    for (unsigned i = 0; i < count; ++i) next.push_back(b().CreateExtractValue(call, i));
    return next;
  }
  // A tile by where it lies, its rows of kTileRowBytes, of which eight lie kTileAlignment behind the
  // eight before (PTX ISA, "Asynchronous Warpgroup Level Matrix Multiply-Accumulate: matrix descriptor").
  Value* Descriptor(Value* tile) {
    constexpr uint64_t kSwizzled = uint64_t{1} << 62;  // of 128 bytes
    constexpr uint64_t kUnit = 16;
    Value* address = b().CreatePtrToInt(b().CreateAddrSpaceCast(tile, b().getPtrTy(kSharedSpace)),
                                        b().getInt64Ty());
    Value* place = b().CreateLShr(b().CreateAnd(address, 0x3FFFF), 4);
    return b().CreateOr(place, kSwizzled | (runtime::kTileAlignment / kUnit) << 32 | 1 << 16);
  }

  Value* first_block_;
  Value* workspace_;
  llvm::GlobalVariable* shared_ = nullptr;
};

class SimulatedEmitter : public GpuEmitter {
 public:
  SimulatedEmitter(const Form& form, llvm::Function* function, const Target& target,
                   const std::vector<std::string>& symbols, const std::vector<Value*>& dims,
                   Value* block, Value* thread, const std::vector<Value*>& buffers,
                   Value* workspace)
      : GpuEmitter(form, function, target, symbols, buffers, dims),
        block_(block),
        thread_(thread),
        workspace_(workspace) {}

  Value* Thread() override { return b().CreateLoad(b().getInt64Ty(), Field(kIndex)); }
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
    Share(bytes);
    return b().CreateLoad(b().getPtrTy(), Field(kShared));
  }
  Value* Workspace() override { return workspace_; }
  void WaitForEarlier() override {}
  std::vector<Value*> Multiply(const std::vector<Value*>& a, const std::vector<Value*>& b_words,
                               const std::vector<Value*>& sums) override {
    Value* words[] = {InMemory(a), InMemory(b_words), InMemory(sums)};
    auto* pointer = b().getPtrTy();
    auto* type =
        llvm::FunctionType::get(b().getVoidTy(), {pointer, pointer, pointer, pointer}, false);
    b().CreateCall(type, b().CreateLoad(pointer, Field(kMultiply)),
                   {thread_, words[0], words[1], words[2]});
    return SumsOf(words[2], sums.size());
  }
  std::vector<Value*> BeginTile(Value* rows, Value* columns, int64_t count,
                                const std::vector<Value*>& sums) override {
    const auto own = static_cast<size_t>(count / 2);
    Value* place = InMemory(sums.empty() ? std::vector<Value*>(own, ConstF32(0.0f, 1)) : sums);
    auto* pointer = b().getPtrTy();
    auto* type = llvm::FunctionType::get(
        b().getVoidTy(), {pointer, pointer, pointer, b().getInt64Ty(), pointer}, false);
    b().CreateCall(type, b().CreateLoad(pointer, Field(kMultiplyTile)),
                   {thread_, rows, columns, Const(count), place});
    return SumsOf(place, own);
  }
  std::vector<Value*> EndTile(const std::vector<Value*>& sums) override { return sums; }
  void ShowTiles() override {}
  Value* PickBytes(Value* low, Value* high, Value* selector) override {
    auto* i64 = b().getInt64Ty();
    Value* all =
        b().CreateOr(b().CreateZExt(low, i64), b().CreateShl(b().CreateZExt(high, i64), 32));
    Value* picked = b().getInt32(0);
    for (uint64_t i = 0; i < 4; ++i) {
      Value* number = b().CreateAnd(b().CreateLShr(selector, 4 * i), 7);
      Value* shift = b().CreateZExt(b().CreateShl(number, 3), i64);
      Value* byte =
          b().CreateAnd(b().CreateTrunc(b().CreateLShr(all, shift), b().getInt32Ty()), 255);
      picked = b().CreateOr(picked, b().CreateShl(byte, 8 * i));
    }
    return picked;
  }
  Value* MultiplyAddPairs(Value* x, Value* y, Value* z) override {
    Value* upper_half = b().getInt32(0xFFFF0000);
    const auto sum = [&](const std::function<Value*(Value*)>& half) {
      const auto number = [&](Value* pair) { return b().CreateBitCast(half(pair), F32(1)); };
      return b().CreateBitCast(MulAdd(number(x), number(y), number(z)), b().getInt32Ty());
    };
    Value* low = sum([&](Value* pair) { return b().CreateShl(pair, 16); });
    Value* high = sum([&](Value* pair) { return b().CreateAnd(pair, upper_half); });
    return b().CreateOr(b().CreateLShr(low, 16), b().CreateAnd(high, upper_half));
  }
  void BeginCopy(Value* shared, Value* from) override {
    b().CreateAlignedStore(b().CreateAlignedLoad(Int(32, 4), from, llvm::Align(16)), shared,
                           llvm::Align(16));
  }
  void CloseCopies() override {}
  void WantBlocks(int) override {}
  void WaitForCopies(int) override {}
  void Publish() override { b().CreateFence(llvm::AtomicOrdering::SequentiallyConsistent); }

 protected:
  Value* OwnBlock() override { return block_; }

 private:
  // Values of one type, one behind the other on the stack.
  Value* InMemory(const std::vector<Value*>& values) {
    llvm::IRBuilder<> at(&function()->getEntryBlock(), function()->getEntryBlock().begin());
    llvm::Type* type = values[0]->getType();
    Value*& place = places_[{type, values.size()}];
    if (place == nullptr)
      place = at.CreateAlloca(type, at.getInt32(static_cast<uint32_t>(values.size())));
    for (size_t i = 0; i < values.size(); ++i) {
      b().CreateStore(values[i], b().CreateConstInBoundsGEP1_64(type, place, i));
    }
    return place;
  }
  std::vector<Value*> SumsOf(Value* place, size_t count) {
    std::vector<Value*> sums;
    for (uint64_t i = 0; i < count; ++i) {
      sums.push_back(b().CreateLoad(F32(1), b().CreateConstInBoundsGEP1_64(F32(1), place, i)));
    }
    return sums;
  }
  Value* Field(int64_t offset) {
    return b().CreateConstInBoundsGEP1_64(b().getInt8Ty(), thread_, static_cast<uint64_t>(offset));
  }

  Value* block_;
  Value* thread_;
  Value* workspace_;
  std::map<std::pair<llvm::Type*, size_t>, Value*> places_;
};

std::unique_ptr<GpuEmitter> BeginPtx(const Form& form, llvm::Module* module, const Target& target,
                                     const std::string& name,
                                     const std::vector<std::string>& symbols, int buffers) {
  llvm::LLVMContext& context = module->getContext();
  std::vector<llvm::Type*> types(symbols.size() + 1, llvm::Type::getInt64Ty(context));
  types.resize(types.size() + static_cast<size_t>(buffers) + 1,
               llvm::PointerType::getUnqual(context));
  llvm::Function* function = NewFunction(module, name, types);
  Annotate(function, "kernel", 1);
  Annotate(function, "maxntidx", kBlockThreads);
  std::vector<Value*> values;
  for (llvm::Argument& argument : function->args()) values.push_back(&argument);
  const auto first = values.begin() + static_cast<int64_t>(symbols.size());
  return std::make_unique<PtxEmitter>(
      form, function, target, symbols, std::vector<Value*>(values.begin(), first), *first,
      std::vector<Value*>(first + 1, values.end() - 1), values.back());
}

std::unique_ptr<GpuEmitter> BeginSimulated(const Form& form, llvm::Module* module,
                                           const Target& target, const std::string& name,
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
  Value* workspace = load(at.getPtrTy(), args, kWorkspace);
  std::vector<Value*> dims, pointers;
  for (size_t i = 0; i < symbols.size(); ++i) {
    dims.push_back(load(at.getInt64Ty(), symbol_values, 8 * static_cast<int64_t>(i)));
  }
  for (int i = 0; i < buffers; ++i) pointers.push_back(load(at.getPtrTy(), places, 8 * i));
  auto emitter = std::make_unique<SimulatedEmitter>(form, function, target, symbols, dims, item,
                                                    thread, pointers, workspace);
  at.CreateBr(block->getNextNode());
  return emitter;
}

}  // namespace

std::unique_ptr<GpuEmitter> GpuEmitter::Begin(const Form& form, llvm::Module* module,
                                              const Target& target, const std::string& name,
                                              const std::vector<std::string>& symbols,
                                              int buffers) {
  return form.simulated ? BeginSimulated(form, module, target, name, symbols, buffers)
                        : BeginPtx(form, module, target, name, symbols, buffers);
}

void GpuEmitter::Share(int64_t bytes) {
  CHECK_LE(bytes, MultipliesTiles() ? runtime::kMaxTileBytes : runtime::kMaxSharedBytes);
  shared_bytes_ = std::max(shared_bytes_, bytes);
}

std::vector<Value*> GpuEmitter::Choose(Value* condition,
                                       const std::function<std::vector<Value*>()>& then,
                                       const std::function<std::vector<Value*>()>& otherwise) {
  std::vector<Value*> values[2];
  llvm::BasicBlock* ends[2] = {};
  If(
      condition,
      [&] {
        values[0] = then();
        ends[0] = b().GetInsertBlock();
      },
      [&] {
        values[1] = otherwise();
        ends[1] = b().GetInsertBlock();
      });
  std::vector<Value*> chosen;
  for (size_t i = 0; i < values[0].size(); ++i) {
    auto* phi = b().CreatePHI(values[0][i]->getType(), 2);
    for (size_t n = 0; n < 2; ++n) phi->addIncoming(values[n][i], ends[n]);
    chosen.push_back(phi);
  }
  return chosen;
}

void GpuEmitter::IfLastBlock(Value* counter, Value* count, const std::function<void()>& body) {
  llvm::Type* i32 = Int(32, 1);
  Value* shared = Shared(4);
  // The block's writes come before the barrier, and so before what the one thread publishes behind it;
  // what it sees then, all see behind the next one (PTX ISA, "Memory Consistency Model": causality).
  Barrier();
  If(b().CreateICmpEQ(Thread(), Const(0)), [&] {
    Publish();
    Value* before = b().CreateAtomicRMW(llvm::AtomicRMWInst::Add, counter, b().getInt32(1),
                                        llvm::Align(4), llvm::AtomicOrdering::Monotonic);
    Publish();
    b().CreateAlignedStore(before, shared, llvm::Align(4));
  });
  Barrier();
  Value* before = b().CreateAlignedLoad(i32, shared, llvm::Align(4));
  Value* last = b().CreateSub(b().CreateTrunc(count, i32), b().getInt32(1));
  Barrier();  // the shared memory is free again
  If(b().CreateICmpEQ(before, last), [&] {
    If(b().CreateICmpEQ(Thread(), Const(0)),
       [&] { b().CreateAlignedStore(b().getInt32(0), counter, llvm::Align(4)); });
    body();
  });
}

void GpuEmitter::UsePart(const std::vector<Value*>& buffers, Value* block) {
  SetBuffers(buffers);
  block_ = block;
}

std::vector<Value*> GpuEmitter::Buffers(int first, int count) {
  std::vector<Value*> buffers;
  for (int i = first; i < first + count; ++i) buffers.push_back(Buffer(i));
  return buffers;
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
