#include "ir/graph.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

const Type kVector{DType::kF32, {{"i", Extent::Constant(4)}}, {}};

class GraphTest : public ::testing::Test {
 protected:
  GraphTest() : module_("m"), func_(module_.AddFunc("f")), x_(func_->AddParam("x", kVector)) {}

  Op* Exp(Value* of, const std::string& name) {
    Op* op = func_->body.Append(Opcode::kExp);
    op->SetOperands({of});
    op->SetResult(name, kVector);
    return op;
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    ForEachOp(func_->body, [&](const Op* op) {
      names.push_back(op->result() == nullptr ? std::string(op->name()) : op->result()->name);
    });
    return names;
  }

  Module module_;
  Func* func_;
  Value* x_;
};

TEST_F(GraphTest, OperandsKeepTheUsesOfTheirValues) {
  Op* a = Exp(x_, "a");
  Op* sum = func_->body.Append(Opcode::kAdd);
  sum->SetOperands({x_, a->result()});
  ASSERT_EQ(x_->uses().size(), 2u);
  EXPECT_EQ(x_->uses()[1].op, sum);
  EXPECT_EQ(x_->uses()[1].operand, 0);
  EXPECT_TRUE(a->result()->HasOneUse());
  sum->SetOperand(0, a->result());
  EXPECT_TRUE(x_->HasOneUse());
  EXPECT_EQ(a->result()->uses().size(), 2u);
  func_->body.Erase(sum);
  EXPECT_TRUE(a->result()->uses().empty());
}

TEST_F(GraphTest, ReplaceAllUsesReachesEveryOperand) {
  Op* a = Exp(x_, "a");
  Op* sum = func_->body.Append(Opcode::kAdd);
  sum->SetOperands({a->result(), a->result()});
  ReplaceAllUses(a->result(), x_);
  EXPECT_EQ(sum->operand(0), Operand(x_));
  EXPECT_EQ(sum->operand(1), Operand(x_));
  EXPECT_TRUE(a->result()->uses().empty());
}

TEST_F(GraphTest, OpsAreInsertedMovedAndErasedInOrder) {
  Op* a = Exp(x_, "a");
  Op* c = Exp(x_, "c");
  Op* b = func_->body.InsertBefore(c, Opcode::kExp);
  b->SetResult("b", kVector);
  EXPECT_EQ(Names(), (std::vector<std::string>{"a", "b", "c"}));
  func_->body.MoveBefore(c, a);
  EXPECT_EQ(Names(), (std::vector<std::string>{"c", "a", "b"}));
  func_->body.Erase(a);
  EXPECT_EQ(Names(), (std::vector<std::string>{"c", "b"}));
}

TEST_F(GraphTest, TheTerminatorIsALastReturnOrYield) {
  EXPECT_EQ(func_->body.terminator(), nullptr);
  Op* end = func_->body.Append(Opcode::kReturn);
  EXPECT_EQ(func_->body.terminator(), end);
  Exp(x_, "late");
  EXPECT_EQ(func_->body.terminator(), nullptr);
}

TEST_F(GraphTest, UniqueNamesAvoidParametersResultsAndLoops) {
  Exp(x_, "a");
  Op* loop = func_->body.Append(Opcode::kFor);
  loop->carried = std::make_unique<Value>("c", kVector, nullptr);
  loop->body = std::make_unique<Block>(&module_, func_, loop);
  loop->body->Append(Opcode::kExp)->SetResult("inner", kVector);
  loop->body->Append(Opcode::kExp)->SetResult("inner_1", kVector);
  EXPECT_EQ(func_->UniqueName("x"), "x_1");
  EXPECT_EQ(func_->UniqueName("a"), "a_1");
  EXPECT_EQ(func_->UniqueName("c"), "c_1");
  EXPECT_EQ(func_->UniqueName("inner"), "inner_2");
  EXPECT_EQ(func_->UniqueName("new"), "new");
}

TEST_F(GraphTest, GlobalsAreFoundUsedAndErased) {
  Global* w = module_.AddGlobal({Global::Kind::kWeight, "w", std::nullopt, kVector, "w"});
  EXPECT_EQ(module_.FindGlobal("w"), w);
  EXPECT_EQ(module_.UniqueGlobalName("w"), "w_1");
  EXPECT_FALSE(module_.IsUsed(w));
  Op* op = func_->body.Append(Opcode::kExp);
  op->SetOperands({Operand(w)});
  EXPECT_TRUE(module_.IsUsed(w));
  func_->body.Erase(op);
  module_.EraseGlobal(w);
  EXPECT_EQ(module_.FindGlobal("w"), nullptr);
}

