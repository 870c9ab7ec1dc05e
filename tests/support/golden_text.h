// Compares text with a golden file, and leaves what a new golden file would hold.
//
//   ExpectGolden(PrintModule(module), "tests/testdata/qwen3_0_6b_optimized.lluda");
//
// If they differ, the test fails with the first differing line and says where it wrote the text:
// looked at and found right, it is copied over the golden file.
#ifndef LLUDA_TESTS_SUPPORT_GOLDEN_TEXT_H_
#define LLUDA_TESTS_SUPPORT_GOLDEN_TEXT_H_

#include <string>

namespace lluda::tests {

void ExpectGolden(const std::string& text, const std::string& path);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_SUPPORT_GOLDEN_TEXT_H_
