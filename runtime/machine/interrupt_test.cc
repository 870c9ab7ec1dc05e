#include "runtime/machine/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace lluda::runtime {
namespace {

TEST(InterruptTest, TheFirstSignalSetsTheFlag) {
  for (const int number : {SIGINT, SIGTERM}) {
    const Interrupt interrupt;
    EXPECT_FALSE(interrupt.flag()->load());
    raise(number);
    EXPECT_TRUE(interrupt.flag()->load());
  }
}

TEST(InterruptTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        const Interrupt interrupt;
        raise(SIGINT);
        raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
  EXPECT_EXIT(
      {
        const Interrupt interrupt;
        raise(SIGINT);
        raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

TEST(InterruptTest, AfterAResetTheNextSignalIsAFirstOne) {
  Interrupt interrupt;
  for (int i = 0; i < 3; ++i) {
    raise(SIGINT);
    EXPECT_TRUE(interrupt.flag()->load());
    interrupt.Reset();
    EXPECT_FALSE(interrupt.flag()->load());
  }
}

TEST(InterruptTest, WaitingEndsWithASignalAndNotWithAWakeAlone) {
  Interrupt interrupt;
  const uint64_t one = 1;
  ASSERT_EQ(write(interrupt.descriptor(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  std::thread signals([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    raise(SIGTERM);
  });
  interrupt.Wait();
  EXPECT_TRUE(interrupt.flag()->load());
  signals.join();
  interrupt.Wait();  // one that came before is not waited for
}

TEST(InterruptTest, ASignalThatWasIgnoredStaysIgnored) {
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before;
    const struct sigaction ignore = [] {
      struct sigaction action = {};
      action.sa_handler = SIG_IGN;
      return action;
    }();
    sigaction(number, &ignore, &before);
    {
      const Interrupt interrupt;
      raise(number);
      raise(number);
      EXPECT_FALSE(interrupt.flag()->load());
    }
    struct sigaction after;
    sigaction(number, &before, &after);
    EXPECT_EQ(after.sa_handler, SIG_IGN);
  }
}

TEST(InterruptTest, OneThatHasEndedLeavesSignalsAsTheyWere) {
  {
    const Interrupt interrupt;
  }
  struct sigaction after;
  sigaction(SIGINT, nullptr, &after);
  EXPECT_EQ(after.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace lluda::runtime
