// What passes/framework/pass.h promises of every pass, checked for every registered one on all testdata.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "ir/interpreter/tensor.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"
#include "passes/default_pipeline.h"
#include "passes/fuse/match/fusion_test_util.h"
#include "passes/pipeline.h"
#include "passes/registry.h"

namespace lluda::passes {
namespace {

constexpr char kToy[] = "ir/testdata/toy.lluda";
// Whole models: bf16 with a tied head, f32 with a head of its own, and one with a cache of
// integers.
constexpr const char* kModels[] = {kToy, "passes/testdata/default_pipeline_f32.lluda",
                                   "passes/testdata/default_pipeline_int8.lluda",
                                   "passes/testdata/default_pipeline_experts.lluda"};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string TestdataFile(absl::string_view pass) {
  return absl::StrCat("passes/testdata/", absl::StrReplaceAll(pass, {{"-", "_"}}), ".lluda");
}

std::vector<std::string> AllTestdata() {
  std::vector<std::string> files = {kToy};
  for (const auto& entry : std::filesystem::directory_iterator("passes/testdata")) {
    files.push_back(entry.path().string());
  }
  return files;
}

// Runs one pass, with the verifier around it and its report compared with what it did.
absl::StatusOr<PassReport> RunChecked(absl::string_view pass, ir::Module* module) {
  PipelineOptions options;
  options.check_reports = true;
  ASSIGN_OR_RETURN(auto pipeline, Pipeline::Create({std::string(pass)}, options));
  ASSIGN_OR_RETURN(auto reports, pipeline.Run(module));
  return reports.front();
}

// Values for the symbols and integer parameters of a module: three tokens of one sequence.
Inputs SmallInputs(const ir::Module& module) {
  Inputs inputs;
  for (const ir::Symbol& symbol : module.symbols) {
    inputs.symbols[symbol.name] = std::min<int64_t>(symbol.max, std::max<int64_t>(symbol.min, 3));
  }
  for (const auto& func : module.funcs()) {
    for (const auto& param : func->params()) {
      if (IsFloat(param->type.dtype)) continue;
      int64_t count = 1;
      for (const ir::Axis& axis : param->type.axes) {
        count *= axis.extent.is_constant() ? axis.extent.value : inputs.symbols[axis.extent.symbol];
      }
      std::vector<int64_t>& values = inputs.integers[param->name];
      values.assign(count, 0);
      const std::string& name = param->name;
      if (name == "slot" || name == "page" || name == "table") continue;
      for (int64_t i = 0; i < count; ++i) values[i] = i;
    }
  }
  return inputs;
}

void ExpectClose(const ir::Tensor& before, const ir::Tensor& after, absl::string_view what) {
  ASSERT_EQ(ToString(before.type()), ToString(after.type())) << what;
  for (int64_t i = 0; i < before.size(); ++i) {
    const float expected = before.floats()[i];
    // A row of -inf has no softmax; fusing may not give it one.
    ASSERT_EQ(std::isnan(after.floats()[i]), std::isnan(expected)) << what << ", element " << i;
    if (std::isnan(expected) || after.floats()[i] == expected) continue;
    // A fused softmax or attention may sum in another order.
    ASSERT_NEAR(after.floats()[i], expected, 2e-6f * std::max(1.0f, std::abs(expected)))
        << what << ", element " << i;
  }
}

TEST(AllPassesTest, EveryPassHasAGoldenFileThatRunsIt) {
  for (absl::string_view pass : AllPassNames()) {
    const std::string text = ReadFile(TestdataFile(pass));
    const std::string first_line = text.substr(0, text.find('\n'));
    EXPECT_EQ(first_line, absl::StrCat("// RUN: ", pass)) << TestdataFile(pass);
  }
}

TEST(AllPassesTest, ASecondRunChangesNothingAndReportsAreTrue) {
  for (const std::string& file : AllTestdata()) {
    const std::string text = ReadFile(file);
    for (absl::string_view pass : AllPassNames()) {
      const auto module = Parsed(text);
      const auto first = RunChecked(pass, module.get());
      if (absl::IsUnimplemented(first.status())) continue;  // a golden of an error
      ASSERT_TRUE(first.ok()) << file << ": " << first.status();
      const auto second = RunChecked(pass, module.get());
      ASSERT_TRUE(second.ok()) << file << ": " << second.status();
      EXPECT_FALSE(second->changed) << pass << " on " << file << "\n" << PrintModule(*module);
    }
  }
}

TEST(AllPassesTest, WhatAPassPrintsCanBeReadAgain) {
  for (absl::string_view pass : AllPassNames()) {
    const auto module = Parsed(ReadFile(TestdataFile(pass)));
    ASSERT_TRUE(RunChecked(pass, module.get()).ok());
    const std::string text = PrintModule(*module);
    EXPECT_EQ(PrintModule(*Parsed(text)), text) << pass;
  }
}

TEST(AllPassesTest, FunctionsComputeTheSameAfterEachPass) {
  for (absl::string_view pass : AllPassNames()) {
    const std::string text = ReadFile(TestdataFile(pass));
    const auto before = Parsed(text);
    const auto after = Parsed(text);
    const auto report = RunChecked(pass, after.get());
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_TRUE(report->changed) << pass;
    const Inputs inputs = SmallInputs(*after);  // page-caches adds some
    int compared = 0;
    for (const auto& func : after->funcs()) {
      if (before->FindFunc(func->name) == nullptr) continue;  // a copy that the pass made
      ExpectClose(Evaluate(*before, func->name, inputs), Evaluate(*after, func->name, inputs),
                  absl::StrCat(pass, ": @", func->name));
      ++compared;
    }
    EXPECT_GT(compared, 0) << pass;
  }
}

TEST(AllPassesTest, AWholeModelComputesTheSameAfterEachPassOfThePipeline) {
  for (const char* file : kModels) {
    const std::string text = ReadFile(file);
    const auto original = Parsed(text);
    const Inputs inputs = SmallInputs(*original);
    const ir::Tensor expected = Evaluate(*original, "step", inputs);
    const auto module = Parsed(text);
    for (const std::string& pass : DefaultPipeline()) {
      const auto report = RunChecked(pass, module.get());
      ASSERT_TRUE(report.ok()) << report.status();
      ExpectClose(expected, Evaluate(*module, "step", inputs), absl::StrCat(file, ": ", pass));
    }
  }
}

TEST(AllPassesTest, TheOptimisedToyOfTheIrsTestsIsWhatThePipelineMakesOfTheToy) {
  const auto module = Parsed(ReadFile(kToy));
  auto pipeline = Pipeline::Create(DefaultPipeline(), {});
  ASSERT_TRUE(pipeline.ok() && pipeline->Run(module.get()).ok());
  EXPECT_EQ(PrintModule(*module), ReadFile("ir/testdata/toy_optimized.lluda"));
}

TEST(AllPassesTest, ThePipelineChangesNothingInItsOwnResult) {
  for (const char* file : kModels) {
    const auto module = Parsed(ReadFile(file));
    for (int round = 0; round < 2; ++round) {
      for (const std::string& pass : DefaultPipeline()) {
        const auto report = RunChecked(pass, module.get());
        ASSERT_TRUE(report.ok()) << report.status();
        EXPECT_FALSE(round == 1 && report->changed) << pass << " on " << file;
      }
    }
  }
}

}  // namespace
}  // namespace lluda::passes
