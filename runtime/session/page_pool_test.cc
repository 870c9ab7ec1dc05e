#include "runtime/session/page_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lluda::runtime {
namespace {

TEST(PagePoolTest, APageIsFreeOnceNobodyHoldsIt) {
  PagePool pool(3);
  const int32_t a = pool.Take();
  const int32_t b = pool.Take();
  EXPECT_NE(a, b);
  EXPECT_EQ(pool.free(), 1);
  pool.Hold(a);
  pool.Drop(a);
  EXPECT_EQ(pool.holders(a), 1);
  EXPECT_EQ(pool.free(), 1);
  pool.Drop(a);
  EXPECT_EQ(pool.free(), 2);
  pool.Drop(b);
  EXPECT_EQ(pool.free(), 3);
}

TEST(PagePoolTest, WhatIsFreeIsHeldByNobody) {
  PagePool pool(1);
  EXPECT_DEATH(pool.Drop(0), "page 0 is free");
  EXPECT_DEATH(pool.Hold(0), "page 0 is free");
  pool.Take();
  EXPECT_DEATH(pool.Take(), "");
}

}  // namespace
}  // namespace lluda::runtime
