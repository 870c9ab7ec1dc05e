#include "codegen/llvm/target.h"

#include <map>
#include <string>
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

TEST(Target, HasFmaFromAvx2On) {
  EXPECT_FALSE(WithIsa(Isa::kGeneric).has_fma());
  EXPECT_TRUE(WithIsa(Isa::kAvx2).has_fma());
  EXPECT_TRUE(WithIsa(Isa::kAvx512Bf16).has_fma());
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
  EXPECT_GT(other.PrefetchBytes(/*panels=*/1), other.PrefetchBytes());
}

}  // namespace
}  // namespace lluda::codegen
