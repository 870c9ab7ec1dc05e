#include "frontends/jinja/builtins/format.h"

#include <cstring>

#include "gtest/gtest.h"

namespace lluda::jinja {
namespace {

// Leaves digits where the next function has its locals.
[[gnu::noinline]] void FillStackWithDigits() {
  char digits[4096];
  std::memset(digits, '0', sizeof(digits));
  asm volatile("" : : "r"(digits) : "memory");
}

TEST(FormatFloat, IsWhatPythonWritesWhateverLiesBehindItsBuffer) {
  const struct {
    double value;
    const char* text;
  } cases[] = {
      {1234, "1234.0"},   {1e15, "1000000000000000.0"}, {1e16, "1e+16"}, {-0.5, "-0.5"},
      {0.0001, "0.0001"}, {1.5e-7, "1.5e-07"},          {0, "0.0"},      {1e300, "1e+300"}};
  for (const auto& [value, text] : cases) {
    FillStackWithDigits();
    EXPECT_EQ(FormatFloat(value), text);
  }
}

}  // namespace
}  // namespace lluda::jinja
