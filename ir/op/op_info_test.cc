#include "ir/op/op_info.h"

#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

TEST(OpInfoTest, TheTableIsSortedAndIndexedByOpcode) {
  const auto ops = AllOps();
  ASSERT_EQ(ops.size(), static_cast<size_t>(Opcode::kCount));
  for (size_t i = 0; i < ops.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(ops[i].opcode), i);
    EXPECT_EQ(&Info(ops[i].opcode), &ops[i]);
    EXPECT_EQ(OpcodeFromName(ops[i].name), ops[i].opcode);
    if (i > 0) {
      EXPECT_LT(ops[i - 1].name, ops[i].name);
    }
  }
}

TEST(OpInfoTest, UnknownNamesAreNoOps) {
  for (const char* name : {"", "ad", "addd", "Add", "zzz"}) {
    EXPECT_EQ(OpcodeFromName(name), std::nullopt) << name;
  }
}

TEST(OpInfoTest, EveryRowIsConsistent) {
  for (const OpInfo& op : AllOps()) {
    EXPECT_LE(0, op.min_operands) << op.name;
    EXPECT_LE(op.min_operands, op.max_operands) << op.name;
    EXPECT_LT(op.at, op.max_operands) << op.name;
    EXPECT_EQ(op.keys >> static_cast<int>(AttrKey::kCount), 0u) << op.name;
  }
}

TEST(OpInfoTest, OnlyReturnAndYieldEndABlock) {
  for (const OpInfo& op : AllOps()) {
    EXPECT_EQ(IsTerminator(op.opcode), op.name == "return" || op.name == "yield") << op.name;
  }
}

TEST(OpInfoTest, RmsnormTakesEpsAndOut) {
  const OpInfo& op = Info(Opcode::kRmsnorm);
  EXPECT_EQ(op.name, "rmsnorm");
  EXPECT_EQ(op.clause, Clause::kOver);
  EXPECT_EQ(op.keys, KeyBit(AttrKey::kEps) | KeyBit(AttrKey::kOut));
}

}  // namespace
}  // namespace lluda::ir
