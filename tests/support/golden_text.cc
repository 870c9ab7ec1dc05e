#include "tests/support/golden_text.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace lluda::tests {

void ExpectGolden(const std::string& text, const std::string& path) {
  std::ifstream file(path);
  ASSERT_TRUE(file.good()) << path;
  const std::string golden{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text == golden) return;
  const std::vector<absl::string_view> actual = absl::StrSplit(text, '\n');
  const std::vector<absl::string_view> expected = absl::StrSplit(golden, '\n');
  size_t line = 0;
  while (line < actual.size() && line < expected.size() && actual[line] == expected[line]) ++line;
  const absl::string_view end = "(the text ends)";
  // Not the test's own folder: that one is gone when the test is.
  const std::string written =
      (std::filesystem::temp_directory_path() / std::filesystem::path(path).filename()).string();
  std::ofstream(written) << text;
  ADD_FAILURE() << path << ":" << line + 1 << " is\n  "
                << (line < expected.size() ? expected[line] : end) << "\nand the text has\n  "
                << (line < actual.size() ? actual[line] : end) << "\nTo accept it: cp " << written
                << " " << path;
}

}  // namespace lluda::tests
