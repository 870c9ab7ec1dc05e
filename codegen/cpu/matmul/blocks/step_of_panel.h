// What the product of rows and a panel of blocks reads of the panel for a step (scaled_dot.h), wherever
// it lies: in blocks, decoded or expanded.
//
//   StepOfPanel step = {[&](int64_t i) { return pairs.Numbers(first + i); },
//                       [&] { return values.Scale(first); }, [&] { return values.Term(first); }};
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_STEP_OF_PANEL_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_STEP_OF_PANEL_H_

#include <cstdint>
#include <functional>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

struct StepOfPanel {
  // Element i of the step, of each column; of pairs elements i and i + 1.
  std::function<Value*(int64_t i)> numbers;
  std::function<Value*()> scale;
  std::function<Value*()> term;  // of a format that has one
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_STEP_OF_PANEL_H_
