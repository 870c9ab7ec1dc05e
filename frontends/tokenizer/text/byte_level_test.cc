#include "frontends/tokenizer/text/byte_level.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lluda::tokenizer {
namespace {

TEST(ByteLevel, WritesWhatGpt2Writes) {
  EXPECT_EQ(EncodeByteLevel(" a\n"), "ĠaĊ");
  EXPECT_EQ(EncodeByteLevel("é"), "Ã©");
  EXPECT_EQ(EncodeByteLevel(std::string("\0\x7F\xAD\xFF", 4)), "ĀġŃÿ");
}

TEST(ByteLevel, GivesEachByteItsOwnCharacterAndBack) {
  std::set<std::string> seen;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    const std::string content = EncodeByteLevel(bytes);
    EXPECT_EQ(DecodeByteLevel(content), bytes) << byte;
    EXPECT_TRUE(seen.insert(content).second) << byte;
  }
}

TEST(ByteLevel, LeavesAContentOutsideTheAlphabetAsItIs) {
  EXPECT_EQ(DecodeByteLevel("Ġ日"), "Ġ日");
  EXPECT_EQ(DecodeByteLevel("a b"), "a b") << "a blank is not in the alphabet";
}

}  // namespace
}  // namespace lluda::tokenizer
