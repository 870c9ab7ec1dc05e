#include "codegen/cpu/matmul/amx.h"

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

int Accumulator(size_t a, size_t b) { return static_cast<int>(2 * a + b); }

void StoreByte(Emitter& e, Value* base, int64_t at, Value* value) {
  auto& b = e.b();
  b.CreateAlignedStore(b.CreateTrunc(value, b.getInt8Ty()),
                       b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), base, at), llvm::Align(1));
}

}  // namespace

// The layout of the configuration: byte 0 is the palette, 1; from byte 16 the bytes of a tile's
// row, 16 bits each; from byte 48 its rows, 8 bits each (Intel SDM, LDTILECFG).
void EmitAmxConfig(Emitter& e, Value* config, const std::vector<Value*>& rows) {
  auto& b = e.b();
  for (int64_t byte = 0; byte < kAmxConfigBytes; byte += 8) {
    b.CreateAlignedStore(e.Const(0), b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), config, byte),
                         llvm::Align(8));
  }
  StoreByte(e, config, 0, e.Const(1));
  for (int tile = 0; tile < kTiles; ++tile) {
    const bool is_b = tile >= kFirstB;
    const size_t a = static_cast<size_t>(tile < kFirstA ? tile / 2 : tile - kFirstA);
    StoreByte(e, config, 16 + 2 * tile, e.Const(kTileRowBytes));
    StoreByte(e, config, 48 + tile, is_b || a >= rows.size() ? e.Const(kAmxRows) : rows[a]);
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
  auto& b = e.b();
  const auto tile = [&](int number) { return b.getInt8(static_cast<uint8_t>(number)); };
  const auto each_accumulator = [&](const std::function<void(size_t i, size_t j)>& body) {
    for (size_t i = 0; i < dot.a.size(); ++i) {
      for (size_t j = 0; j < dot.panels.size(); ++j) body(i, j);
    }
  };
  each_accumulator([&](size_t i, size_t j) {
    b.CreateIntrinsic(llvm::Intrinsic::x86_tilezero, {}, {tile(Accumulator(i, j))});
  });
  const auto load = [&](int to, Value* from, Value* stride, int64_t prefetch_bytes) {
    for (int row = 0; prefetch_bytes != 0 && row < kAmxRows; ++row) {
      e.Prefetch(from, prefetch_bytes + row * kTileRowBytes);
    }
    b.CreateIntrinsic(llvm::Intrinsic::x86_tileloadd64, {}, {tile(to), from, stride});
  };
  e.Loop(e.Const(0), dot.depth_total, kAmxDepth, [&](Value* k) {
    if (dot.visit) dot.visit(k);
    const auto load_a = [&](int digit) {
      for (size_t i = 0; i < dot.a.size(); ++i) {
        const AmxRows& rows = dot.a[i];
        const Integer at = Integer(e, k) / kAmxDepth * rows.step + digit * dot.digit_bytes;
        load(kFirstA + static_cast<int>(i), e.Address(rows.first, at, ir::DType::kI8), rows.stride,
             dot.a_prefetch_bytes);
      }
    };
    load_a(0);
    for (size_t j = 0; j < dot.panels.size(); ++j) {
      Value* at = e.Address(dot.panels[j], Integer(e, k) * kLanes, ir::DType::kBF16);
      load(kFirstB + static_cast<int>(j), at, e.Const(kTileRowBytes), dot.prefetch_bytes);
    }
    for (int digit = 0; digit < dot.digits; ++digit) {
      if (digit > 0) load_a(digit);
      each_accumulator([&](size_t i, size_t j) {
        b.CreateIntrinsic(llvm::Intrinsic::x86_tdpbf16ps, {},
                          {tile(Accumulator(i, j)), tile(kFirstA + static_cast<int>(i)),
                           tile(kFirstB + static_cast<int>(j))});
      });
    }
  });
  each_accumulator([&](size_t i, size_t j) {
    const int64_t first =
        static_cast<int64_t>(i) * kAmxRows * dot.out_row + static_cast<int64_t>(j) * kLanes;
    b.CreateIntrinsic(llvm::Intrinsic::x86_tilestored64, {},
                      {tile(Accumulator(i, j)), e.Address(out, e.Const(first), ir::DType::kF32),
                       e.Const(dot.out_row * 4)});
  });
}

}  // namespace lluda::codegen
