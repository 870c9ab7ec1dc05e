#include "codegen/target.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Target WithIsa(Isa isa) {
  Target target;
  target.isa = isa;
  return target;
}

// "+" or "-" by feature name.
std::map<std::string, char> Signs(const Target& target) {
  std::map<std::string, char> signs;
  for (const std::string& feature : target.features) signs[feature.substr(1)] = feature[0];
  return signs;
}

TEST(AllIsas, AreSortedFromTheOldestAndHaveNamesOfTheirOwn) {
  const std::vector<Isa> isas = AllIsas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::kGeneric);
  EXPECT_TRUE(std::is_sorted(isas.begin(), isas.end()));
  std::set<std::string> names;
  for (const Isa isa : isas) names.insert(std::string(IsaName(isa)));
  EXPECT_EQ(names.size(), isas.size());
}

TEST(AllTiles, AreSortedByIsaSoThatTheLastRowIsTheNewest) {
  const auto tiles = AllTiles();
  EXPECT_TRUE(std::is_sorted(tiles.begin(), tiles.end(),
                             [](const TileRow& a, const TileRow& b) { return a.isa < b.isa; }));
}

TEST(AllTiles, GiveEveryInstructionSetATileForTheSameInputs) {
  std::set<std::pair<ir::DType, ir::DType>> inputs;
  for (const TileRow& row : AllTiles()) inputs.insert({row.a, row.b});
  for (const Isa isa : AllIsas()) {
    for (const auto& [a, b] : inputs) {
      EXPECT_NE(WithIsa(isa).FindTile(a, b), nullptr)
          << IsaName(isa) << " " << ir::DTypeName(a) << " " << ir::DTypeName(b);
    }
  }
}

TEST(AllTiles, HaveRowsAndAnEvenNumberOfPanels) {
  for (const TileRow& row : AllTiles()) {
    EXPECT_GE(row.rows, 1);
    EXPECT_EQ(row.panels % 2, 0) << "silu_mul pairs gate and up panels";
  }
}

TEST(FindTile, PicksTheNewestRowThatTheTargetRuns) {
  const auto& bf16 = *WithIsa(Isa::kAvx512Bf16).FindTile(ir::DType::kBF16, ir::DType::kBF16);
  EXPECT_EQ(bf16.isa, Isa::kAvx512Bf16);
  EXPECT_EQ(bf16.dot, Dot::kBf16Pair);
  // No row of its own for f32: the next older one serves.
  const auto& f32 = *WithIsa(Isa::kAvx512Bf16).FindTile(ir::DType::kF32, ir::DType::kF32);
  EXPECT_EQ(f32.isa, Isa::kAvx512);
  EXPECT_EQ(f32.dot, Dot::kWiden);
  EXPECT_EQ(WithIsa(Isa::kAvx512).FindTile(ir::DType::kBF16, ir::DType::kBF16)->dot, Dot::kWiden);
  EXPECT_EQ(WithIsa(Isa::kGeneric).FindTile(ir::DType::kBF16, ir::DType::kBF16)->isa,
            Isa::kGeneric);
}

TEST(FindTile, KeepsToVectorsWhereMatmulsHaveAmx) {
  const Target amx = WithIsa(Isa::kAmx);
  EXPECT_EQ(amx.FindMatmulTile(ir::DType::kBF16, ir::DType::kBF16)->dot, Dot::kAmx);
  EXPECT_EQ(amx.FindTile(ir::DType::kBF16, ir::DType::kBF16)->dot, Dot::kWiden);
  EXPECT_EQ(amx.FindMatmulTile(ir::DType::kF32, ir::DType::kF32),
            amx.FindTile(ir::DType::kF32, ir::DType::kF32));
}

TEST(FindTile, WidensIntegersToTheOtherInput) {
  for (const Isa isa : AllIsas()) {
    const Target target = WithIsa(isa);
    for (const ir::DType a : {ir::DType::kF32, ir::DType::kBF16}) {
      EXPECT_EQ(target.FindTile(a, ir::DType::kI8), target.FindTile(a, a));
      EXPECT_EQ(target.FindMatmulTile(a, ir::DType::kI8), target.FindMatmulTile(a, a));
    }
  }
}

TEST(FindTile, KnowsWhatHasNoTile) {
  EXPECT_EQ(WithIsa(Isa::kAvx512Bf16).FindTile(ir::DType::kI8, ir::DType::kI8), nullptr);
  EXPECT_EQ(WithIsa(Isa::kAvx512Bf16).FindTile(ir::DType::kF16, ir::DType::kF32), nullptr);
}

TEST(Target, HasFmaFromAvx2On) {
  EXPECT_FALSE(WithIsa(Isa::kGeneric).has_fma());
  EXPECT_TRUE(WithIsa(Isa::kAvx2).has_fma());
  EXPECT_TRUE(WithIsa(Isa::kAvx512Bf16).has_fma());
}

TEST(PanelDepth, PairsSixteenBitElements) {
  EXPECT_EQ(PanelDepth(ir::DType::kF32), 1);
  EXPECT_EQ(PanelDepth(ir::DType::kBF16), 2);
  EXPECT_EQ(PanelDepth(ir::DType::kF16), 2);
  EXPECT_EQ(PanelDepth(ir::DType::kI8), 1);
}

