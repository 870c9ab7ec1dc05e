#include "media/sound_program.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/files/test_files.h"
#include "gtest/gtest.h"

namespace lluda::media {
namespace {

class SoundProgramTest : public ::testing::Test {
 protected:
  // A program of these lines.
  std::string Script(const std::string& lines) {
    const std::string path = folder_.Write("program", "#!/bin/sh\n" + lines);
    chmod(path.c_str(), 0700);
    return path;
  }

 private:
  base::TemporaryFolder folder_;
};

TEST_F(SoundProgramTest, SamplesAreWhatTheProgramWrites) {
  const auto sound = ReadSoundWith(Script("printf '\\0\\0\\200\\077\\0\\0\\0\\277'"), "a.wav", {});
  ASSERT_TRUE(sound.ok()) << sound.status();
  EXPECT_EQ(*sound, (std::vector<float>{1.0f, -0.5f}));
}

TEST_F(SoundProgramTest, MoreThanAPipeHoldsIsReadWhole) {
  const auto sound = ReadSoundWith(Script("head -c 4000000 /dev/zero"), "a.wav", {});
  ASSERT_TRUE(sound.ok()) << sound.status();
  EXPECT_EQ(sound->size(), 1000000u);
}

TEST_F(SoundProgramTest, TheProgramIsToldTheFile) {
  const auto sound =
      ReadSoundWith(Script("echo \"reader: $1: is empty\" >&2; exit 2"), "b c.wav", {});
  EXPECT_EQ(sound.status(), absl::InvalidArgumentError("b c.wav: is empty"));
}

TEST_F(SoundProgramTest, AProgramThatIsNotThereIsNamed) {
  EXPECT_EQ(ReadSoundWith("/none/reader", "a.wav", {}).status(),
            absl::NotFoundError("/none/reader: cannot be run: No such file or directory"));
}

TEST_F(SoundProgramTest, AProgramThatEndsBadlyIsNamed) {
  const std::string program = Script("kill -SEGV $$");
  EXPECT_EQ(ReadSoundWith(program, "a.wav", {}).status(),
            absl::UnavailableError(program + ": was ended by signal 11"));
}

TEST_F(SoundProgramTest, ASilentFailureHasItsExitCode) {
  const std::string program = Script("exit 3");
  EXPECT_EQ(ReadSoundWith(program, "a.wav", {}).status(),
            absl::UnavailableError(program + ": ended with 3"));
}

TEST_F(SoundProgramTest, HalfASampleIsNone) {
  const std::string program = Script("printf '\\0\\0\\0\\0\\0'");
  EXPECT_EQ(ReadSoundWith(program, "a.wav", {}).status(),
            absl::UnavailableError(program + ": wrote 5 bytes of samples for a.wav"));
}

TEST_F(SoundProgramTest, AnEndlessSoundIsRefused) {
  EXPECT_EQ(ReadSoundWith(Script("cat /dev/zero"), "a.wav", {/*seconds=*/2}).status(),
            absl::InvalidArgumentError("a.wav: is longer than 2 s, the most that is read"));
}

}  // namespace
}  // namespace lluda::media
