#include "codegen/llvm/step_function.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/align.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "glog/logging.h"
#include "llvm/IR/IRBuilder.h"
#include "runtime/space_bases.h"

namespace lluda::codegen {
namespace {

using base::kCacheLine;
using base::RoundUp;
using llvm::Value;
using runtime::Space;

// Fields of NAME_memory, by their index.
enum Memory { kWeights, kStates, kFrame, kScratch };

class StepEmitter {
 public:
  StepEmitter(const runtime::Program& program, int64_t context, int64_t max_step,
              llvm::Module* module)
      : program_(program),
        step_(program.entry(step_interface::kStep)),
        context_(context),
        max_step_(max_step),
        module_(module),
        builder_(module->getContext()) {}

  absl::StatusOr<StepMemory> Run(const std::string& name) {
    RETURN_IF_ERROR(Check());
    PlaceStates();
    PlaceInputs();
    for (const runtime::Kernel& kernel : program_.kernels) {
      memory_.scratch_bytes =
          std::max(memory_.scratch_bytes, RoundUp(kernel.scratch_bytes, kCacheLine));
    }
    Begin(name);
    EmitInputs();
    for (const runtime::Call& call : step_.calls) EmitCall(call);
    builder_.CreateRet(builder_.getInt32(0));
    return memory_;
  }

 private:
  // The value of each symbol but T, which is the number of tokens.
  absl::Status Check() {
    std::vector<const char*> with_pages(std::begin(step_interface::kInputs),
                                        std::end(step_interface::kInputs));
    with_pages.insert(with_pages.end(), std::begin(step_interface::kPageInputs),
                      std::end(step_interface::kPageInputs));
    takes_pages_ = step_.HasInputs(with_pages);
    if ((!takes_pages_ && !step_.HasInputs(step_interface::kInputs)) || !program_.weights.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the step's inputs are not ", absl::StrJoin(step_interface::kInputs, ", ")));
    }
    for (const runtime::SymbolRange& symbol : program_.symbols) {
      if (symbol.name != step_interface::kCapacity) continue;
      capacity_ = RoundUp(context_, std::max<int64_t>(1, symbol.min));
    }
    for (size_t i = 0; i < program_.symbols.size(); ++i) {
      const runtime::SymbolRange& symbol = program_.symbols[i];
      int64_t value = symbol.min;
      if (symbol.name == step_interface::kTokenCount) {
        tokens_symbol_ = static_cast<int>(i);
        value = max_step_;
      }
      if (symbol.name == step_interface::kCapacity) value = capacity_;
      if (symbol.name == step_interface::kPageCount || symbol.name == step_interface::kPlaceCount) {
        value = places();
      }
      if (value > symbol.max) {
        return absl::InvalidArgumentError(
            absl::StrCat("symbol ", symbol.name, " would be ", value, ", more than ", symbol.max));
      }
      dims_.push_back(value);
    }
    if (tokens_symbol_ < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the step has no symbol ", step_interface::kTokenCount));
    }
    return absl::OkStatus();
  }

  void PlaceStates() {
    memory_.max_back = context_;
    for (const runtime::Tensor& state : program_.states) {
      if (state.positions.ring > 0) memory_.max_back = max_step_;
      state_offsets_.push_back(memory_.state_bytes);
      memory_.state_bytes += RoundUp(state.Bytes(dims_), kCacheLine);
    }
  }

  // Of the text, which has all pages.
  int64_t places() const {
    return RoundUp(capacity_, step_interface::kPagePositions) / step_interface::kPagePositions;
  }

  // Behind the program's frame lie the inputs that the caller does not give, in their order.
  void PlaceInputs() {
    memory_.frame_bytes = RoundUp(program_.frame_bytes, kCacheLine);
    std::vector<int64_t> lengths = {max_step_, max_step_, 1};
    if (takes_pages_) lengths.insert(lengths.end(), {max_step_, places()});
    for (const int64_t length : lengths) {
      input_offsets_.push_back(memory_.frame_bytes);
      memory_.frame_bytes += RoundUp(length * 4, kCacheLine);
    }
  }

  Value* At(Value* base, int64_t bytes) {
    return builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), base, bytes);
  }

