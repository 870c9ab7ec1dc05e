// Register tiles of Intel AMX: 16 rows of A times 16 columns of B, 32 elements of the contracted
// axis at a time. A panel 16x2 is a column of B tiles as it lies.
//
// Example: EmitAmxDot with two A tiles and two panels over K = 1024 runs 32 steps of four tdpbf16ps
// and leaves 32 x 32 sums in memory.
//
// tdpbf16ps sums the even and the odd elements of a step apart, in order, then adds both to the
// accumulator (Intel SDM, TDPBF16PS), so a result's bits depend on its own row and column alone.
#ifndef LLUDA_CODEGEN_CPU_EMIT_AMX_H_
#define LLUDA_CODEGEN_CPU_EMIT_AMX_H_

#include <functional>
#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

inline constexpr int kAmxRows = 16;   // of A in a tile
inline constexpr int kAmxDepth = 32;  // elements of the contracted axis in a step
inline constexpr int64_t kAmxConfigBytes = 64;
inline constexpr int64_t kAmxTileBytes = 1024;

// Sets up the tiles for A tiles of `rows[0]` (and `rows[1]`) rows, i64 values of 1 to 16; `config`
// is scratch memory of kAmxConfigBytes; a step takes `depth` elements, kAmxDepth or half as many. Each
// call of a kernel that uses tiles begins with one and ends with EmitAmxRelease.
void EmitAmxConfig(Emitter& e, Value* config, const std::vector<Value*>& rows,
                   int64_t depth = kAmxDepth);
void EmitAmxRelease(Emitter& e);

// The rows of an A tile, bf16: in bytes from one row to the next and from one step to the next.
struct AmxRows {
  Value* first;
  Value* stride;
  Value* step;
};
// Of tiles that lie as they are loaded, 1 KB each, one step behind the other.
AmxRows AmxTiles(Emitter& e, Value* first);
// Of rows that lie side by side, `stride` bytes each.
AmxRows AmxRowsSideBySide(Emitter& e, Value* first, Value* stride);

struct AmxDot {
  std::vector<AmxRows> a;        // one or two
  std::vector<Value*> panels;    // one or two
  Value* depth_total;            // K, a multiple of kAmxDepth
  int64_t prefetch_bytes = 0;    // as PanelDot's
  int64_t a_prefetch_bytes = 0;  // the same of A, which is AmxTiles
  // A may be the sum of several matrices of bf16, each so many bytes behind the one before: at each
  // step their products are added one after another.
  int digits = 1;
  int64_t digit_bytes = 0;
  // Called for every step with its first element: to fetch what will be needed later, say, or to finish
  // other sums on vectors meanwhile.
  std::function<void(Value* k)> visit = nullptr;
  // Where they are given: whether anything is multiplied and stored (i1). If not, `visit` is called all
  // the same, for `visits` steps.
  Value* multiplies = nullptr;
  Value* visits = nullptr;
  int64_t out_row = 0;        // elements from one row of sums to the next
  bool same_panel = false;    // a panel is its first tile at every step
  int64_t depth = kAmxDepth;  // EmitAmxConfig's
};

// Stores the sums to `out`: row r of A tile i and column c of panel j at f32 element
// (i * 16 + r) * out_row + j * 16 + c.
void EmitAmxDot(Emitter& e, const AmxDot& dot, Value* out);
// Of the `depth` elements from k on alone.
void EmitAmxStep(Emitter& e, const AmxDot& dot, Value* k, Value* out);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_EMIT_AMX_H_
