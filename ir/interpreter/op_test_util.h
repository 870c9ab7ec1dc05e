// For tests of ops on values small enough to check by hand: a function of a few statements, called in the
// interpreter.
//
//   Eval({Floats({MakeAxis("i", 2)}, {1, 4})}, One(Opcode::kScale, attrs)).floats()
#ifndef LLUDA_IR_INTERPRETER_OP_TEST_UTIL_H_
#define LLUDA_IR_INTERPRETER_OP_TEST_UTIL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/builder.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"

namespace lluda::ir {

Axis MakeAxis(std::string name, int64_t extent);

Tensor Floats(std::vector<Axis> axes, std::vector<float> values, DType dtype = DType::kF32);
Tensor Ints(std::vector<Axis> axes, std::vector<int64_t> values);   // of i32
Tensor Bytes(std::vector<Axis> axes, std::vector<int64_t> values);  // of i8
// Of a normal distribution.
Tensor Random(std::vector<Axis> axes, int seed, DType dtype = DType::kF32);

Attrs Over(std::vector<std::string> axes);

// Writes a function's statements, given its parameters, and says which value it returns.
using Params = std::vector<Value*>;
using Build = std::function<Value*(Builder&, Params&, Module&)>;

// Runs a function that `build` fills, on these arguments; `states` are its globals.
absl::StatusOr<Tensor> TryEval(std::vector<Tensor> arguments, const Build& build,
                               std::vector<Global> states = {});
// The same; a failure of the test if it cannot be run.
Tensor Eval(std::vector<Tensor> arguments, const Build& build, std::vector<Global> states = {});

// One op on all arguments.
Build One(Opcode opcode, Attrs attrs = {});

}  // namespace lluda::ir

#endif  // LLUDA_IR_INTERPRETER_OP_TEST_UTIL_H_
