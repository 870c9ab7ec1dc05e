// Random modules through the default pipeline and compiled, against the interpreter.
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "codegen/llvm/target.h"
#include "gtest/gtest.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/compiled_model.h"
#include "tests/support/random_module.h"
#include "tests/support/run_both.h"

namespace lluda::tests {
namespace {

constexpr uint32_t kFirstSeed = 1000;

using Param = std::tuple<std::string, bool, uint32_t>;  // isa, narrow values too, seed

class JitFuzzTest : public testing::TestWithParam<Param> {};

TEST_P(JitFuzzTest, ARandomModuleComputesWhatTheInterpreterDoes) {
  const auto& [isa, narrow, seed] = GetParam();
  const auto target = codegen::Target::Named(isa);
  ASSERT_TRUE(target.ok()) << target.status();
  RandomModuleOptions options;
  options.narrow = narrow;
  options.compiled = true;
  const RandomModule random = MakeRandomModule(seed, options);
  const std::string imported = ir::PrintModule(*random.module);
  const auto expected = Interpret(*random.module, "f", random.dims, random.run);
  ASSERT_TRUE(expected.ok()) << expected.status() << "\n" << imported;
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), {});
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  ASSERT_TRUE(pipeline->Run(random.module.get()).ok()) << imported;
  // The difference is that of f32 sums in another order and of polynomials for exp. With narrow
  // values, one element that another order rounds the other way may be all the difference there is.
  const double bound = narrow ? 2e-3 : 2e-6;
  RunOptions run = random.run;
  run.threads = 3;
  const auto compiled = RunCompiled(*random.module, "f", random.dims, *target, run);
  ASSERT_TRUE(compiled.ok()) << compiled.status() << "\n" << ir::PrintModule(*random.module);
  EXPECT_LE(RelativeError(compiled->values, *expected), bound)
      << "MakeRandomModule(" << seed << ") after the passes is\n"
      << ir::PrintModule(*random.module);
}

std::string NameOf(const testing::TestParamInfo<Param>& info) {
  const auto& [isa, narrow, seed] = info.param;
  return absl::StrCat(isa, narrow ? "_narrow_" : "_f32_", seed);
}

// Most on the newest instruction set that this CPU has, a few on each older one.
INSTANTIATE_TEST_SUITE_P(Host, JitFuzzTest,
                         testing::Combine(testing::Values("host"), testing::Bool(),
                                          testing::Range(kFirstSeed, kFirstSeed + 16)),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Older, JitFuzzTest,
                         testing::Combine(testing::ValuesIn(RunnableIsas()), testing::Bool(),
                                          testing::Range(kFirstSeed + 16, kFirstSeed + 18)),
                         NameOf);

}  // namespace
}  // namespace lluda::tests
