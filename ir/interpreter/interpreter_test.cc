#include "ir/interpreter/interpreter.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/builder.h"
#include "ir/text/parser.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Axis kTokens = {"tok", Extent::Symbol("T")};
const Axis kWidth = {"d", Extent::Constant(2)};

Type F32(std::vector<Axis> axes) { return {DType::kF32, std::move(axes), {}}; }
Type I32(std::vector<Axis> axes) { return {DType::kI32, std::move(axes), {}}; }

Tensor Rows(std::vector<float> values) {
  const int64_t rows = static_cast<int64_t>(values.size()) / 2;
  return Tensor::OfFloats(F32({{"tok", Extent::Constant(rows)}, kWidth}), std::move(values));
}

Tensor Ids(std::vector<int64_t> values) {
  const int64_t count = static_cast<int64_t>(values.size());
  return Tensor::OfInts(I32({{"tok", Extent::Constant(count)}}), std::move(values));
}

// symbols T in 1..4, C in 2..8; @w[layer < 3]; @twice = w added to itself by the load block;
// @cache[layer < 3]; @layer adds @twice[layer] to its argument and appends the sum to
// @cache[layer];
// @step runs @layer for all layers.
class InterpreterTest : public testing::Test {
 protected:
  InterpreterTest() : module_("test") {
    module_.symbols = {{"T", 1, 4}, {"C", 2, 8}};
    const Index layers = {"layer", 3};
    Global* w = module_.AddGlobal({Global::Kind::kWeight, "w", layers, F32({kWidth}), "w.{layer}"});
    Global* twice = module_.AddGlobal({Global::Kind::kLoaded, "twice", layers, {}, ""});
    Global* cache = module_.AddGlobal(
        {Global::Kind::kState, "cache", layers,
         F32({{"slot", Extent::Constant(1)}, {"pos", Extent::Symbol("C")}, kWidth}), ""});

    Op* loop = module_.load.Append(Opcode::kFor);
    loop->loop_index = "layer";
    loop->attrs.end = 3;
    loop->body = std::make_unique<Block>(&module_, nullptr, loop);
    Builder load(loop->body.get());
    load.Define(Opcode::kAdd, twice, "layer", {Operand(w, "layer"), Operand(w, "layer")});

    Func* layer = module_.AddFunc("layer");
    layer->index = layers;
    Value* x = layer->AddParam("x", F32({kTokens, kWidth}));
    Value* slots = layer->AddParam("slot", I32({kTokens}));
    Value* positions = layer->AddParam("pos", I32({kTokens}));
    Builder b(layer);
    Value* y = b.Binary(Opcode::kAdd, "y", x, Operand(twice, "layer"));
    b.Append("c", Operand(cache, "layer"), y, {"slot", "pos"}, slots, positions);
    b.Return(y);
    layer->result_type = x->type;

    Func* step = module_.AddFunc("step");
    x = step->AddParam("x", F32({kTokens, kWidth}));
    slots = step->AddParam("slot", I32({kTokens}));
    positions = step->AddParam("pos", I32({kTokens}));
    Builder s(step);
    Op* for_layers = s.For("xn", "layer", 0, 3, "xi", x);
    Builder body(for_layers->body.get());
    body.Yield(body.Call("z", layer, "layer", {for_layers->carried.get(), slots, positions}));
    s.Return(for_layers->result());
    step->result_type = x->type;
    EXPECT_TRUE(load.status().ok() && b.status().ok() && s.status().ok() && body.status().ok());
  }

  // Weight i is {10^i, 0}.
  Environment MakeEnvironment() {
    Environment environment;
    environment.symbols = {{"C", 4}};
    environment.weights = [this](const Global&, int64_t index) -> absl::StatusOr<Tensor> {
      ++reads_;
      const float values[] = {1, 10, 100};
      return Tensor::OfFloats(F32({kWidth}), {values[index], 0});
    };
    return environment;
  }

  Interpreter MakeLoaded() {
    auto interpreter = Interpreter::Create(&module_, MakeEnvironment());
    EXPECT_TRUE(interpreter.ok()) << interpreter.status();
    EXPECT_TRUE(interpreter->RunLoad().ok());
    return *std::move(interpreter);
  }

  Module module_;
  int reads_ = 0;
};

