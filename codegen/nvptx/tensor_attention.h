// Attention on tensor cores, over keys and values in bf16.
//
// The cache is gone through in blocks of 64 positions, counted from position 0. A block has a maximum
// of its own, the sum of its weights and its weighted values, and blocks are merged one after the
// other, each at its turn: M = max(m, m'), s exp(m - M) + s' exp(m' - M), and so for the values.
// A weight is the sum of three bf16 when it meets the values, which is all of its bits. What is computed depends on a token's
// position and window alone: a block of which a token sees nothing changes no bit.
//
// With few tokens, blocks of threads take the 64s of a token's KV head in turns, and the last of them
// merges; with many, a block of threads has 32 or 64 rows, tokens and heads of a KV head, and the warps
// that share 16 of them go through all 64s, each with other positions and other elements.
//
//   if (TensorAttention::Fits(spec)) return TensorAttention(spec, e).Emit();
#ifndef LLUDA_CODEGEN_NVPTX_TENSOR_ATTENTION_H_
#define LLUDA_CODEGEN_NVPTX_TENSOR_ATTENTION_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "codegen/backend.h"
#include "codegen/emit/attention_operands.h"
#include "codegen/kernel_spec.h"
#include "codegen/nvptx/words/words.h"

namespace lluda::codegen::gpu {

class TensorAttention {
 public:
  static bool Fits(const KernelSpec& spec);
  // The symbol of the tokens.
  static std::string TokenSymbolOf(const KernelSpec& spec);

  TensorAttention(const KernelSpec& spec, GpuEmitter& e);
  KernelInfo Emit();

 private:
  // A maximum of nothing. It is finite, so that exp of a difference to it is no NaN.
  static constexpr float kLowest = std::numeric_limits<float>::lowest();
  static constexpr int64_t kPositions = 64;  // of a block of the cache
  static constexpr int64_t kTiles =
      kPositions / 8;  // of 8 positions, which are a product's columns
  static constexpr int64_t kSteps = kPositions / 16;
  static constexpr int64_t kChunk = 32;  // elements of a head, of which a lane reads 8 at a time
  static constexpr int64_t kMostRows = 16;

  using Words = std::vector<Value*>;
  // What is seen by the row of a lane's words: first and last position, and whether it is one.
  struct Row {
    Value* first;
    Value* last;
    Indices at;  // of q and the result
  };
  // What a lane has of the scores of whole steps of 16 positions, in its two rows: those that the row
  // does not see are the lowest number. And the largest of the rows, in all lanes that have a part of it.
  struct Seen {
    std::vector<Value*> scores[2];
    std::vector<Value*> inside[2];
    Value* maximum[2];
  };
  // Of those, by steps: the weights as words of the operand a, by parts, the smallest first, and the
  // sums of the rows' weights.
  struct Weights {
    std::vector<Words> parts[3];
    std::vector<Value*> sums[2];
  };

  KernelInfo EmitFew();
  KernelInfo EmitMany();

  // Whether a lane's second row, 8 below the first, is any head's.
  bool HasLowerRows() const { return spec_.many || group_ > 8; }
  Value* F32(float value) { return e_.ConstF32(value, 1); }
  Value* Exp(Value* x);  // of Scale() * x
  Value* KeyOfColumn(int64_t tile, Value* column);
  // At a multiple of their bytes.
  Words LoadWords(Value* pointer, int64_t count = 4);
  void StoreWords(Value* pointer, const Words& words);  // four
  Words LoadElements(Value* pointer);                   // four anywhere
  Words QueryWords(const Row rows[2], int64_t chunk, bool lower);
  Value* CachePointer(int operand, const Indices& cache, Value* position);
  Row RowOf(Value* token, Value* head, const Indices& kv);
  // `scores` are tiles of 16 rows and 8 positions, from this one on.
  Seen SeenOf(const std::vector<Words>& scores, Value* position, const Row rows[2]);
  Weights WeightsOf(const Seen& seen, Value* const maximum[2]);
  // Of a block, of which these are the steps' sums.
  Value* SumOf(const std::vector<Value*>& steps);
  Value* Beside(Value* value, int64_t distance);  // the value that another lane of the row has
  // A part with maximum, sum and values added to what was merged before, from which `factors` come.
  struct Factors {
    Value* before;
    Value* part;
  };
  Factors MergeMaximum(Value** maximum, Value* of_part);
  Value* MergeValue(Value* before, Value* of_part, const Factors& factors);

  Value* PairOf(Value* first, Value* second, bool upper);
  // With many tokens, warps whose rows are others, and warps that share rows.
  int64_t RowWarps() const;
  int64_t SharingWarps() const;
  Value* PartAddress(Value* token, Value* kv, Value* block, Value* row);
  void CopyKeys(const Indices& cache, Value* block, Value* last);
  void CopyValues(const Indices& cache, Value* block, Value* last);
  // The tile's rows whose tokens have this slot, which see positions from `first` to `last`.
  void EmitRun(const Indices& cache, Value* first, Value* last, const Row rows[2],
               Value* const in_run[2], Value* const stores[2]);

  const KernelSpec& spec_;
  GpuEmitter& e_;
  const AttentionOperands o_;
  const std::vector<ir::Axis> kv_axes_;
  const int64_t group_;   // query heads of a KV head
  const int64_t padded_;  // the same as a power of two
  int64_t kv_heads_ = 1;
  Value* shared_ = nullptr;
  Value* lane_ = nullptr;
  Value* g_ = nullptr;  // lane / 4
  Value* t_ = nullptr;  // lane % 4
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_TENSOR_ATTENTION_H_
