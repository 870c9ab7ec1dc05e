#include "codegen/cpu/machine_limits.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "codegen/cpu/emit/amx.h"
#include "codegen/cpu/matmul/blocks/scaled_dot.h"
#include "codegen/emit/emitter.h"
#include "codegen/emit/integer.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

constexpr int64_t kLineBytes = 64;
// Times an arithmetic loop repeats its chains, so that its counter costs nothing.
constexpr int kRepeats = 8;

using Carried = Emitter::Carried;

// Operand 0 or 1: its first 32 bits in all lanes, so that it takes one register however narrow
// registers are.
Value* Operand(Emitter& e, llvm::Type* type, int64_t index) {
  Value* address =
      e.b().CreateConstInBoundsGEP1_64(e.b().getInt8Ty(), e.Buffer(0), index * kLineBytes);
  Value* word = e.b().CreateAlignedLoad(e.F32(1), address, llvm::Align(kLineBytes));
  return e.b().CreateBitCast(e.Splat(word, kLanes), type);
}

void StoreScratch(Emitter& e, Value* value) {
  e.b().CreateAlignedStore(value, e.Scratch(), llvm::Align(kLineBytes));
}

// Independent chains of one instruction: as many as its latency times its throughput asks for, and
// as the registers hold beside the two operands.
void EmitChains(Emitter& e, int chains, llvm::Type* operand_type, llvm::Type* sum_type,
                const std::function<Value*(Value* sum, Value* x, Value* y)>& step) {
  Value* x = Operand(e, operand_type, 0);
  Value* y = Operand(e, operand_type, 1);
  const Carried zeros(static_cast<size_t>(chains), llvm::Constant::getNullValue(sum_type));
  const Carried sums = e.Loop(e.Begin(), e.End(), 1, zeros, [&](Value*, const Carried& before) {
    Carried now = before;
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      for (Value*& sum : now) sum = step(sum, x, y);
    }
    return now;
  });
  Value* total = sums[0];
  for (size_t i = 1; i < sums.size(); ++i) {
    total = sum_type->isFPOrFPVectorTy() ? e.b().CreateFAdd(total, sums[i])
                                         : e.b().CreateAdd(total, sums[i]);
  }
  StoreScratch(e, total);
}

// Chains of <16 x float>, which take one register, two or four.
int F32Chains(const Target& target) {
  switch (target.isa) {
    case Isa::kGeneric:
      return 3;  // 12 of 16 registers
    case Isa::kAvx2:
      return 6;  // 12 of 16
    default:
      return 24;  // of 32
  }
}

// x * sum + y and not sum + x * y, whose product a target without fma would compute once.
int64_t EmitF32(Emitter& e) {
  const int chains = F32Chains(e.target());
  EmitChains(e, chains, e.F32(kLanes), e.F32(kLanes),
             [&](Value* sum, Value* x, Value* y) { return e.MulAdd(sum, x, y); });
  return int64_t{kRepeats} * chains * kLanes * 2;
}

int64_t EmitBf16(Emitter& e) {
  constexpr int kChains = 24;
  auto* pairs = llvm::FixedVectorType::get(e.b().getBFloatTy(), 2 * kLanes);
  EmitChains(e, kChains, pairs, e.F32(kLanes), [&](Value* sum, Value* x, Value* y) {
    return e.b().CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512, {}, {sum, x, y});
  });
  return int64_t{kRepeats} * kChains * kLanes * 4;
}