TEST(Host, StatesEveryFeatureOnceAsOnOrOff) {
  const Target host = Target::Host();
  ASSERT_FALSE(host.features.empty());
  for (const std::string& feature : host.features) {
    EXPECT_TRUE(feature[0] == '+' || feature[0] == '-') << feature;
  }
  EXPECT_EQ(Signs(host).size(), host.features.size());
}

TEST(Host, HasTheNewestInstructionSetThatCanBeNamed) {
  Isa newest = Isa::kGeneric;
  for (const Isa isa : AllIsas()) {
    if (Target::Named(IsaName(isa)).ok()) newest = isa;
  }
  EXPECT_EQ(Target::Host().isa, newest);
  const auto named = Target::Named("host");
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(named->isa, newest);
  EXPECT_EQ(named->cpu, Target::Host().cpu);
}

TEST(Named, TurnsOnItsOwnFeaturesAndNoneThatTheHostLacks) {
  const auto host = Signs(Target::Host());
  for (const Isa isa : AllIsas()) {
    const auto target = Target::Named(IsaName(isa));
    if (!target.ok()) continue;
    EXPECT_EQ(target->isa, isa);
    const auto signs = Signs(*target);
    for (const auto& [feature, sign] : signs) {
      if (sign == '+') {
        EXPECT_EQ(host.at(feature), '+') << IsaName(isa) << " " << feature;
      }
    }
    // The CPU's name could imply what the host masks.
    for (const auto& [feature, sign] : host) {
      if (sign == '-') {
        EXPECT_EQ(signs.at(feature), '-') << IsaName(isa) << " " << feature;
      }
    }
  }
}

TEST(Named, LimitsAnOlderInstructionSetToItsFeatures) {
  for (const char* older : {"generic", "avx2"}) {
    const auto target = Target::Named(older);
    if (!target.ok()) continue;
    EXPECT_THAT(target->features, Not(Contains(HasSubstr("+avx512")))) << older;
  }
  EXPECT_THAT(Target::Named("generic")->features, Not(Contains(HasSubstr("+avx"))));
}

TEST(Named, RefusesWhatItDoesNotKnowAndListsWhatItDoes) {
  for (const char* name : {"sse9", "", "AVX2"}) {
    const auto target = Target::Named(name);
    EXPECT_EQ(target.status().code(), absl::StatusCode::kNotFound);
    const std::string message(target.status().message());
    EXPECT_THAT(message, HasSubstr(absl::StrCat("unknown isa '", name, "'")));
    EXPECT_THAT(message, HasSubstr("host"));
    for (const Isa isa : AllIsas()) EXPECT_THAT(message, HasSubstr(std::string(IsaName(isa))));
  }
}

TEST(Named, RefusesWhatThisCpuCannotRun) {
  for (const Isa isa : AllIsas()) {
    const auto target = Target::Named(IsaName(isa));
    if (isa <= Target::Host().isa) {
      EXPECT_TRUE(target.ok()) << target.status();
      continue;
    }
    EXPECT_EQ(target.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(target.status().message()), HasSubstr(std::string(IsaName(isa))));
  }
}

TEST(Portable, EnablesTheFeaturesOfItsRowAndNoOthers) {
  for (const Isa isa : AllIsas()) {
    const auto portable = Target::Portable(IsaName(isa));
    if (!Target::Named(IsaName(isa)).ok()) {
      EXPECT_FALSE(portable.ok()) << IsaName(isa);
      continue;
    }
    ASSERT_TRUE(portable.ok()) << portable.status();
    EXPECT_EQ(portable->isa, isa);
    EXPECT_EQ(portable->cpu, "") << "a name would bring in features of its own";
    EXPECT_EQ(portable->tune, Target::Host().cpu);
    EXPECT_EQ(portable->EnabledFeatures().size(), portable->features.size());
  }
  EXPECT_TRUE(Target::Portable("generic")->features.empty());
  EXPECT_EQ(Target::Portable("host")->isa, Target::Host().isa);
  EXPECT_EQ(Target::Portable("sse9").status().code(), absl::StatusCode::kNotFound);
}

TEST(EnabledFeatures, AreThoseThatAreOn) {
  Target target;
  target.features = {"+fma", "-avx512f", "+avx2"};
  EXPECT_THAT(target.EnabledFeatures(), testing::ElementsAre("avx2", "fma"));
}

TEST(PrefetchBytes, FollowTheCpuThatIsScheduledForAndNotTheOneThatIsCompiledFor) {
  Target known, other, portable;
  known.cpu = "sapphirerapids";
  other.cpu = "a CPU of the future";
  portable.cpu = "x86-64";
  portable.tune = "sapphirerapids";
  EXPECT_GT(other.PrefetchBytes(), 0);
  EXPECT_GT(known.PrefetchBytes(), other.PrefetchBytes());
  EXPECT_EQ(portable.PrefetchBytes(), known.PrefetchBytes());
}

}  // namespace
}  // namespace lluda::codegen
