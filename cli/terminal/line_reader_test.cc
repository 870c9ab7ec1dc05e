#include "cli/terminal/line_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lluda::cli {
namespace {

using testing::ElementsAre;
using Event = LineReader::Event;

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_), 0); }
  ~Pipe() {
    close(ends_[0]);
    CloseWriter();
  }
  int reader() const { return ends_[0]; }
  void Write(absl::string_view text) const {
    EXPECT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void CloseWriter() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2];
};

std::vector<std::string> LinesOf(absl::string_view text) {
  const runtime::Interrupt interrupt;
  Pipe pipe;
  pipe.Write(text);
  pipe.CloseWriter();
  LineReader reader(pipe.reader(), &interrupt);
  std::vector<std::string> lines;
  std::string line;
  while (*reader.Next(&line) == Event::kLine) lines.push_back(line);
  return lines;
}

TEST(LineReaderTest, ALineEndsWithLineFeedOrCarriageReturnAndLineFeed) {
  EXPECT_THAT(LinesOf("one\r\n\r\ntwo\n\nthree\r\n"), ElementsAre("one", "", "two", "", "three"));
}

TEST(LineReaderTest, OtherCarriageReturnsStay) {
  EXPECT_THAT(LinesOf("a\rb\r\n\rc\r\r\n"), ElementsAre("a\rb", "\rc\r"));
}

TEST(LineReaderTest, TheLastLineMayEndWithTheInput) {
  EXPECT_THAT(LinesOf("one\ntwo"), ElementsAre("one", "two"));
  EXPECT_THAT(LinesOf("one\r\ntwo\r"), ElementsAre("one", "two"));
  EXPECT_THAT(LinesOf(""), ElementsAre());
}

TEST(LineReaderTest, ALineWithoutAnEndIsRefused) {
  const runtime::Interrupt interrupt;
  const int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  LineReader reader(zeros, &interrupt);
  std::string line;
  EXPECT_EQ(reader.Next(&line).status(),
            absl::FailedPreconditionError("stdin: a line is longer than 64 MiB"));
  close(zeros);
}

TEST(LineReaderTest, ZeroBytesArePartOfALine) {
  EXPECT_THAT(LinesOf(absl::string_view("a\0b\n", 4)), ElementsAre(std::string("a\0b", 3)));
}

TEST(LineReaderTest, ALineMayComeInPieces) {
  const runtime::Interrupt interrupt;
  const Pipe pipe;
  LineReader reader(pipe.reader(), &interrupt);
  pipe.Write("on");
  std::thread writer([&] {
    pipe.Write("e\r");
    pipe.Write("\ntwo\n");
  });
  std::string line;
  EXPECT_EQ(*reader.Next(&line), Event::kLine);
  EXPECT_EQ(line, "one");
  EXPECT_EQ(*reader.Next(&line), Event::kLine);
  EXPECT_EQ(line, "two");
  writer.join();
}

// The signal comes before the wait here, where no system call is there for it to cut short.
TEST(LineReaderTest, ASignalBeforeTheWaitIsNotSleptThrough) {
  const runtime::Interrupt interrupt;
  const Pipe pipe;
  LineReader reader(pipe.reader(), &interrupt);
  raise(SIGINT);
  std::string line;
  EXPECT_EQ(*reader.Next(&line), Event::kInterrupted);
}

// Another thread takes the signal, so that the wait is not cut short by it either.
TEST(LineReaderTest, ASignalThatAnotherThreadTakesEndsTheWait) {
  const runtime::Interrupt interrupt;
  const Pipe pipe;
  LineReader reader(pipe.reader(), &interrupt);
  std::thread other([] { raise(SIGINT); });
  std::string line;
  EXPECT_EQ(*reader.Next(&line), Event::kInterrupted);
  other.join();
}

TEST(LineReaderTest, AfterAResetLinesComeAgain) {
  runtime::Interrupt interrupt;
  const Pipe pipe;
  LineReader reader(pipe.reader(), &interrupt);
  pipe.Write("one\n");
  raise(SIGINT);
  std::string line;
  EXPECT_EQ(*reader.Next(&line), Event::kInterrupted);
  interrupt.Reset();
  EXPECT_EQ(*reader.Next(&line), Event::kLine);
  EXPECT_EQ(line, "one");
}

TEST(LineReaderTest, AWakeWithoutAFlagIsNoInterrupt) {
  const runtime::Interrupt interrupt;
  const Pipe pipe;
  LineReader reader(pipe.reader(), &interrupt);
  const uint64_t one = 1;
  ASSERT_EQ(write(interrupt.descriptor(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  pipe.Write("one\n");
  std::string line;
  EXPECT_EQ(*reader.Next(&line), Event::kLine);
}

TEST(LineReaderTest, WhatCannotBeReadIsAnError) {
  const runtime::Interrupt interrupt;
  std::string line;
  EXPECT_EQ(LineReader(987654, &interrupt).Next(&line).status(),
            absl::FailedPreconditionError("stdin: Bad file descriptor"));
}

}  // namespace
}  // namespace lluda::cli