TEST_F(GraphTest, ADefinitionInTheLoadBlockIsAUseOfTheGlobal) {
  Global* g = module_.AddGlobal({Global::Kind::kLoaded, "g", std::nullopt, kVector, ""});
  Op* op = module_.load.Append(Opcode::kIota);
  op->defined_global = g;
  EXPECT_TRUE(module_.IsUsed(g));
  EXPECT_EQ(&op->result_type(), &g->type);
}

TEST_F(GraphTest, ModulesWithUsesBeforeDefinitionsCanBeDestroyed) {
  Op* a = Exp(x_, "a");
  Op* b = Exp(a->result(), "b");
  func_->body.MoveBefore(b, a);
  Func* other = module_.AddFunc("other");
  other->body.Append(Opcode::kReturn)->SetOperands({b->result()});
  func_->body.Append(Opcode::kReturn)->SetOperands({other->AddParam("y", kVector)});
  func_->body.DropOperands();
  EXPECT_TRUE(a->result()->uses().empty());
  EXPECT_EQ(b->result()->uses().size(), 1u);
}

TEST_F(GraphTest, SourcesMayListTheNumbersOfTheirCopies) {
  Global w;
  w.index = Index{"dense", 3};
  w.source = "l.{dense: 1 2 7}.w";
  EXPECT_EQ(SourceName(w, 0), "l.1.w");
  EXPECT_EQ(SourceName(w, 2), "l.7.w");
  EXPECT_EQ(FindSourceIndex(w)->numbers, (std::vector<int64_t>{1, 2, 7}));
  w.source = "l.{dense: }.w";
  EXPECT_FALSE(FindSourceIndex(w).has_value());
}

TEST_F(GraphTest, WeightsMayBeStackedFromOneTensorForEachElementOfTheirFirstAxis) {
  Global w;
  w.index = Index{"layer", 2};
  w.type.axes = {{"expert", Extent::Constant(2)}, {"k", Extent::Constant(3)}};
  w.source = "l.{layer}.{expert}.w";
  EXPECT_TRUE(IsStacked(w));
  EXPECT_EQ(SourceNames(w, 1), (std::vector<std::string>{"l.1.0.w", "l.1.1.w"}));
  w.source = "l.{layer}.{k}.w";  // not the first axis
  EXPECT_FALSE(IsStacked(w));
  EXPECT_EQ(SourceNames(w, 1), (std::vector<std::string>{"l.1.{k}.w"}));
}

TEST_F(GraphTest, ANumberSelectsACopyByItself) {
  EXPECT_EQ(ConstantIndex("12"), 12);
  EXPECT_EQ(ConstantIndex("layer"), std::nullopt);
  EXPECT_EQ(ConstantIndex("-1"), std::nullopt);
  EXPECT_EQ(ConstantIndex(""), std::nullopt);
}

TEST_F(GraphTest, SourceNamesFillInTheIndex) {
  Global w{Global::Kind::kWeight, "w", Index{"layer", 4}, kVector, "model.{layer}.w{row}"};
  EXPECT_EQ(SourceName(w, 3), "model.3.w{row}");
  w.index.reset();
  EXPECT_EQ(SourceName(w, 3), "model.{layer}.w{row}");
}

TEST_F(GraphTest, AStatementIsPlacedByFunctionAndNameAndByItsLineIfItHasOne) {
  Op* a = Exp(x_, "a");
  EXPECT_EQ(PlaceOf(*a), absl::StrCat("@", func_->name, ": %a"));
  Global* g = module_.AddGlobal({Global::Kind::kLoaded, "g", std::nullopt, kVector, ""});
  Op* iota = module_.load.Append(Opcode::kIota);
  iota->defined_global = g;
  iota->line = 7;
  module_.file = "dump.lluda";
  EXPECT_EQ(PlaceOf(*iota), "dump.lluda:7: load: @g");
}

using GraphDeathTest = GraphTest;

TEST_F(GraphDeathTest, ErasingAUsedValueIsABug) {
  Op* a = Exp(x_, "a");
  Exp(a->result(), "b");
  EXPECT_DEATH(func_->body.Erase(a), "erasing %a, which is still used");
}

}  // namespace
}  // namespace lluda::ir
