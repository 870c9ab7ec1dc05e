#include "base/portable_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lluda::base {
namespace {

void ExpectWithinOneUnit(double x) {
  // 64 bits of mantissa: the reference's own error is 1/2048 of a unit.
  const long double exact = logl(static_cast<long double>(x));
  const double found = PortableLog(x);
  const double size = std::abs(found);
  const double unit = std::nextafter(size, std::numeric_limits<double>::infinity()) - size;
  EXPECT_LE(std::abs(static_cast<double>(found - exact)), unit) << x;
}

TEST(PortableLogTest, IsWithinOneUnitInTheLastPlace) {
  for (double x = 1e-300; x < 1e300; x *= 1.0137) ExpectWithinOneUnit(x);
  for (double x = 0.4; x < 2.5; x += 0.0000173) ExpectWithinOneUnit(x);
  ExpectWithinOneUnit(1 + 0x1p-52);
  ExpectWithinOneUnit(1 - 0x1p-53);
  ExpectWithinOneUnit(std::numeric_limits<double>::denorm_min());
}

TEST(PortableLogTest, OfOneIsZeroAndOfTheEndsIsWhatTheRealFunctionTendsTo) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(PortableLog(1), 0);
  EXPECT_EQ(PortableLog(0), -infinity);
  EXPECT_EQ(PortableLog(infinity), infinity);
  EXPECT_TRUE(std::isnan(PortableLog(-1)));
  EXPECT_TRUE(std::isnan(PortableLog(std::numeric_limits<double>::quiet_NaN())));
}

}  // namespace
}  // namespace lluda::base
