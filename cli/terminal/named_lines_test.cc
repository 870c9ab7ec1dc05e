#include "cli/terminal/named_lines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lluda::cli {
namespace {

// What is written of these parts of a text.
std::string Written(const std::string& name, const std::vector<std::string>& parts) {
  std::string written;
  NamedLines lines(name, [&](absl::string_view text) {
    written.append(text.data(), text.size());
    return absl::OkStatus();
  });
  for (const std::string& part : parts) EXPECT_TRUE(lines.Add(part));
  lines.EndLine();
  EXPECT_TRUE(lines.status().ok());
  return written;
}

TEST(NamedLines, EachLineBeginsWithTheName) {
  EXPECT_EQ(Written("a: ", {"one"}), "a: one\n");
  EXPECT_EQ(Written("a: ", {"one\ntwo\n\nthree"}), "a: one\na: two\na: \na: three\n");
}

TEST(NamedLines, LinesMayComeInParts) {
  EXPECT_EQ(Written("a: ", {"o", "ne\n", "t", "wo", "\n", "\nx"}), "a: one\na: two\na: \na: x\n");
}

TEST(NamedLines, AnEndOfALineIsWrittenOnce) { EXPECT_EQ(Written("a: ", {"one\n"}), "a: one\n"); }

TEST(NamedLines, WithoutATextThereIsNoLine) { EXPECT_EQ(Written("a: ", {"", ""}), ""); }

TEST(NamedLines, WithoutANameTheTextIsAsItIs) {
  EXPECT_EQ(Written("", {"one\n\ntwo"}), "one\n\ntwo\n");
}

TEST(NamedLines, TheFirstErrorIsKeptAndNothingIsWrittenBehindIt) {
  int calls = 0;
  NamedLines lines("a: ", [&](absl::string_view) {
    ++calls;
    return absl::CancelledError("gone");
  });
  EXPECT_FALSE(lines.Add("one\ntwo"));
  EXPECT_EQ(lines.status(), absl::CancelledError("gone"));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace lluda::cli
