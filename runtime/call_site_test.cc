#include "runtime/call_site.h"

#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

TEST(CallSite, ALayersIndexFollowsItsFunctionAndALoadedTensorsTheGlobal) {
  EXPECT_EQ(ToString({"mlp", 12, "gu"}), "mlp[12].gu");
  EXPECT_EQ(ToString({"load", 27, "wqkv"}), "load.wqkv[27]");
  EXPECT_EQ(ToString({"mlp", 0, "gu"}), "mlp[0].gu");
}

TEST(CallSite, WhatThereIsOnceHasNoIndex) {
  EXPECT_EQ(ToString({"logits", -1, "l"}), "logits.l");
  EXPECT_EQ(ToString({"load", -1, "embed_p"}), "load.embed_p");
}

TEST(CallSite, AStatementIsTheSameForAllLayers) {
  EXPECT_EQ(StatementOf({"mlp", 1, "gu"}), StatementOf({"mlp", 5, "gu"}));
  EXPECT_EQ(StatementOf({"load", 3, "wo"}), "load.wo");
  EXPECT_FALSE((CallSite{"mlp", 1, "gu"}) == (CallSite{"mlp", 5, "gu"}));
}

}  // namespace
}  // namespace lluda::runtime
