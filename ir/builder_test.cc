#include "ir/builder.h"

#include "gtest/gtest.h"
#include "ir/text/hash.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"

namespace lluda::ir {
namespace {

Axis Constant(const char* name, int64_t extent) { return {name, Extent::Constant(extent)}; }

TEST(BuilderTest, BuildsWhatTheTextSays) {
  Module module("m");
  module.symbols = {{"T", 1, 8}};
  const Axis tok{"tok", Extent::Symbol("T")};
  const Type rows{DType::kF32, {tok, Constant("hid", 8)}, {}};
  Global* norm = module.AddGlobal({Global::Kind::kWeight,
                                   "norm",
                                   Index{"layer", 2},
                                   {DType::kF32, {Constant("hid", 8)}, {}},
                                   "norm.{layer}"});
  Func* layer = module.AddFunc("layer");
  layer->index = Index{"layer", 2};
  layer->result_type = rows;
  {
    Builder b(layer);
    Value* x = layer->AddParam("x", rows);
    Value* h = b.Rmsnorm("h", x, Operand(norm, "layer"), "hid", 1e-6);
    Value* s = b.Split("s", h, "hid", {Constant("a", 2), Constant("b", 4)});
    Value* lo = b.Slice("p", s, "b", 0, 2, {Constant("b", 2)});
    Value* hi = b.Slice("p", s, "b", 2, 4, {Constant("b", 2)});
    Value* c = b.Concat("c", {hi, lo}, {"b"}, Constant("b", 4));
    Value* m = b.Merge("m", c, {"a", "b"}, Constant("hid", 8));
    b.Return(b.Binary(Opcode::kAdd, "y", x, m));
    ASSERT_TRUE(b.status().ok()) << b.status();
  }
  Func* step = module.AddFunc("step");
  step->result_type = rows;
  {
    Builder b(step);
    Value* x = step->AddParam("x", rows);
    Op* loop = b.For("y", "layer", 0, 2, "c", x);
    Builder inner(loop->body.get());
    inner.Yield(inner.Call("z", layer, "layer", {loop->carried.get()}));
    b.Return(loop->result());
    ASSERT_TRUE(b.status().ok() && inner.status().ok());
  }
  const auto expected = ParseModule(R"(lluda 1
module @m {
  symbol T in 1..8
  weight @norm[layer < 2] : f32 hid[8] from "norm.{layer}"
  func @layer[layer < 2](%x: f32 tok[T] hid[8]) -> f32 tok[T] hid[8] {
    %h = rmsnorm %x @norm[layer] over hid {eps = 1e-06} : f32 tok[T] hid[8]
    %s = split %h hid -> a[2] b[4] : f32 tok[T] a[2] b[4]
    %p = slice %s b 0..2 as b[2] : f32 tok[T] a[2] b[2]
    %p_1 = slice %s b 2..4 as b[2] : f32 tok[T] a[2] b[2]
    %c = concat %p_1 %p b -> b[4] : f32 tok[T] a[2] b[4]
    %m = merge %c a b -> hid[8] : f32 tok[T] hid[8]
    %y = add %x %m : f32 tok[T] hid[8]
    return %y
  }
  func @step(%x: f32 tok[T] hid[8]) -> f32 tok[T] hid[8] {
    %y = for layer in 0..2 carry %c = %x {
      %z = call @layer[layer] %c : f32 tok[T] hid[8]
      yield %z
    } : f32 tok[T] hid[8]
    return %y
  }
}
)",
                                    "m");
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_TRUE(Equal(module, **expected));
  EXPECT_EQ(PrintModule(module), PrintModule(**expected));
}

TEST(BuilderTest, TheFirstErrorIsKeptAndNamesItsValue) {
  Module module("m");
  Func* func = module.AddFunc("f");
  Value* x = func->AddParam("x", {DType::kF32, {Constant("a", 2)}, {}});
  Builder b(func);
  Value* bad = b.Reduce(Opcode::kReduceSum, "sum", x, "b");
  b.Return(b.Unary(Opcode::kExp, "later", bad));
  EXPECT_EQ(b.status().message(), "%sum: reduce_sum: operand 0 has no axis 'b': f32 a[2]");
  EXPECT_TRUE(func->body.empty());
}

TEST(BuilderTest, DefineGivesTheGlobalItsType) {
  Module module("m");
  Global* w = module.AddGlobal({Global::Kind::kWeight,
                                "w",
                                std::nullopt,
                                {DType::kF32, {Constant("a", 2), Constant("b", 3)}, {}},
                                ""});
  Global* t = module.AddGlobal({Global::Kind::kLoaded, "t", std::nullopt, {}, ""});
  Builder b(&module.load);
  Attrs attrs;
  attrs.axes = {"b", "a"};
  Op* op = b.Define(Opcode::kPermute, t, "", {Operand(w)}, attrs);
  ASSERT_TRUE(b.status().ok()) << b.status();
  EXPECT_EQ(PrintOp(*op), "@t = permute @w to b a : f32 b[3] a[2]");
}

}  // namespace
}  // namespace lluda::ir