  // The signature, the check of the numbers, and what all calls share.
  void Begin(const std::string& name) {
    llvm::LLVMContext& context = module_->getContext();
    llvm::Type* pointer = builder_.getPtrTy();
    llvm::Type* i32 = builder_.getInt32Ty();
    function_ = llvm::Function::Create(
        llvm::FunctionType::get(i32, {pointer, pointer, i32, i32, pointer}, false),
        llvm::Function::ExternalLinkage, name + "_step", module_);
    function_->addFnAttr(llvm::Attribute::NoUnwind);
    auto* entry = llvm::BasicBlock::Create(context, "entry", function_);
    auto* refused = llvm::BasicBlock::Create(context, "refused", function_);
    auto* body = llvm::BasicBlock::Create(context, "body", function_);
    builder_.SetInsertPoint(entry);
    llvm::Type* i64 = builder_.getInt64Ty();
    count_ = builder_.CreateSExt(function_->getArg(2), i64, "count");
    position_ = builder_.CreateSExt(function_->getArg(3), i64, "position");
    PlaceDims();
    size_t most_buffers = 1;
    for (const runtime::Call& call : step_.calls) {
      most_buffers = std::max(most_buffers, call.buffers.size());
    }
    buffers_ = builder_.CreateAlloca(pointer, builder_.getInt64(most_buffers), "buffers");
    dims_memory_ =
        builder_.CreateAlloca(i64, builder_.getInt64(dims_.size() + bound_dims_), "dims");
    args_ = builder_.CreateAlloca(i64, builder_.getInt64(sizeof(runtime::KernelArgs) / 8), "args");
    // Unsigned comparisons refuse negative numbers, too.
    const auto outside = [&](Value* value, int64_t most) {
      return builder_.CreateICmpUGT(value, builder_.getInt64(static_cast<uint64_t>(most)));
    };
    Value* bad = outside(builder_.CreateSub(count_, builder_.getInt64(1)), max_step_ - 1);
    bad = builder_.CreateOr(bad, outside(position_, context_ - 1));
    bad = builder_.CreateOr(bad, outside(builder_.CreateAdd(position_, count_), context_));
    builder_.CreateCondBr(bad, refused, body);
    builder_.SetInsertPoint(refused);
    builder_.CreateRet(builder_.getInt32(static_cast<uint32_t>(-1)));
    builder_.SetInsertPoint(body);
    for (const int field : {kWeights, kStates, kFrame, kScratch}) {
      memory_fields_.push_back(builder_.CreateLoad(pointer, At(function_->getArg(0), field * 8)));
    }
    for (const int64_t offset : state_offsets_) {
      states_.push_back(At(memory_fields_[kStates], offset));
    }
    for (size_t i = 0; i < dims_.size(); ++i) {
      Value* value = static_cast<int>(i) == tokens_symbol_
                         ? count_
                         : builder_.getInt64(static_cast<uint64_t>(dims_[i]));
      dim_values_.push_back(value);
    }
    for (const runtime::Binding& binding : program_.bindings) {
      for (const runtime::Dim& dim : binding) {
        dim_values_.push_back(dim.symbol < 0 ? builder_.getInt64(static_cast<uint64_t>(dim.value))
                                             : dim_values_[static_cast<size_t>(dim.symbol)]);
      }
    }
    for (size_t i = 0; i < dim_values_.size(); ++i) {
      builder_.CreateStore(dim_values_[i], At(dims_memory_, static_cast<int64_t>(i) * 8));
    }
    Set(offsetof(runtime::KernelArgs, buffers), buffers_);
    Set(offsetof(runtime::KernelArgs, scratch), memory_fields_[kScratch]);
    Set(offsetof(runtime::KernelArgs, begin), builder_.getInt64(0));
    Set(offsetof(runtime::KernelArgs, parts), builder_.getInt64(1));
    Set(offsetof(runtime::KernelArgs, workspace), llvm::Constant::getNullValue(pointer));
    Set(offsetof(runtime::KernelArgs, computed), llvm::Constant::getNullValue(pointer));
  }

  void Set(size_t field, Value* value) {
    builder_.CreateStore(value, At(args_, static_cast<int64_t>(field)));
  }

  // Emits a loop over i from 0 to below `count`, which is at least 1.
  void ForEach(Value* count, const std::function<void(Value* i)>& emit) {
    llvm::BasicBlock* before = builder_.GetInsertBlock();
    auto* loop = llvm::BasicBlock::Create(module_->getContext(), "each", function_);
    auto* after = llvm::BasicBlock::Create(module_->getContext(), "all", function_);
    builder_.CreateBr(loop);
    builder_.SetInsertPoint(loop);
    llvm::PHINode* i = builder_.CreatePHI(builder_.getInt64Ty(), 2);
    emit(i);
    Value* next = builder_.CreateAdd(i, builder_.getInt64(1));
    i->addIncoming(builder_.getInt64(0), before);
    i->addIncoming(next, loop);
    builder_.CreateCondBr(builder_.CreateICmpEQ(next, count), after, loop);
    builder_.SetInsertPoint(after);
  }

  void Store32(Value* value, Value* array, Value* i) {
    builder_.CreateStore(builder_.CreateTrunc(value, builder_.getInt32Ty()),
                         builder_.CreateGEP(builder_.getInt32Ty(), array, i));
  }