// tdpbf16ps: four accumulator tiles, as many as a matmul's two A and two B tiles leave.
int64_t EmitAmxBf16(Emitter& e) {
  constexpr int kAccumulators = 4;
  constexpr int64_t kTileBytes = kAmxRows * kLineBytes;
  llvm::IRBuilder<>& b = e.b();
  const auto memory = [&](int64_t bytes) {
    auto* at = b.CreateAlloca(llvm::ArrayType::get(b.getInt8Ty(), static_cast<uint64_t>(bytes)));
    at->setAlignment(llvm::Align(kLineBytes));
    return at;
  };
  const auto tile = [&](int number) { return b.getInt8(static_cast<uint8_t>(number)); };
  EmitAmxConfig(e, memory(kAmxConfigBytes), {e.Const(kAmxRows), e.Const(kAmxRows)});
  for (int i = 0; i < kAccumulators; ++i) {
    b.CreateIntrinsic(llvm::Intrinsic::x86_tilezero, {}, {tile(i)});
    Value* row = memory(kLineBytes);
    b.CreateAlignedStore(Operand(e, e.Int(32, kLanes), i % 2), row, llvm::Align(kLineBytes));
    b.CreateIntrinsic(llvm::Intrinsic::x86_tileloadd64, {},
                      {tile(kAccumulators + i), row, e.Const(0)});
  }
  e.Loop(e.Begin(), e.End(), 1, [&](Value*) {
    for (int i = 0; i < kRepeats * kAccumulators; ++i) {
      const int sum = i % kAccumulators;
      b.CreateIntrinsic(llvm::Intrinsic::x86_tdpbf16ps, {},
                        {tile(sum), tile(4 + sum / 2), tile(6 + sum % 2)});
    }
  });
  Value* sums = memory(kTileBytes);
  Value* total = e.ConstF32(0.0f, kLanes);
  for (int i = 0; i < kAccumulators; ++i) {
    b.CreateIntrinsic(llvm::Intrinsic::x86_tilestored64, {}, {tile(i), sums, e.Const(kLineBytes)});
    for (int64_t row = 0; row < kAmxRows; ++row) {
      Value* at = b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), sums, row * kLineBytes);
      total = b.CreateFAdd(total, b.CreateAlignedLoad(e.F32(kLanes), at, llvm::Align(kLineBytes)));
    }
  }
  EmitAmxRelease(e);
  StoreScratch(e, total);
  return int64_t{kRepeats} * kAccumulators * kAmxRows * kLanes * kAmxDepth * 2;
}

// The loop of a matmul on AMX and nothing else: tiles of rows and panels from the caches, sums that are
// stored where they stay in the nearest one. An item is all rows by one pair of panels.
int64_t EmitAmxFed(Emitter& e) {
  constexpr int64_t kRowTilesBytes = kAmxRows * kFedDepth * 2;
  llvm::IRBuilder<>& b = e.b();
  const auto memory = [&](int64_t bytes) {
    auto* at = b.CreateAlloca(llvm::ArrayType::get(b.getInt8Ty(), static_cast<uint64_t>(bytes)));
    at->setAlignment(llvm::Align(kLineBytes));
    return at;
  };
  Value* sums = memory(4 * kAmxTileBytes);
  EmitAmxConfig(e, memory(kAmxConfigBytes), {e.Const(kAmxRows), e.Const(kAmxRows)});
  const auto at = [&](Value* bytes) { return e.Address(e.Buffer(0), bytes, ir::DType::kI8); };
  e.Loop(e.Begin(), e.End(), 1, [&](Value* item) {
    const Integer pair = Integer(e, item) % kFedPairs * 2;
    e.Loop(e.Const(0), e.Const(kFedRows / kAmxRows), 2, [&](Value* row_tile) {
      AmxDot dot{{}, {}, e.Const(kFedDepth)};
      for (int64_t i = 0; i < 2; ++i) {
        dot.a.push_back(AmxTiles(e, at((Integer(e, row_tile) + i) * kRowTilesBytes)));
        dot.panels.push_back(at((pair + (kFedRows / kAmxRows + i)) * kRowTilesBytes));
      }
      dot.out_row = 2 * kLanes;
      EmitAmxDot(e, dot, sums);
    });
  });
  EmitAmxRelease(e);
  StoreScratch(e, e.Load(sums, ir::DType::kF32, kLanes));
  return kFedRows * 2 * kLanes * kFedDepth * 2;
}

// vpdpbusd: four products a lane.
int64_t EmitInt8(Emitter& e) {
  constexpr int kChains = 24;
  llvm::Type* quads = e.Int(32, kLanes);
  EmitChains(e, kChains, quads, quads, [&](Value* sum, Value* x, Value* y) {
    return e.b().CreateIntrinsic(llvm::Intrinsic::x86_avx512_vpdpbusd_512, {}, {sum, x, y});
  });
  return int64_t{kRepeats} * kChains * kLanes * 8;
}

// How memory is read: `streams` parts of the range side by side, each prefetched `ahead` bytes
// before its use; 0 leaves it to the hardware.
struct ReadPattern {
  int64_t streams;
  int64_t ahead;
};
constexpr ReadPattern kReadPatterns[] = {{1, 0}, {1, 2048}, {1, 4096}, {4, 0}, {4, 2048}};

