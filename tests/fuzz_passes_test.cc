// Random modules through the default pipeline: sound after every pass, the same bits in the
// interpreter, and nothing left to do in a second run.
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"
#include "tests/support/random_module.h"

namespace lluda::tests {
namespace {

constexpr uint32_t kFirstSeed = 1;
constexpr uint32_t kModules = 100;

// How often each op occurs in the functions of all modules.
using OpCounts = std::map<std::string, int>;

void Count(const ir::Module& module, OpCounts* counts) {
  ir::ForEachOp(module, [&](const ir::Op* op) { ++(*counts)[std::string(op->name())]; });
}

void CheckModule(uint32_t seed, OpCounts* before, OpCounts* after) {
  SCOPED_TRACE(absl::StrCat("MakeRandomModule(", seed, ", {})"));
  const RandomModule random = MakeRandomModule(seed, {});
  const std::string imported = ir::PrintModule(*random.module);
  Count(*random.module, before);
  const auto expected = Interpret(*random.module, "f", random.dims, random.run);
  ASSERT_TRUE(expected.ok()) << expected.status() << "\n" << imported;
  passes::PipelineOptions options;
  options.check_reports = true;
  options.dump = [&](int number, absl::string_view pass, const ir::Module& module) {
    if (number == 0) return absl::OkStatus();
    const auto values = Interpret(module, "f", random.dims, random.run);
    EXPECT_TRUE(values.ok()) << values.status() << " after " << pass;
    if (!values.ok()) return values.status();
    const bool same =
        values->size() == expected->size() &&
        std::memcmp(values->data(), expected->data(), values->size() * sizeof(float)) == 0;
    EXPECT_TRUE(same) << "after pass '" << pass << "' (#" << number << ") by "
                      << RelativeError(*values, *expected) << "\n"
                      << imported << "\nis now\n"
                      << ir::PrintModule(module);
    return same ? absl::OkStatus() : absl::AbortedError("the values differ");
  };
  auto pipeline = passes::Pipeline::Create(passes::DefaultPipeline(), options);
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  const auto reports = pipeline->Run(random.module.get());
  ASSERT_TRUE(reports.ok()) << reports.status() << "\n" << imported;
  Count(*random.module, after);

  const std::string text = ir::PrintModule(*random.module);
  const auto parsed = ir::ParseModule(text, "optimised.lluda");
  ASSERT_TRUE(parsed.ok()) << parsed.status() << "\n" << text;
  EXPECT_EQ(ir::PrintModule(**parsed), text);
  const auto again = pipeline->Run(random.module.get());
  ASSERT_TRUE(again.ok()) << again.status() << "\n" << text;
  for (const passes::PassReport& report : *again) {
    EXPECT_FALSE(report.changed) << "pass '" << report.pass << "' (#" << report.number
                                 << ") in a second run of the pipeline, of\n"
                                 << imported << "\nwhich was\n"
                                 << text;
  }
}

TEST(FuzzPassesTest, ThePipelineKeepsTheBitsOfRandomModules) {
  RecordProperty("first_seed", static_cast<int>(kFirstSeed));
  OpCounts before, after;
  for (uint32_t seed = kFirstSeed; seed < kFirstSeed + kModules; ++seed) {
    ASSERT_NO_FATAL_FAILURE(CheckModule(seed, &before, &after));
    if (HasFailure()) return;
  }
  // The generator has not lost what the passes look for: each fusion fires, and near misses stay.
  for (const char* op : {"rope", "softmax", "attention", "pack"}) {
    EXPECT_EQ(before[op], 0) << op;
    EXPECT_GT(after[op], 10) << op;
  }
  for (const char* op : {"concat", "exp", "div", "permute", "gather", "causal_mask"}) {
    EXPECT_GT(after[op], 0) << op;
  }
  EXPECT_LT(after["matmul"], before["matmul"]);
}

}  // namespace
}  // namespace lluda::tests
