#include "base/sha256.h"

#include "gtest/gtest.h"

namespace lluda::base {
namespace {

TEST(Sha256, GivesTheStandardsExample) {
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(HexOf(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, DoesNotDependOnThePieces) {
  Sha256Stream stream;
  stream.Add("a");
  stream.Add("");
  stream.Add("bc");
  EXPECT_EQ(stream.Finish(), Sha256("abc"));
}

}  // namespace
}  // namespace lluda::base
