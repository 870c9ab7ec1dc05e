// The table of op_diff_test, but for what needs a target or every epilogue: each op with shapes that have
// odd ends, and dtypes.
#ifndef LLUDA_TESTS_OP_CASES_OP_CASES_H_
#define LLUDA_TESTS_OP_CASES_OP_CASES_H_

#include <vector>

#include "tests/op_cases/op_case.h"

namespace lluda::tests {

// Elementwise ops over axes of 37 (two whole vectors and a rest), 5 (a rest only) and 32.
std::vector<OpCase> ElementwiseCases();
std::vector<OpCase> CastCases();
// Quantised and widened again: to the same bits.
std::vector<OpCase> QuantizeCases();

// Row counts, panels and depths are swept in codegen/cpu/matmul/tile_sweep_test.cc.
std::vector<OpCase> MatmulCases();
// Reductions, norms, softmax, rotations.
std::vector<OpCase> RowCases();
std::vector<OpCase> HostRowCases();

// What moves elements or looks at them otherwise: gathers, panels, views, masks.
std::vector<OpCase> MoveCases();

// Appends a few tokens to two slots, then attends from them; the cache holds nothing else.
std::vector<OpCase> AttentionCases();
// The same from caches of integers, which are what the op means: the bounds are those of floats.
std::vector<OpCase> QuantizedAttentionCases();
// These with a window, a softcap or both: each case with one of them.
std::vector<OpCase> WindowedAttentionCases();
// Those with a window, from rings of 256 positions that the tokens go over the end of.
std::vector<OpCase> RingAttentionCases();

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_OP_CASES_OP_CASES_H_
