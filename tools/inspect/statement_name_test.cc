#include "tools/inspect/statement_name.h"

#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

TEST(StatementNameTest, AStatementIsUnderstoodHoweverADumpOrAProfileSpellsIt) {
  for (const char* text : {"attn.qkv", "attn[3].qkv", "@attn %qkv", " @attn %qkv "}) {
    EXPECT_EQ(StatementNamed(text), "attn.qkv") << text;
  }
  EXPECT_EQ(StatementNamed("load @wqkv"), "load.wqkv");
  EXPECT_EQ(StatementNamed("load.wqkv[27]"), "load.wqkv");
}

TEST(StatementNameTest, WhatIsNoStatementIsLeftAlone) {
  for (const char* text : {"rope_f32_f32", "attn", "attn[x].qkv", "attn[3.qkv", ""}) {
    EXPECT_EQ(StatementNamed(text), text);
  }
}

}  // namespace
}  // namespace lluda::tools
