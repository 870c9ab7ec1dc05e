// Random modules for fuzzing the passes and the code generator: valid by construction, made of what
// a model is made of and of near misses of it.
//
//   RandomModule random = MakeRandomModule(seed, {});
//   Interpret(*random.module, "f", random.dims, random.run);
//
// The same seed gives the same module everywhere. A module is @f over `f32 tok[T] a<n>` and, half
// of the time, a layer function that @f loops over. Their statements are drawn from: elementwise
// ops, reductions and broadcasts, casts to narrow types, norms, sibling matmuls with and without a
// residual or SiLU*mul behind them, RoPE, softmax and attention written as the importer writes them
// (now and then with an operand exchanged, which no fusion may take for the real thing), views,
// gathers, products of numbers in blocks (of integers, or over two axes), work on weights alone,
// equal statements and dead ones.
#ifndef LLUDA_TESTS_SUPPORT_RANDOM_MODULE_H_
#define LLUDA_TESTS_SUPPORT_RANDOM_MODULE_H_

#include <cstdint>
#include <memory>

#include "ir/graph.h"
#include "tests/support/random_run.h"

namespace lluda::tests {

struct RandomModuleOptions {
  // Values of bf16 and f16, too. A value that lies between two of them may be rounded to either by
  // code that adds in another order, so what is computed of it can only be compared roughly.
  bool narrow = true;
  // Only what has kernels: no products of integers, no sums over two axes.
  bool compiled = false;
  int fragments = 12;  // groups of statements
};

struct RandomModule {
  std::unique_ptr<ir::Module> module;
  Dims dims;       // a value for each symbol
  RunOptions run;  // arguments for @f
};

// CHECKs that the builder and the verifier accept the module.
RandomModule MakeRandomModule(uint32_t seed, const RandomModuleOptions& options);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_RANDOM_MODULE_H_
