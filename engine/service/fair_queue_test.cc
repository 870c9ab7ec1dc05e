#include "engine/service/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lluda::engine {
namespace {

using testing::ElementsAre;

bool Always(int) { return true; }

std::vector<int> PopAll(FairQueue<int>* queue) {
  std::vector<int> items;
  while (const auto item = queue->Pop(Always)) items.push_back(*item);
  return items;
}

TEST(FairQueueTest, OneClientIsServedInTheOrderOfArrival) {
  FairQueue<int> queue;
  for (const int item : {3, 1, 2}) queue.Push("a", item);
  EXPECT_EQ(queue.size(), 3u);
  EXPECT_THAT(PopAll(&queue), ElementsAre(3, 1, 2));
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueueTest, ClientsServedEquallyGoInTheOrderOfArrival) {
  FairQueue<int> queue;
  queue.Push("b", 1);
  queue.Push("a", 2);
  queue.Push("b", 3);
  EXPECT_THAT(PopAll(&queue), ElementsAre(1, 2, 3));
}

TEST(FairQueueTest, TheLeastServedClientGoesNext) {
  FairQueue<int> queue;
  for (const int item : {1, 2, 3}) queue.Push("a", item);
  for (const int item : {4, 5, 6}) queue.Push("b", item);
  EXPECT_EQ(queue.Pop(Always), 1);
  queue.Charge("a", 1.5);
  EXPECT_EQ(queue.Pop(Always), 4);
  queue.Charge("b", 1);
  EXPECT_EQ(queue.Pop(Always), 5);
  queue.Charge("b", 1);
  EXPECT_EQ(queue.Pop(Always), 2);
}

// A client that floods the queue gets its share and no more.
TEST(FairQueueTest, AManyTimesLargerClientDoesNotHoldUpASmallOne) {
  FairQueue<int> queue;
  for (int item = 0; item < 100; ++item) queue.Push("large", item);
  EXPECT_EQ(queue.Pop(Always), 0);
  queue.Charge("large", 1);
  queue.Push("small", 1000);
  queue.Push("small", 1001);
  EXPECT_EQ(queue.Pop(Always), 1);  // both have had 1, and the large one came first
  queue.Charge("large", 1);
  EXPECT_EQ(queue.Pop(Always), 1000);
}

TEST(FairQueueTest, AClientThatWasAwayDoesNotCatchUp) {
  FairQueue<int> queue;
  queue.Push("away", 1);
  queue.Push("busy", 2);
  EXPECT_EQ(queue.Pop(Always), 1);
  queue.Finished("away");
  EXPECT_EQ(queue.Pop(Always), 2);
  queue.Charge("busy", 100);
  for (const int item : {3, 4}) queue.Push("busy", item);
  for (const int item : {5, 6, 7}) queue.Push("away", item);
  // It starts at 100, too, and takes turns from there.
  EXPECT_EQ(queue.Pop(Always), 3);
  queue.Charge("busy", 1);
  EXPECT_EQ(queue.Pop(Always), 5);
  queue.Charge("away", 2);
  EXPECT_EQ(queue.Pop(Always), 4);
}

TEST(FairQueueTest, AnItemThatIsNotReadyKeepsItsPlaceAndHoldsUpNobody) {
  FairQueue<int> queue;
  for (const int item : {1, 2}) queue.Push("a", item);
  EXPECT_EQ(queue.Pop([](int item) { return item != 1; }), 2);
  EXPECT_EQ(queue.Pop([](int item) { return item != 1; }), std::nullopt);
  EXPECT_EQ(queue.Pop(Always), 1);
}

TEST(FairQueueTest, ItemsCanLeaveBeforeTheirTurn) {
  FairQueue<int> queue;
  for (const int item : {1, 2, 3}) queue.Push("a", item);
  queue.Push("b", 4);
  EXPECT_THAT(queue.Remove([](int item) { return item % 2 == 0; }), ElementsAre(2, 4));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_THAT(PopAll(&queue), ElementsAre(1, 3));
}

TEST(FairQueueTest, ClientsThatAreDoneAreForgotten) {
  FairQueue<int> queue;
  for (int i = 0; i < 1000; ++i) {
    const std::string client = "client " + std::to_string(i);
    queue.Push(client, i);
    EXPECT_EQ(queue.Pop(Always), i);
    queue.Charge(client, i);
    queue.Finished(client);
  }
  EXPECT_EQ(queue.clients(), 0u);
}

}  // namespace
}  // namespace lluda::engine
