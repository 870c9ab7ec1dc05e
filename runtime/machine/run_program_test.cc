#include "runtime/machine/run_program.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

absl::StatusOr<ProgramEnd> RunShell(const std::string& lines, std::string* text) {
  return RunProgram({"sh", "-c", lines, "sh", "a b"}, [text](absl::string_view part) {
    text->append(part.data(), part.size());
    return true;
  });
}

TEST(RunProgramTest, OutputIsWhatItWritesToStdout) {
  std::string text;
  const auto end = RunShell("echo \"$1\"; echo not this >&2", &text);
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_TRUE(end->is_success());
  EXPECT_EQ(text, "a b\n");
  EXPECT_EQ(end->errors, "not this\n");
}

TEST(RunProgramTest, MoreThanPipesHoldIsReadOfBoth) {
  std::string text;
  const auto end = RunShell(
      "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2; "
      "echo last >&2",
      &text);
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(text.size(), 1000000u);
  EXPECT_EQ(end->errors.size(), 4096u);
  EXPECT_EQ(end->errors.substr(4091), "last\n");
}

TEST(RunProgramTest, HowItEndedIsTold) {
  std::string text;
  EXPECT_EQ(RunShell("exit 3", &text)->how, "ended with 3");
  EXPECT_EQ(RunShell("exit 3", &text)->exit_code, 3);
  EXPECT_EQ(RunShell("kill -SEGV $$", &text)->how, "was ended by signal 11");
  EXPECT_FALSE(RunShell("kill -SEGV $$", &text)->is_success());
}

TEST(RunProgramTest, OneThatIsNotThereIsNamed) {
  const auto output = [](absl::string_view) { return true; };
  EXPECT_EQ(RunProgram({"/none/such"}, output).status(),
            absl::NotFoundError("/none/such: cannot be run: No such file or directory"));
  EXPECT_EQ(RunProgram({"/"}, output).status(),
            absl::UnavailableError("/: cannot be run: Permission denied"));
}

TEST(RunProgramTest, OneThatWritesMoreThanIsReadEndsByThat) {
  size_t bytes = 0;
  const auto end = RunProgram({"cat", "/dev/zero"}, [&](absl::string_view part) {
    bytes += part.size();
    return bytes < 100000;
  });
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->how, "was ended by signal 13");
}

}  // namespace
}  // namespace lluda::runtime
