#include "cli/terminal/output.h"

#include <gtest/gtest.h>
namespace lluda::cli {
namespace {

TEST(OutputTest, ANoteIsOneLineWhateverItHolds) {
  testing::internal::CaptureStderr();
  PrintNotes("lluda", {"tensor 'a\nb' is not used", "started 2 of 4 threads"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "lluda: note: tensor 'a b' is not used\nlluda: note: started 2 of 4 threads\n");
}

}  // namespace
}  // namespace lluda::cli
