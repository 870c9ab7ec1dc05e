#include "engine/weight_budget/search_types.h"

#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using testing::HasSubstr;

constexpr int64_t kElements = 32 * 256;
constexpr int64_t kOthers = 1000;  // bytes of what is never quantised

MatrixGroup Group(const std::string& name) {
  MatrixGroup group;
  group.name = name;
  group.matrices = {{name, std::nullopt, {name}, 32, 256}};
  group.types = {{std::nullopt, 2 * kElements, 0},
                 {ir::DType::kQ8_0, kElements * 34 / 32, 2e-5},
                 {ir::DType::kQ6K, kElements * 210 / 256, 3e-4},
                 {ir::DType::kQ4_0, kElements * 18 / 32, 8e-3},
                 {ir::DType::kQ2K, kElements * 84 / 256, 9e-2}};
  return group;
}

// A model of which matrices hurt by different factors, and together more than apart.
class Model {
 public:
  explicit Model(double together = 1.3) : together_(together) {
    for (const char* name : {"harmless", "usual", "sensitive"}) groups_.push_back(Group(name));
  }

  const std::vector<MatrixGroup>& groups() const { return groups_; }
  int runs() const { return runs_; }

  absl::StatusOr<FoundTypes> Search(const char* budget) {
    SearchOptions options;
    options.budget = *ParseBudget(budget);
    options.measure = [this](const frontends::WeightTypes& types) { return Measure(types); };
    return SearchTypes(groups_, options);
  }

  MixtureMeasure Measure(const frontends::WeightTypes& types) {
    ++runs_;
    MixtureMeasure measure{0, 0, 1000, kOthers};
    int quantised = 0;
    for (size_t i = 0; i < groups_.size(); ++i) {
      const auto type = types.find(groups_[i].name);
      for (const SizedType& sized : groups_[i].types) {
        if (type == types.end() || sized.type != type->second) continue;
        measure.kl += sized.error * std::pow(10, i) / 10;
        // Packed, blocks take a little more.
        measure.bytes += sized.bytes + (sized.type ? 100 : 0);
        if (sized.type) ++quantised;
      }
    }
    if (quantised > 1) measure.kl *= together_;
    measure.same_top = 1000 - std::llround(400 * std::sqrt(measure.kl));
    return measure;
  }

 private:
  std::vector<MatrixGroup> groups_;
  double together_;
  int runs_ = 0;
};

TEST(SearchTypesTest, ABudgetOfKlIsMetByTheWholeAndNotByTheSum) {
  Model model;
  for (const char* budget : {"kl=0.5", "kl=0.05", "kl=0.005", "kl=0.0005", "kl=0.00001"}) {
    const absl::StatusOr<FoundTypes> found = model.Search(budget);
    ASSERT_TRUE(found.ok()) << found.status();
    const MixtureMeasure measure = model.Measure(found->types);
    EXPECT_LE(measure.kl, ParseBudget(budget)->most);
    EXPECT_EQ(found->chosen.kl, measure.kl);
    EXPECT_EQ(found->chosen.bytes, measure.bytes);
    EXPECT_EQ(found->chosen.plain_bytes, kOthers + 3 * 2 * kElements);
  }
}

TEST(SearchTypesTest, ABudgetThatTheMatricesAloneExceedIsRefusedBeforeAnythingIsMeasured) {
  Model model;
  EXPECT_EQ(
      model.Search("bytes=8000").status().message(),
      "--budget bytes=8000 allows 8000 bytes, the smallest types of the matrices alone take 8064");
  EXPECT_EQ(model.runs(), 0);
}

TEST(SearchTypesTest, WhatHurtsLeastGetsTheFewestBits) {
  Model model;
  const absl::StatusOr<FoundTypes> found = model.Search("kl=0.05");
  ASSERT_TRUE(found.ok()) << found.status();
  const auto& rows = found->chosen.rows;
  ASSERT_EQ(rows.size(), 3);
  EXPECT_EQ(rows[0].matrices, "harmless");
  EXPECT_EQ(rows[0].type, "q2_k");
  EXPECT_LE(rows[0].bytes, rows[1].bytes);
  EXPECT_LT(rows[1].bytes, rows[2].bytes);
  EXPECT_NEAR(rows[0].kl, 9e-3, 1e-9);
}

TEST(SearchTypesTest, WhereTypesCostLessThanTheirSumTheBudgetIsUsedAllTheSame) {
  Model careful(1), lucky(0.2);
  const absl::StatusOr<FoundTypes> some = careful.Search("kl=0.02"), more = lucky.Search("kl=0.02");
  ASSERT_TRUE(some.ok() && more.ok());
  EXPECT_LT(more->chosen.bytes, some->chosen.bytes);
}

TEST(SearchTypesTest, AModelThatEveryTypeHurtsStaysAsItIs) {
  Model model;
  const absl::StatusOr<FoundTypes> found = model.Search("kl=1e-12");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->chosen.kl, 0);
  for (const auto& row : found->chosen.rows) EXPECT_EQ(row.type, "");
}

TEST(SearchTypesTest, LikeliestTokensAreKept) {
  Model model;
  for (const char* budget : {"top1=100%", "top1=99%", "top1=95%", "top1=50%"}) {
    const absl::StatusOr<FoundTypes> found = model.Search(budget);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_TRUE(ParseBudget(budget)->IsMet(model.Measure(found->types))) << budget;
  }
}

TEST(SearchTypesTest, BytesAreCountedAsTheyAreHeld) {
  Model model;
  for (const int64_t bytes : {50000, 40000, 25000, 15000, 9500}) {
    const absl::StatusOr<FoundTypes> found =
        model.Search(("bytes=" + std::to_string(bytes)).c_str());
    ASSERT_TRUE(found.ok()) << found.status();
    const int64_t held = model.Measure(found->types).bytes;
    EXPECT_LE(held, bytes);
    EXPECT_GT(held, bytes * 3 / 4) << "most of what it may have is used";
  }
}

TEST(SearchTypesTest, TooFewBytesAreRefusedWithBothNumbersBeforeAnythingElseIsMeasured) {
  Model model;
  const absl::Status status = model.Search("bytes=9000").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  // Three matrices of 8192 elements in q2_k, 100 bytes more each, and the others.
  EXPECT_EQ(status.message(),
            "--budget bytes=9000 allows 9000 bytes, the smallest types take 9364");
  EXPECT_EQ(model.runs(), 2);
}

TEST(SearchTypesTest, LogitsThatAreNoNumbersAreRefused) {
  SearchOptions options;
  options.budget = *ParseBudget("kl=0.1");
  options.measure = [](const frontends::WeightTypes&) {
    return MixtureMeasure{std::numeric_limits<double>::quiet_NaN(), 0, 10, 10};
  };
  const absl::Status status = SearchTypes({Group("a")}, options).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("logits are not finite"));
}

}  // namespace
}  // namespace lluda::engine
