#include "codegen/cpu/emit/amx.h"

#include <functional>

#include "codegen/emit/integer.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

// Tiles 0 to 3 accumulate, 4 and 5 hold A, 6 and 7 hold B.
constexpr int kFirstA = 4;
constexpr int kFirstB = 6;
constexpr int kTiles = 8;
constexpr int64_t kTileRowBytes = 64;
constexpr int64_t kElementBytes = 2;
// Tiles that have stored nothing for some 600 ns take another 250 ns to store (measured on a Sapphire
// Rapids: a product of 26 steps took 890 ns, one of 24 steps 650). One that stores a tile nobody reads
// every few steps does not.
constexpr int64_t kStepsBetweenStores = 8;

int Accumulator(size_t a, size_t b) { return static_cast<int>(2 * a + b); }

void StoreByte(Emitter& e, Value* base, int64_t at, Value* value) {
  auto& b = e.b();
  b.CreateAlignedStore(b.CreateTrunc(value, b.getInt8Ty()),
                       b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), base, at), llvm::Align(1));
}

// The tiles of a product, from nothing to the sums in memory.
class Tiles {
 public:
  Tiles(Emitter& e, const AmxDot& dot) : e_(e), b_(e.b()), dot_(dot) {}

  void Clear() {
    EachAccumulator([&](size_t i, size_t j) {
      b_.CreateIntrinsic(llvm::Intrinsic::x86_tilezero, {}, {Tile(Accumulator(i, j))});
    });
  }

  void AddStep(Value* k) {
    LoadA(k, 0);
    for (size_t j = 0; j < dot_.panels.size(); ++j) {
      Value* at = dot_.panels[j];
      if (!dot_.same_panel) at = e_.Address(at, Integer(e_, k) * kLanes, ir::DType::kBF16);
      Load(kFirstB + static_cast<int>(j), at, e_.Const(kTileRowBytes), dot_.prefetch_bytes);
    }
    for (int digit = 0; digit < dot_.digits; ++digit) {
      if (digit > 0) LoadA(k, digit);
      EachAccumulator([&](size_t i, size_t j) {
        b_.CreateIntrinsic(llvm::Intrinsic::x86_tdpbf16ps, {},
                           {Tile(Accumulator(i, j)), Tile(kFirstA + static_cast<int>(i)),
                            Tile(kFirstB + static_cast<int>(j))});
      });
    }
  }

  void Store(Value* out) {
    EachAccumulator([&](size_t i, size_t j) { StoreTile(i, j, out); });
  }

  // Behind the step of k, now and then, where there are many: what the first tile has so far, where its
  // sums will be.
  void StayAwake(Value* k, Value* out) {
    const auto* depth_total = llvm::dyn_cast<llvm::ConstantInt>(dot_.depth_total);
    const int64_t stride = dot_.depth * kStepsBetweenStores;
    if (depth_total == nullptr || depth_total->getSExtValue() <= 2 * stride) return;
    e_.If(Integer(e_, k) % stride == stride - dot_.depth, [&] { StoreTile(0, 0, out); });
  }

 private:
  Value* Tile(int number) { return b_.getInt8(static_cast<uint8_t>(number)); }

  void EachAccumulator(const std::function<void(size_t i, size_t j)>& body) {
    for (size_t i = 0; i < dot_.a.size(); ++i) {
      for (size_t j = 0; j < dot_.panels.size(); ++j) body(i, j);
    }
  }

  void StoreTile(size_t i, size_t j, Value* out) {
    const int64_t first =
        static_cast<int64_t>(i) * kAmxRows * dot_.out_row + static_cast<int64_t>(j) * kLanes;
    b_.CreateIntrinsic(llvm::Intrinsic::x86_tilestored64, {},
                       {Tile(Accumulator(i, j)), e_.Address(out, e_.Const(first), ir::DType::kF32),
                        e_.Const(dot_.out_row * 4)});
  }

