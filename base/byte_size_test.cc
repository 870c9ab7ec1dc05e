#include "base/byte_size.h"

#include <gtest/gtest.h>

namespace lluda::base {
namespace {

TEST(ByteSize, ANumberIsThatOfBytes) {
  EXPECT_EQ(ParseByteSize("0"), 0);
  EXPECT_EQ(ParseByteSize("1000"), 1000);
  EXPECT_EQ(ParseByteSize("7B"), 7);
}

TEST(ByteSize, UnitsAreOf1024InAnyCaseAndSpelling) {
  for (const char* text : {"3M", "3m", "3MB", "3mb", "3MiB", "3 MiB"}) {
    EXPECT_EQ(ParseByteSize(text), 3 << 20) << text;
  }
  EXPECT_EQ(ParseByteSize("2K"), 2048);
  EXPECT_EQ(ParseByteSize("1.5G"), 3LL << 29);
  EXPECT_EQ(ParseByteSize("1TB"), 1LL << 40);
  EXPECT_EQ(ParseByteSize("1P"), 1LL << 50);
}

TEST(ByteSize, WhatIsNoneOrDoesNotFitIsTold) {
  for (const char* text : {"", "lots", "-1", "-1K", "+1", "1.5", "1.5B", "nan", "inf", "1e400",
                           "1X", "M", "1MM", "1iB", "9223372036854775808", "10000000P"}) {
    EXPECT_EQ(ParseByteSize(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace lluda::base
