#include "base/status_macros.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace lluda::base {
namespace {

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::StatusOr<std::unique_ptr<int>> Quarter(int number, int* calls) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  ++*calls;
  int quarter = 0;
  ASSIGN_OR_RETURN(quarter, Half(half));
  return std::make_unique<int>(quarter);
}

absl::Status IsQuarterable(int number) {
  int calls = 0;
  RETURN_IF_ERROR(Quarter(number, &calls));
  RETURN_IF_ERROR(absl::OkStatus());
  return absl::OkStatus();
}

TEST(StatusMacrosTest, AValueIsMovedToItsTarget) {
  int calls = 0;
  absl::StatusOr<std::unique_ptr<int>> quarter = Quarter(12, &calls);
  ASSERT_TRUE(quarter.ok()) << quarter.status();
  EXPECT_EQ(**quarter, 3);
}

TEST(StatusMacrosTest, AnErrorEndsTheFunctionWhereItArises) {
  int calls = 0;
  EXPECT_EQ(Quarter(3, &calls).status(), absl::InvalidArgumentError("odd"));
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(Quarter(6, &calls).status(), absl::InvalidArgumentError("odd"));
  EXPECT_EQ(calls, 1);
}

TEST(StatusMacrosTest, AStatusIsHandedOnFromEitherType) {
  EXPECT_TRUE(IsQuarterable(8).ok());
  EXPECT_EQ(IsQuarterable(2), absl::InvalidArgumentError("odd"));
}

TEST(StatusMacrosTest, AnExpressionIsEvaluatedOnce) {
  int evaluations = 0;
  const auto count = [&]() -> absl::Status {
    ++evaluations;
    return absl::OkStatus();
  };
  const auto run = [&]() -> absl::Status {
    RETURN_IF_ERROR(count());
    return absl::OkStatus();
  };
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(evaluations, 1);
}

}  // namespace
}  // namespace lluda::base
