#include "base/portable_exp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lluda::base {
namespace {

TEST(PortableExpTest, IsWithinOneUnitInTheLastPlace) {
  for (double x = -708; x < 709; x += 0.0137) {
    // 64 bits of mantissa: the reference's own error is 1/2048 of a unit.
    const long double exact = expl(static_cast<long double>(x));
    const double found = PortableExp(x);
    const double unit = std::nextafter(found, std::numeric_limits<double>::infinity()) - found;
    EXPECT_LE(std::abs(static_cast<double>(found - exact)), unit) << x;
  }
}

TEST(PortableExpTest, OfZeroIsOneAndOfTheEndsIsWhatTheRealFunctionTendsTo) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(PortableExp(0), 1);
  EXPECT_EQ(PortableExp(-infinity), 0);
  EXPECT_EQ(PortableExp(infinity), infinity);
  EXPECT_EQ(PortableExp(710), infinity);
  EXPECT_EQ(PortableExp(-746), 0);
  EXPECT_GT(PortableExp(-745), 0);
  EXPECT_TRUE(std::isnan(PortableExp(std::numeric_limits<double>::quiet_NaN())));
}

}  // namespace
}  // namespace lluda::base