  // Positions count up, all tokens are of slot 0, and the last row's logits are wanted. Pages, where
  // there are some, lie in the order of the text.
  void EmitInputs() {
    inputs_ = {function_->getArg(1)};
    for (const int64_t offset : input_offsets_) {
      inputs_.push_back(At(memory_fields_[kFrame], offset));
    }
    enum Input { kPositions = 1, kSlots, kRows, kPages, kTable };
    Value* zero = builder_.getInt64(0);
    Store32(builder_.CreateSub(count_, builder_.getInt64(1)), inputs_[kRows], zero);
    ForEach(count_, [&](Value* i) {
      Value* position = builder_.CreateAdd(position_, i);
      Store32(position, inputs_[kPositions], i);
      Store32(zero, inputs_[kSlots], i);
      if (!takes_pages_) return;
      Value* page =
          builder_.CreateUDiv(position, builder_.getInt64(step_interface::kPagePositions));
      Store32(page, inputs_[kPages], i);
    });
    if (!takes_pages_) return;
    ForEach(builder_.getInt64(static_cast<uint64_t>(places())),
            [&](Value* i) { Store32(i, inputs_[kTable], i); });
  }

  // A step that is alone reads no weight of a checkpoint.
  Value* Pointer(const runtime::BufferRef& buffer) {
    CHECK(buffer.space != Space::kWeight);
    const runtime::SpaceBases<Value*> bases{memory_fields_[kFrame],
                                            memory_fields_[kWeights],
                                            function_->getArg(4),
                                            {},
                                            states_,
                                            inputs_};
    return At(bases.Of(buffer), buffer.offset);
  }

  // Behind the symbols' values lie those of the bindings, one after the other.
  void PlaceDims() {
    for (const runtime::Binding& binding : program_.bindings) {
      first_dims_.push_back(dims_.size() + bound_dims_);
      bound_dims_ += binding.size();
    }
  }

  // As runtime::Work::Count does, with the call's dims from `first` on.
  Value* Items(const runtime::Work& work, size_t first) {
    Value* items = builder_.getInt64(static_cast<uint64_t>(work.constant));
    for (const runtime::WorkFactor& factor : work.factors) {
      const auto divisor = static_cast<uint64_t>(factor.divisor);
      const auto more = static_cast<uint64_t>(factor.more) + divisor - 1;
      Value* dim = builder_.CreateAdd(dim_values_[first + static_cast<size_t>(factor.symbol)],
                                      builder_.getInt64(more));
      items = builder_.CreateMul(items, builder_.CreateUDiv(dim, builder_.getInt64(divisor)));
    }
    return items;
  }

  void EmitCall(const runtime::Call& call) {
    const runtime::Kernel& kernel = program_.kernels[call.kernel];
    llvm::Function* function = module_->getFunction(kernel.name);
    CHECK(function != nullptr) << kernel.name;
    for (size_t i = 0; i < call.buffers.size(); ++i) {
      builder_.CreateStore(Pointer(call.buffers[i]), At(buffers_, static_cast<int64_t>(i) * 8));
    }
    const size_t first = call.binding < 0 ? 0 : first_dims_[static_cast<size_t>(call.binding)];
    Set(offsetof(runtime::KernelArgs, dims), At(dims_memory_, static_cast<int64_t>(first) * 8));
    Set(offsetof(runtime::KernelArgs, end), Items(kernel.work, first));
    builder_.CreateCall(function, {args_});
  }

  const runtime::Program& program_;
  const runtime::Entry& step_;
  const int64_t context_;
  const int64_t max_step_;
  llvm::Module* module_;
  llvm::IRBuilder<> builder_;
  StepMemory memory_;
  int tokens_symbol_ = -1;
  std::vector<int64_t> dims_;       // the symbols' values
  std::vector<size_t> first_dims_;  // of each binding, among dim_values_
  size_t bound_dims_ = 0;           // of all bindings
  std::vector<int64_t> state_offsets_, input_offsets_;
  int64_t capacity_ = 0;  // positions of the text
  bool takes_pages_ = false;
  llvm::Function* function_ = nullptr;
  Value* count_ = nullptr;
  Value* position_ = nullptr;
  Value* buffers_ = nullptr;
  Value* dims_memory_ = nullptr;
  Value* args_ = nullptr;
  std::vector<Value*> memory_fields_;
  std::vector<Value*> dim_values_;  // as they lie in dims_memory_
  std::vector<Value*> states_, inputs_;
};

}  // namespace

absl::StatusOr<StepMemory> EmitStepFunction(const runtime::Program& program,
                                            const std::string& name, int64_t context,
                                            int64_t max_step, llvm::Module* module) {
  std::vector<llvm::Function*> kernels;
  for (llvm::Function& function : *module) kernels.push_back(&function);
  ASSIGN_OR_RETURN(StepMemory memory, StepEmitter(program, context, max_step, module).Run(name));
  for (llvm::Function* kernel : kernels) {
    if (kernel->isDeclaration()) continue;  // one of LLVM's own operations
    kernel->setLinkage(llvm::Function::InternalLinkage);
    if (kernel->use_empty()) kernel->eraseFromParent();
  }
  return memory;
}

}  // namespace lluda::codegen