int64_t EmitRead(Emitter& e, const ReadPattern& pattern) {
  constexpr int64_t kUnroll = 4;  // lines, each with a sum of its own
  llvm::IRBuilder<>& b = e.b();
  llvm::Type* line = e.Int(32, kLanes);
  Value* part = b.CreateSDiv(b.CreateSub(e.End(), e.Begin()), e.Const(pattern.streams));
  Value* first = b.CreateMul(e.Begin(), e.Const(kReadItemBytes));
  Value* part_bytes = b.CreateMul(part, e.Const(kReadItemBytes));
  const Carried zeros(kUnroll, llvm::Constant::getNullValue(line));
  const Carried sums = e.Loop(
      e.Const(0), part_bytes, kUnroll * kLineBytes, zeros, [&](Value* i, const Carried& before) {
        Carried now = before;
        for (int64_t stream = 0; stream < pattern.streams; ++stream) {
          Value* begin = b.CreateAdd(first, b.CreateMul(part_bytes, e.Const(stream)));
          Value* base = b.CreateInBoundsGEP(b.getInt8Ty(), e.Buffer(0), b.CreateAdd(begin, i));
          for (int64_t l = 0; l < kUnroll; ++l) {
            Value* at = b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), base, l * kLineBytes);
            if (pattern.ahead > 0) e.Prefetch(at, pattern.ahead);
            Value* loaded = b.CreateAlignedLoad(line, at, llvm::Align(kLineBytes));
            now[l] = b.CreateAdd(now[l], loaded);
          }
        }
        return now;
      });
  Value* total = sums[0];
  for (size_t i = 1; i < sums.size(); ++i) total = b.CreateAdd(total, sums[i]);
  StoreScratch(e, total);
  return kReadItemBytes;
}

}  // namespace

Limit LimitOfMatmul(const Target& target, ir::DType a, ir::DType b) {
  const TileRow* scaled = ScaledTile(target, a, b);
  const TileRow* tile = scaled != nullptr ? scaled : target.FindMatmulTile(a, b);
  return tile != nullptr && tile->dot != Dot::kWiden ? Limit::kBf16 : Limit::kF32;
}

absl::StatusOr<std::unique_ptr<LimitLoops>> LimitLoops::Compile(const Target& target) {
  std::unique_ptr<LimitLoops> result(new LimitLoops());
  ASSIGN_OR_RETURN(std::unique_ptr<Jit> jit, Jit::Create(target, {}));
  std::vector<std::string> names;
  absl::Status status;
  const auto add = [&](Limit limit, const std::string& stem,
                       const std::function<int64_t(Emitter&)>& emit) {
    if (!status.ok()) return;
    LimitLoop loop;
    loop.name = absl::StrCat(stem, "_", IsaName(target.isa));
    auto context = std::make_unique<llvm::LLVMContext>();
    auto module = std::make_unique<llvm::Module>(loop.name, *context);
    Emitter e(module.get(), target, loop.name, {});
    loop.work_per_item = emit(e);
    e.Finish();
    status = jit->AddModule(std::move(context), std::move(module));
    names.push_back(loop.name);
    result->loops_[static_cast<size_t>(limit)].push_back(std::move(loop));
  };
  for (const ReadPattern& pattern : kReadPatterns) {
    add(Limit::kDramRead,
        absl::StrCat("dram_read_", pattern.streams, "_streams_", pattern.ahead, "_ahead"),
        [&](Emitter& e) { return EmitRead(e, pattern); });
  }
  add(Limit::kF32, "f32", EmitF32);
  if (LimitOfMatmul(target, ir::DType::kBF16, ir::DType::kBF16) == Limit::kBf16) {
    add(Limit::kBf16, "bf16", target.isa >= Isa::kAmx ? EmitAmxBf16 : EmitBf16);
  }
  if (target.isa >= Isa::kAmx) add(Limit::kBf16Fed, "bf16_fed", EmitAmxFed);
  if (target.HasFeature("avx512vnni")) add(Limit::kInt8, "int8", EmitInt8);
  if (!status.ok()) return status;
  ASSIGN_OR_RETURN(result->library_, std::move(*jit).Compile(names));
  for (auto& loops : result->loops_) {
    for (LimitLoop& loop : loops) loop.fn = result->library_->Find(loop.name);
  }
  return result;
}

}  // namespace lluda::codegen