TEST_F(InterpreterTest, RunsALoopOfCallsThatPassTheIndexOn) {
  Interpreter interpreter = MakeLoaded();
  const auto y = interpreter.Call("step", {Rows({1, 2}), Ids({0}), Ids({0})});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(y->floats(), ElementsAre(1 + 2 + 20 + 200, 2));
}

TEST_F(InterpreterTest, AsksForEachWeightOnce) {
  Interpreter interpreter = MakeLoaded();
  EXPECT_EQ(reads_, 3);
  ASSERT_TRUE(interpreter.Call("step", {Rows({1, 2}), Ids({0}), Ids({0})}).ok());
  EXPECT_EQ(reads_, 3);
}

TEST_F(InterpreterTest, StatesStartAsZerosAndKeepWhatCallsAppend) {
  Interpreter interpreter = MakeLoaded();
  ASSERT_TRUE(interpreter.Call("layer", {Rows({5, 6}), Ids({0}), Ids({1})}, 1).ok());
  ASSERT_TRUE(interpreter.Call("layer", {Rows({7, 8}), Ids({0}), Ids({3})}, 1).ok());
  EXPECT_THAT(interpreter.Read("cache", 1)->floats(), ElementsAre(0, 0, 25, 6, 0, 0, 27, 8));
  EXPECT_THAT(interpreter.Read("cache", 0)->floats(), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
  interpreter.ResetStates();
  EXPECT_THAT(interpreter.Read("cache", 1)->floats(), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
}

TEST_F(InterpreterTest, ArgumentsChooseTheirSymbolsInEveryCall) {
  Interpreter interpreter = MakeLoaded();
  for (const int64_t count : {1, 3}) {
    const std::vector<int64_t> zeros(count, 0);
    const auto y =
        interpreter.Call("step", {Rows(std::vector<float>(2 * count, 0)), Ids(zeros), Ids(zeros)});
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_EQ(y->extent("tok"), count);
  }
}

TEST_F(InterpreterTest, ShowsEachResultToTheObserver) {
  auto interpreter = Interpreter::Create(&module_, MakeEnvironment());
  ASSERT_TRUE(interpreter.ok());
  std::vector<std::string> seen;
  interpreter->SetObserver(
      [&](const Func* func, int64_t index, const Op& op, const Tensor& result) {
        const float first = result.floats()[0];
        seen.push_back((func != nullptr ? func->name : "load") + " " + std::to_string(index) + " " +
                       std::string(op.name()) + " " + std::to_string(static_cast<int>(first)));
      });
  ASSERT_TRUE(interpreter->RunLoad().ok());
  EXPECT_THAT(seen, ElementsAre("load 0 add 2", "load 1 add 20", "load 2 add 200"));
  seen.clear();
  ASSERT_TRUE(interpreter->Call("step", {Rows({1, 2}), Ids({0}), Ids({0})}).ok());
  EXPECT_THAT(seen,
              ElementsAre("layer 0 add 3", "layer 0 append 3", "step 0 call 3", "layer 1 add 23",
                          "layer 1 append 23", "step 0 call 23", "layer 2 add 223",
                          "layer 2 append 223", "step 0 call 223", "step 0 for 223"));
}

TEST_F(InterpreterTest, NamesTheFunctionAndTheStatementOfAnError) {
  Interpreter interpreter = MakeLoaded();
  const auto y = interpreter.Call("step", {Rows({1, 2}), Ids({0}), Ids({4})});
  EXPECT_EQ(y.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(y.status().message(),
            "@step: %xn: layer = 0: %z: @layer: %c: append: position 4 is not within 0..3");
}

TEST_F(InterpreterTest, RefusesArgumentsOfTheWrongCountOrType) {
  Interpreter interpreter = MakeLoaded();
  const auto message = [&](std::vector<Tensor> arguments) {
    return std::string(interpreter.Call("step", std::move(arguments)).status().message());
  };
  EXPECT_EQ(message({Rows({1, 2}), Ids({0})}), "@step: takes 3 arguments, got 2");
  EXPECT_EQ(message({Ids({1}), Ids({0}), Ids({0})}),
            "@step: argument 0 (%x) must be f32 tok[T] d[2], is i32 tok[1]");
  EXPECT_EQ(message({Rows({1, 2}), Ids({0, 0}), Ids({0})}),
            "@step: argument 1 (%slot): T is 2 here and 1 elsewhere");
  EXPECT_EQ(message({Rows(std::vector<float>(10, 0)), Ids({0}), Ids({0})}),
            "@step: symbol T = 5 is not within 1..4");
}

TEST_F(InterpreterTest, RefusesUnknownFunctionsAndIndices) {
  Interpreter interpreter = MakeLoaded();
  EXPECT_EQ(interpreter.Call("stop", {}).status().message(), "there is no function @stop");
  EXPECT_EQ(interpreter.Call("layer", {Rows({1, 2}), Ids({0}), Ids({0})}, 3).status().message(),
            "@layer: index 3 is not within 0..2");
}

TEST_F(InterpreterTest, RefusesToReadWhatTheLoadBlockHasNotComputed) {
  auto interpreter = Interpreter::Create(&module_, MakeEnvironment());
  ASSERT_TRUE(interpreter.ok());
  const auto y = interpreter->Call("step", {Rows({1, 2}), Ids({0}), Ids({0})});
  EXPECT_EQ(y.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(y.status().message()),
              HasSubstr("@twice[0] is computed by the load block, which has not run"));
}

TEST_F(InterpreterTest, TakesWhatTheLoadBlockWouldComputeFromTheEnvironment) {
  Environment environment = MakeEnvironment();
  environment.loaded = [](const Global& global, int64_t index) -> absl::StatusOr<Tensor> {
    EXPECT_EQ(global.name, "twice");
    return Tensor::OfFloats(F32({kWidth}), {static_cast<float>(index + 1), 0});
  };
  auto interpreter = Interpreter::Create(&module_, environment);
  ASSERT_TRUE(interpreter.ok());
  const auto y = interpreter->Call("step", {Rows({1, 2}), Ids({0}), Ids({0})});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_THAT(y->floats(), ElementsAre(1 + 1 + 2 + 3, 2));
  EXPECT_EQ(reads_, 0);
}

TEST(InterpreterMemoryTest, AValueThatNoMemoryHoldsIsAnError) {
  const auto module = ParseModule(R"(lluda 1
module @m {
  func @f(%x: f32 d[1]) -> f32 d[1] {
    %big = iota -> a[1099511627776] {step = 1} : f32 a[1099511627776]
    return %x
  }
}
)",
                                  "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  auto interpreter = Interpreter::Create(module->get(), {});
  ASSERT_TRUE(interpreter.ok());
  const Type type{DType::kF32, {{"d", Extent::Constant(1)}}, {}};
  EXPECT_EQ(interpreter->Call("f", {Tensor::OfFloats(type, {1})}).status().message(),
            "@f: %big: f32 a[1099511627776] has 1099511627776 elements, the interpreter holds "
            "2147483648");
}

TEST_F(InterpreterTest, RefusesSymbolsThatDoNotFitTheModule) {
  Environment environment = MakeEnvironment();
  environment.symbols = {{"C", 9}};
  EXPECT_EQ(Interpreter::Create(&module_, environment).status().message(),
            "symbol C = 9 is not within 2..8");
  environment.symbols = {{"C", 4}, {"X", 1}};
  EXPECT_EQ(Interpreter::Create(&module_, environment).status().message(),
            "the module has no symbol X");
  environment.symbols = {};
  EXPECT_EQ(Interpreter::Create(&module_, environment).status().message(),
            "@cache: symbol C has no value");
}

TEST_F(InterpreterTest, RefusesAWeightOfAnotherShapeAndPassesErrorsOn) {
  Environment environment = MakeEnvironment();
  environment.weights = [](const Global&, int64_t) -> absl::StatusOr<Tensor> {
    return Tensor(F32({{"d", Extent::Constant(3)}}));
  };
  EXPECT_EQ(Interpreter::Create(&module_, environment)->RunLoad().message(),
            "load: for: layer = 0: @twice: @w[0] must be f32 d[2], is f32 d[3]");
  environment.weights = [](const Global& weight, int64_t index) -> absl::StatusOr<Tensor> {
    return absl::NotFoundError("no " + SourceName(weight, index));
  };
  const absl::Status status = Interpreter::Create(&module_, environment)->RunLoad();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "load: for: layer = 0: @twice: @w[0]: no w.0");
}

}  // namespace
}  // namespace lluda::ir