  void LoadA(Value* k, int digit) {
    for (size_t i = 0; i < dot_.a.size(); ++i) {
      const AmxRows& rows = dot_.a[i];
      Integer at = Integer(e_, k) / kAmxDepth * rows.step + digit * dot_.digit_bytes;
      // Half of what lies together of each row.
      if (dot_.depth < kAmxDepth) at = at + Integer(e_, k) % kAmxDepth * kElementBytes;
      Load(kFirstA + static_cast<int>(i), e_.Address(rows.first, at, ir::DType::kI8), rows.stride,
           dot_.a_prefetch_bytes);
    }
  }

  void Load(int to, Value* from, Value* stride, int64_t prefetch_bytes) {
    for (int row = 0; prefetch_bytes != 0 && row < kAmxRows; ++row) {
      e_.Prefetch(from, prefetch_bytes + row * kTileRowBytes);
    }
    b_.CreateIntrinsic(llvm::Intrinsic::x86_tileloadd64, {}, {Tile(to), from, stride});
  }

  Emitter& e_;
  llvm::IRBuilder<>& b_;
  const AmxDot& dot_;
};

}  // namespace

// The layout of the configuration: byte 0 is the palette, 1; from byte 16 the bytes of a tile's
// row, 16 bits each; from byte 48 its rows, 8 bits each (Intel SDM, LDTILECFG).
void EmitAmxConfig(Emitter& e, Value* config, const std::vector<Value*>& rows, int64_t depth) {
  auto& b = e.b();
  for (int64_t byte = 0; byte < kAmxConfigBytes; byte += 8) {
    b.CreateAlignedStore(e.Const(0), b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), config, byte),
                         llvm::Align(8));
  }
  StoreByte(e, config, 0, e.Const(1));
  for (int tile = 0; tile < kTiles; ++tile) {
    const bool is_b = tile >= kFirstB;
    const size_t a = static_cast<size_t>(tile < kFirstA ? tile / 2 : tile - kFirstA);
    const bool is_a = tile >= kFirstA && !is_b;
    Value* present = a < rows.size() && !is_b ? rows[a] : e.Const(kAmxRows);
    StoreByte(e, config, 16 + 2 * tile, e.Const(is_a ? depth * kElementBytes : kTileRowBytes));
    StoreByte(e, config, 48 + tile, is_b ? e.Const(depth / 2) : present);
  }
  b.CreateIntrinsic(llvm::Intrinsic::x86_ldtilecfg, {}, {config});
}

void EmitAmxRelease(Emitter& e) { e.b().CreateIntrinsic(llvm::Intrinsic::x86_tilerelease, {}, {}); }

AmxRows AmxTiles(Emitter& e, Value* first) {
  return {first, e.Const(kTileRowBytes), e.Const(kAmxTileBytes)};
}

AmxRows AmxRowsSideBySide(Emitter& e, Value* first, Value* stride) {
  return {first, stride, e.Const(kTileRowBytes)};
}

void EmitAmxDot(Emitter& e, const AmxDot& dot, Value* out) {
  Tiles tiles(e, dot);
  const auto multiplying = [&](const std::function<void()>& body) {
    if (dot.multiplies == nullptr) return body();
    e.If(dot.multiplies, body);
  };
  Value* end = dot.depth_total;
  if (dot.multiplies != nullptr) {
    end = e.b().CreateSelect(dot.multiplies, end, Integer(e, dot.visits) * dot.depth);
  }
  tiles.Clear();
  e.Loop(e.Const(0), end, dot.depth, [&](Value* k) {
    if (dot.visit) dot.visit(k);
    multiplying([&] {
      tiles.AddStep(k);
      tiles.StayAwake(k, out);
    });
  });
  multiplying([&] { tiles.Store(out); });
}

void EmitAmxStep(Emitter& e, const AmxDot& dot, Value* k, Value* out) {
  Tiles tiles(e, dot);
  tiles.Clear();
  tiles.AddStep(k);
  tiles.Store(out);
}

}  // namespace lluda::codegen
