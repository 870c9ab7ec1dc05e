#include "ir/interpreter/op_test_util.h"

#include <random>
#include <utility>

#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "ir/interpreter/interpreter.h"

namespace lluda::ir {

Axis MakeAxis(std::string name, int64_t extent) {
  return {std::move(name), Extent::Constant(extent)};
}

Tensor Floats(std::vector<Axis> axes, std::vector<float> values, DType dtype) {
  return Tensor::OfFloats(Type{dtype, std::move(axes), {}}, std::move(values));
}

Tensor Ints(std::vector<Axis> axes, std::vector<int64_t> values) {
  return Tensor::OfInts(Type{DType::kI32, std::move(axes), {}}, std::move(values));
}

Tensor Bytes(std::vector<Axis> axes, std::vector<int64_t> values) {
  return Tensor::OfInts(Type{DType::kI8, std::move(axes), {}}, std::move(values));
}

Tensor Random(std::vector<Axis> axes, int seed, DType dtype) {
  Tensor tensor(Type{dtype, std::move(axes), {}});
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Store(i, normal(generator));
  return tensor;
}

Attrs Over(std::vector<std::string> axes) {
  Attrs attrs;
  attrs.axes = std::move(axes);
  return attrs;
}

absl::StatusOr<Tensor> TryEval(std::vector<Tensor> arguments, const Build& build,
                               std::vector<Global> states) {
  Module module("test");
  for (Global& state : states) module.AddGlobal(std::move(state));
  Func* func = module.AddFunc("f");
  Params params;
  for (size_t i = 0; i < arguments.size(); ++i) {
    params.push_back(
        func->AddParam(std::string(1, static_cast<char>('a' + i)), arguments[i].type()));
  }
  Builder builder(func);
  builder.Return(build(builder, params, module));
  if (!builder.status().ok()) return builder.status();
  ASSIGN_OR_RETURN(auto interpreter, Interpreter::Create(&module, {}));
  return interpreter.Call("f", std::move(arguments));
}

Tensor Eval(std::vector<Tensor> arguments, const Build& build, std::vector<Global> states) {
  auto result = TryEval(std::move(arguments), build, std::move(states));
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : Tensor();
}

Build One(Opcode opcode, Attrs attrs) {
  return [=](Builder& b, Params& p, Module&) {
    return b.Add(opcode, "y", {p.begin(), p.end()}, attrs);
  };
}

}  // namespace lluda::ir
