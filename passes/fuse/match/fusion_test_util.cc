#include "passes/fuse/match/fusion_test_util.h"

#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "gtest/gtest.h"
#include "ir/interpreter/interpreter.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "ir/type/blocks.h"

namespace lluda::passes {
namespace {

using ir::Axis;
using ir::Extent;
using ir::Tensor;
using ir::Type;

Type Concrete(Type type, const Inputs& inputs) {
  for (Axis& axis : type.axes) {
    if (!axis.extent.is_constant()) {
      axis.extent = Extent::Constant(inputs.symbols.at(axis.extent.symbol));
    }
  }
  type.layout = {};
  return type;
}

// Floats in [-1, 1) that the name determines, encoded if the type is in blocks.
Tensor RandomFloats(const Type& type, absl::string_view name) {
  std::seed_seq seed(name.begin(), name.end());
  std::mt19937 bits(seed);
  Tensor tensor(type);
  std::vector<float> values(tensor.size());
  for (float& value : values) value = static_cast<float>(bits() >> 8) / (1 << 23) - 1.0f;
  if (tensor.is_blocks()) {
    ir::EncodeBlocks(type.dtype, values, absl::MakeSpan(tensor.mutable_blocks()));
    return tensor;
  }
  return Tensor::OfFloats(type, std::move(values));
}

}  // namespace

std::unique_ptr<ir::Module> Parsed(absl::string_view text) {
  auto module = ir::ParseModule(text, "test");
  CHECK(module.ok()) << module.status();
  return *std::move(module);
}

std::string Edited(absl::string_view text, absl::string_view from, absl::string_view to) {
  const size_t at = text.find(from);
  CHECK(at != text.npos) << "not in the text: " << from;
  CHECK(text.find(from, at + 1) == text.npos) << "twice in the text: " << from;
  return absl::StrCat(text.substr(0, at), to, text.substr(at + from.size()));
}

Outcome RunOn(Pass* pass, absl::string_view text) {
  const auto module = Parsed(text);
  Outcome outcome;
  outcome.before = PrintModule(*module);
  const auto changed = pass->Run(module.get());
  CHECK(changed.ok()) << changed.status();
  outcome.changed = *changed;
  outcome.text = PrintModule(*module);
  outcome.misses = pass->misses();
  // The text is complete: what the pass left must be a module that can be read again.
  EXPECT_EQ(PrintModule(*Parsed(outcome.text)), outcome.text);
  const auto changed_again = pass->Run(module.get());
  CHECK(changed_again.ok()) << changed_again.status();
  outcome.changed_again = *changed_again;
  return outcome;
}

void ExpectMiss(Pass* pass, absl::string_view text, absl::string_view statement,
                absl::string_view reason) {
  const Outcome outcome = RunOn(pass, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].statement, statement);
  EXPECT_EQ(outcome.misses[0].reason, reason);
}

Tensor Evaluate(const ir::Module& module, absl::string_view func, const Inputs& inputs) {
  ir::Environment environment;
  environment.symbols = inputs.symbols;
  environment.weights = [&](const ir::Global& weight, int64_t index) -> absl::StatusOr<Tensor> {
    return RandomFloats(Concrete(weight.type, inputs), absl::StrCat(weight.name, index));
  };
  std::vector<Tensor> arguments;
  const ir::Func* found = module.FindFunc(func);
  CHECK(found != nullptr) << func;
  for (const auto& param : found->params()) {
    const Type type = Concrete(param->type, inputs);
    arguments.push_back(IsFloat(type.dtype)
                            ? RandomFloats(type, param->name)
                            : Tensor::OfInts(type, inputs.integers.at(param->name)));
  }
  auto interpreter = ir::Interpreter::Create(&module, std::move(environment));
  CHECK(interpreter.ok()) << interpreter.status();
  const absl::Status loaded = interpreter->RunLoad();
  CHECK(loaded.ok()) << loaded;
  auto result = interpreter->Call(func, std::move(arguments));
  CHECK(result.ok()) << result.status();
  return *std::move(result);
}

void ExpectSameValues(Pass* pass, absl::string_view text, absl::string_view func,
                      const Inputs& inputs, float tolerance) {
  const auto module = Parsed(text);
  const Tensor before = Evaluate(*module, func, inputs);
  const auto changed = pass->Run(module.get());
  ASSERT_TRUE(changed.ok()) << changed.status();
  ASSERT_TRUE(*changed);
  const Tensor after = Evaluate(*module, func, inputs);
  ASSERT_EQ(ToString(after.type()), ToString(before.type()));
  for (int64_t i = 0; i < before.size(); ++i) {
    if (after.floats()[i] == before.floats()[i]) continue;  // infinities among them
    ASSERT_NEAR(after.floats()[i], before.floats()[i], tolerance) << "element " << i;
  }
}

}  // namespace lluda::passes
